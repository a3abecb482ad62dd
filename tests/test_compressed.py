"""What goes over the wire compressed, and that it is never of an earlier version."""

import gzip
import os

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory

from queueboard.compressed import StaticFiles
from tests import factories

PATH = "/static/js/phone.js"


@pytest.fixture
def collected(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    call_command(
        "collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin", "unfold", "drf_*", "rest_*"]
    )
    return tmp_path / "js" / "phone.js"


def fetched(encoding: str = "gzip"):
    answer = StaticFiles(lambda request: HttpResponse(status=404))(
        RequestFactory().get(PATH, headers={"accept-encoding": encoding})
    )
    return answer, b"".join(answer.streaming_content)


def test_scripts_that_were_collected_go_out_compressed_to_who_can_read_it(collected):
    answer, body = fetched()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == fetched("identity")[1] == collected.read_bytes()
    assert len(body) < collected.stat().st_size / 2


def test_a_collected_file_that_is_older_than_its_source_is_not_served(collected):
    collected.write_text("old")
    os.utime(collected, (1, 1))
    answer, body = fetched()
    assert "Content-Encoding" not in answer.headers
    assert body != b"old"


def test_what_was_not_collected_is_served_as_it_is(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    assert fetched()[0].status_code == 200


@pytest.mark.django_db
def test_a_patients_page_is_compressed_and_one_that_a_cookie_opens_is_not(client):
    """BREACH: a page whose address others know, with secrets in it, must not tell them by its length."""
    mine = factories.appointment(factories.session())
    asked = {"accept-encoding": "gzip"}
    assert client.get(f"/t/{mine.token}/", headers=asked).headers["Content-Encoding"] == "gzip"
    for path in ("/book/mine/", "/book/sign-in/", "/lookup/"):
        assert "Content-Encoding" not in client.get(path, headers=asked).headers
