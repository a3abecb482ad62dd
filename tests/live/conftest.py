"""A real Redis or Valkey, and a real server process over the test database."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from queueboard.live import carriers
from queueboard.supervisor import valkey
from tests.live.serving import PREFIX, OwnValkey, Server


def pytest_asyncio_loop_factories(config, item):
    """The loop that serves in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """REDIS_URL if it is set, else a Valkey of our own."""
    if os.environ.get("REDIS_URL"):
        yield os.environ["REDIS_URL"]
        return
    folder = Path(tempfile.mkdtemp(prefix="qb", dir="/tmp"))  # short: it holds a unix socket
    with valkey.running_valkey(folder) as url:
        yield url
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(redis_url, django_db_setup) -> Iterator[Server]:
    """A server that lives through all tests: ids are not given out twice, so no test sees another's queues."""
    running = Server(redis_url)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _our_news(settings, redis_url) -> None:
    settings.REDIS_URL = redis_url
    settings.REDIS_PREFIX = PREFIX
    carriers.by_url.cache_clear()


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    folder = Path(tempfile.mkdtemp(prefix="qb", dir="/tmp"))
    running = OwnValkey(folder)
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)
