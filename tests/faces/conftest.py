"""What the tests of the faces share: no memory in Redis between tests, a browser, a server on the test's database."""

from collections.abc import Iterator

import pytest

from queueboard.live import news
from tests import browser as browsers


@pytest.fixture(autouse=True)
def _no_snapshots_of_other_tests(request, monkeypatch):
    """A test that is rolled back gives its ids and versions to the next, which must not find its snapshots in Redis."""
    if "browser" not in request.keywords:
        monkeypatch.setattr(news, "_ask", lambda question: None)


@pytest.fixture(scope="session")
def running(django_db_setup, tmp_path_factory) -> Iterator[browsers.Server]:
    with browsers.serving(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture
def server(running, transactional_db) -> Iterator[browsers.Server]:
    """The one server, on a database that is empty when the test begins."""
    yield running
    browsers.wait_until_quiet()
