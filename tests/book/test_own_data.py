"""The pages on which one sees what is kept, takes it along, and has it erased."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking.models import Account, DataLog, Patient, PhoneCode
from booking.services import accounts
from tests import factories
from tests.book.conftest import ID, PHONE
from tests.privacy.test_personal import seen

pytestmark = pytest.mark.django_db
DATA, FILE, ERASE = "/book/mine/data/", "/book/mine/data/file/", "/book/mine/data/erase/"


@pytest.fixture
def wang(patient):
    made = factories.patient(name="王小明", id_number=ID, phone=PHONE)
    seen(made)
    accounts.add_member(account=Account.objects.get(), patient_id=made.pk)
    # The code of the sign-in was sent a while ago.
    PhoneCode.objects.update(made_at=timezone.now() - timedelta(minutes=2))
    return made


def test_the_pages_are_for_who_is_signed_in(session):
    stranger = Client()
    for address in (DATA, ERASE):
        assert stranger.get(address).headers["Location"].startswith("/book/sign-in/")
    assert stranger.post(FILE).status_code == 302
    assert not DataLog.objects.exists()


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_what_is_kept_is_shown_without_whole_numbers(patient, wang, language):
    html = patient.get(f"{DATA}?lang={language}").content.decode()
    assert "王小明" in html
    assert ID[-4:] in html
    assert ID not in html
    assert PHONE not in html
    assert FILE in html
    assert patient.get(f"{ERASE}?lang={language}").status_code == 200


def test_the_file_has_all_and_is_kept_by_no_proxy(patient, wang):
    answer = patient.post(FILE)
    assert answer.json()["patients"][0]["id_number"] == ID
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert DataLog.objects.get().kind == "handed_out"


def test_erased_after_a_fresh_code_and_signed_out(patient, wang):
    assert 'name="code"' not in patient.get(ERASE).content.decode()
    assert patient.post(ERASE).headers["Location"] == ERASE
    assert 'name="code"' in patient.get(ERASE).content.decode()
    wrong = patient.post(ERASE, {"code": "000000"})
    assert (wrong.status_code, "code_wrong" in wrong.content.decode()) == (403, True)
    code = PhoneCode.objects.first().code
    done = patient.post(ERASE, {"code": code})
    assert done.headers["Location"] == "/book/erased/"
    assert patient.get("/book/erased/").status_code == 200
    assert patient.get(DATA).headers["Location"].startswith("/book/sign-in/")
    assert Patient.objects.get(pk=wang.pk).name == ""


def test_what_is_still_open_is_said_and_no_code_is_sent(patient, wang):
    factories.appointment(factories.session(day=timezone.localtime() + timedelta(days=3)), who=wang)
    html = patient.get(ERASE).content.decode()
    assert "Please cancel it first" in html
    assert "Send a code" not in html
    count = PhoneCode.objects.count()
    assert patient.post(ERASE).status_code == 409
    assert PhoneCode.objects.count() == count
