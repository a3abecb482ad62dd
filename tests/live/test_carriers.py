"""Several servers share the news: each session goes by one of them, and one that is gone takes no other along."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from queueboard.live import carriers, news
from tests.live import clinic
from tests.live.serving import OwnValkey, Server, state, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.once]


@pytest.fixture
def two(settings) -> Iterator[list[OwnValkey]]:
    folders = [Path(tempfile.mkdtemp(prefix="qb", dir="/tmp")) for _ in range(2)]
    servers = [OwnValkey(folder) for folder in folders]
    settings.NEWS_URLS = [each.url for each in servers]
    yield servers
    for each, folder in zip(servers, folders, strict=True):
        each.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def live(two, redis_url) -> Iterator[Server]:
    running = Server(redis_url, NEWS_URLS=",".join(each.url for each in two))
    yield running
    running.stop()


def heard(session_id: int) -> bool:
    """Whether the server of this session's news has a subscriber for it."""
    with redis.Redis.from_url(carriers.url_of(session_id)) as client:
        return client.pubsub_numsub(news.topic(session_id))[0][1] > 0


def test_sessions_are_dealt_out_and_a_dead_server_takes_no_other_along(two, live):
    sessions = [clinic.queue("张小明", "李大四", "王小五") for _ in range(2)]
    by_home = {carriers.url_of(session.pk): session for session in sessions}
    assert set(by_home) == {each.url for each in two}
    lost, kept = by_home[two[0].url], by_home[two[1].url]
    with live.connect(f"/ws/queues/{lost.pk}/") as of_lost, live.connect(f"/ws/queues/{kept.pk}/") as of_kept:
        seen = {session: state(ws)["version"] for session, ws in ((lost, of_lost), (kept, of_kept))}
        until(lambda: heard(lost.pk) and heard(kept.pk))

        two[0].kill()
        for session, ws in ((lost, of_lost), (kept, of_kept)):
            clinic.call(session)
            called = state(ws, newer_than=seen[session], within=3.0)
            assert [entry["number"] for entry in called["called"]] == ["A001"]
            seen[session] = called["version"]
        assert carriers.by_url(two[0].url).left_alone
        assert not carriers.by_url(two[1].url).left_alone

        two[0].start()
        until(lambda: heard(lost.pk))
        until(lambda: not carriers.by_url(two[0].url).left_alone)
        clinic.call(lost)
        latest = state(of_lost, newer_than=seen[lost])
        assert [entry["number"] for entry in latest["called"]] == ["A002"]
        assert news.stored(lost.pk, version=latest["version"]) is not None
