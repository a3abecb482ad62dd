"""What all tests share: triggers that let a test database be flushed, and the services a test may need."""

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import SimpleTestCase
from playwright.sync_api import Browser, Playwright, sync_playwright

from booking import triggers
from queueboard import catalogues
from queueboard.live import news
from tests import browser as browsers


def pytest_configure(config):
    # A fresh clone has no compiled catalogues; side by side, one process makes them.
    if not hasattr(config, "workerinput"):
        catalogues.compile_all(settings.BASE_DIR)
    else:
        # Their databases are apart, so must their news be.
        settings.REDIS_PREFIX = f"{settings.REDIS_PREFIX}-{config.workerinput['workerid']}"
        os.environ["REDIS_PREFIX"] = settings.REDIS_PREFIX


@pytest.fixture(scope="session", autouse=True)
def _flush_in_spite_of_triggers():
    """SQLite empties tables by DELETE, which the append-only triggers refuse: take them off around a flush."""
    plain = DatabaseWrapper.ops_class.sql_flush

    def sql_flush(self, style, tables, **kwargs):
        guarded = [table for table in triggers.APPEND_ONLY if table in tables]
        off = [sql for table in guarded for sql in triggers.drop_sql("sqlite", table)]
        on = [sql for table in guarded for sql in triggers.append_only_sql("sqlite", table)]
        return [*off, *plain(self, style, tables, **kwargs), *on]

    DatabaseWrapper.ops_class.sql_flush = sql_flush
    yield
    DatabaseWrapper.ops_class.sql_flush = plain


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    _mark(items)
    yield
    # After pytest-django has put those without a database last: of the longest, begun last, one would run alone.
    items.sort(key=lambda item: _begun(item.path))


# Files that take a minute or more, the longest first.
LONG = (
    "test_demo_lives.py", "test_live_morning.py", "test_town.py", "test_public_browser.py", "test_draw_browser.py",
    "test_up.py", "test_board_voice_browser.py", "test_every_face_browser.py", "test_push_browser.py",
)  # fmt: skip


def _begun(path: Path) -> int:
    return LONG.index(path.name) if path.name in LONG else len(LONG) + (path.parent.name != "processes")


def _mark(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_pure(item):
            item.add_marker("pure")
        if _is_of_pages(item):
            item.add_marker("once")
    if connection.vendor == "postgresql":
        return
    skip = pytest.mark.skip(reason="races and locks are tested on PostgreSQL (set DATABASE_URL)")
    for item in items:
        if "postgres" in item.keywords:
            item.add_marker(skip)


# Folders of pages and of what is answered in a chat; those files in them that go a whole way in a browser; and those
# that run every list and query.
PAGES = ("book", "challenge", "desk", "faces", "schedules", "wechat")
WALKS = ("test_book_browser.py", "test_kiosk_browser.py")
QUERIES = ("test_lists.py", "test_overview.py", "test_public_phone.py", "test_staff_admin.py", "test_what_became.py")


def _is_of_pages(item: pytest.Item) -> bool:
    """Whether it reads pages that others run on each database, and races for nothing."""
    races = item.get_closest_marker("postgres") is not None
    return item.path.parent.name in PAGES and item.path.name not in WALKS + QUERIES and not races


def _is_pure(item: pytest.Item) -> bool:
    """Whether a test has neither a database nor Redis nor a process beside it: what it says holds on any of them."""
    outside = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    marked = any(item.get_closest_marker(name) for name in ("django_db", "processes", "browser", "postgres"))
    serves = item.path.parent.name in ("live", "processes")
    django_case = issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    return not (outside or marked or serves or django_case)


@pytest.fixture(autouse=True)
def _no_snapshots_of_other_tests():
    """A test that is rolled back gives its sessions' ids to the next one, and what it left in Redis would be theirs."""
    yield
    with contextlib.suppress(redis.ConnectionError):
        left = _redis().keys(news.key("*"))
        if left:
            _redis().delete(*left)


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Its library runs an event loop in this thread from now on, beside which Django would refuse queries."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of a process."""
    browser = browsers.launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def consultations() -> Path:
    """The file of real consultations, in the folder named by QUEUEBOARD_DATA."""
    folder = os.environ.get("QUEUEBOARD_DATA", "")
    path = Path(folder) / "consultations.csv"
    if not folder or not path.exists():
        pytest.skip("QUEUEBOARD_DATA does not name a folder with consultations.csv")
    return path
