"""A server as it runs in production, with an access log, and everything that it writes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.test import Client

from queueboard.live import carriers
from queueboard.supervisor import valkey
from tests import browser


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory) -> Iterator[str]:
    """REDIS_URL if it is set, else a Valkey of our own."""
    if os.environ.get("REDIS_URL"):
        yield os.environ["REDIS_URL"]
        return
    with tempfile.TemporaryDirectory(prefix="qb", dir="/tmp") as folder, valkey.running_valkey(Path(folder)) as url:
        yield url


@pytest.fixture
def our_redis(settings, redis_url) -> str:
    settings.REDIS_URL = redis_url
    settings.REDIS_PREFIX = f"test-privacy-{os.getpid()}"
    carriers.by_url.cache_clear()
    yield redis_url
    carriers.by_url.cache_clear()


class Site(browser.Server):
    """uvicorn with its access log and everything else it has to say."""

    def __init__(self, log: Path, **environment: str) -> None:
        super().__init__(log)
        self.environment = environment

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "queueboard.asgi:application", "--port", str(self.port)]
        command += ["--ws", "queueboard.live.server:LiveProtocol", "--access-log", "--log-level", "debug"]
        own = {"DATABASE_URL": browser.database_url(), "LOG_LEVEL": "DEBUG"}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=browser.ROOT, env=os.environ | own | self.environment, stdout=out, stderr=out
            )
        until = time.monotonic() + browser.PATIENCE
        while time.monotonic() < until and "startup complete" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)


class Visitor(requests.Session):
    """A browser on the site: keeps cookies, sends the token against forged requests, notes every address."""

    def __init__(self, site: Site, user=None) -> None:
        super().__init__()
        self.site = site
        self.addresses: list[str] = []
        self.cookies.set("csrftoken", "a" * 32)
        self.headers["X-CSRFToken"] = "a" * 32
        if user is not None:
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            self.cookies.set("sessionid", client.cookies["sessionid"].value)

    def ask(self, method: str, path: str, expected: int, **kwargs) -> requests.Response:
        """Fails where the status is not the expected one; 0: any."""
        address = path if path.startswith("http") else self.site.url + path
        answer = self.request(method, address, allow_redirects=False, timeout=30, **kwargs)
        assert expected in (0, answer.status_code), (path, answer.status_code, answer.text[-1500:])
        self.addresses += [address, answer.headers.get("Location", "")]
        return answer
