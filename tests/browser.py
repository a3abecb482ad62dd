"""A real server on the test's own database, and a real browser on it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from playwright.sync_api import Error as PlaywrightError

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
# Without the window that nobody sees, Chromium takes half of the processor; it allows no page to notify.
WITHOUT_WINDOW = ("chromium-headless-shell",)
WHOLE = ("chromium", "chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=zh-CN"]
SIZES = {"320": (320, 640), "390": (390, 844), "720p": (1280, 720), "1080p": (1920, 1080), "upright": (1080, 1920)}
PATIENCE = 30.0  # seconds for the server to answer first


def database_url() -> str:
    """The address of the database that the test runs on, for a process of its own."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    return f"postgres://{settings['USER']}{password}@{settings['HOST']}:{settings['PORT'] or 5432}/{settings['NAME']}"


def free_port() -> int:
    """A port nobody listens on, another one for each test process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """uvicorn with the ASGI entry, on the test's database; it can be stopped and started again on the same port."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "queueboard.asgi:application", "--port", str(self.port)]
        command += ["--ws", "queueboard.live.server:LiveProtocol", "--no-access-log"]
        environment = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "queueboard.settings"}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def wait_until_quiet() -> None:
    """Until the server reads nothing: the emptying of the tables would wait for it, and it for that."""
    if connection.vendor != "postgresql":
        return
    until = time.monotonic() + PATIENCE
    busy = True
    while busy and time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle')"
            )
            (busy,) = cursor.fetchone()
        time.sleep(0.05)


@contextlib.contextmanager
def serving(log: Path) -> Iterator[Server]:
    server = Server(log)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def launch(playwright: Playwright, *, whole: bool = False) -> Browser:
    """CHROMIUM, else what the path has: without a window if a test does not need the `whole` browser."""
    names = WHOLE if whole else WITHOUT_WINDOW + WHOLE
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


def context(browser: Browser, size: str = "390", **options) -> BrowserContext:
    width, height = SIZES[size]
    defaults = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
    return browser.new_context(viewport={"width": width, "height": height}, **defaults | options)


def asked(page: Page, question: Callable[[], T]) -> T:
    """What the page answers; asked again where another page came in the middle of it."""
    for _ in range(5):
        with contextlib.suppress(PlaywrightError):
            return question()
        page.wait_for_load_state()
    return question()


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.1 AA and good practice: one line each, with the elements."""
    found = asked(page, lambda: Axe().run(page).response["violations"])
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes']][:3]}" for each in found]


def wider_than_screen(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways."""
    by = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return asked(page, lambda: page.evaluate(by))
