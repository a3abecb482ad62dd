"""What the tests of the faces share: a browser, a server on the test's database."""

from collections.abc import Iterator

import pytest

from tests import browser as browsers
from tests.faces import staff


@pytest.fixture(scope="session")
def running(django_db_setup, tmp_path_factory) -> Iterator[browsers.Server]:
    with browsers.serving(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture
def server(running, transactional_db) -> Iterator[browsers.Server]:
    """The one server, on a database that is empty when the test begins."""
    yield running
    browsers.wait_until_quiet()


@pytest.fixture
def open_pages(server, chromium):
    """A browser of a manager's, or of who is given; what it complains about fails the test."""
    opened, complaints = [], []

    def go(locale="en-GB", scheme="light", size="720p", who=None):
        context = browsers.context(chromium, size, locale=locale, color_scheme=scheme)
        staff.log_in(context, server.url, who or staff.user("manager"))
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append(context)
        return page

    yield go
    for context in opened:
        context.close()
    assert complaints == []
