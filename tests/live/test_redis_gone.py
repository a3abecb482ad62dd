"""Redis only carries news: without it screens are at most 3 s behind, and afterwards all is as before (R6.1)."""

import pytest
import redis

from queueboard.live import carriers, news
from tests.live import clinic
from tests.live.serving import Server, state, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.once]


@pytest.fixture
def server_of_its_own(own_valkey, settings):
    settings.REDIS_URL = own_valkey.url
    running = Server(own_valkey.url)
    yield running
    running.stop()


def subscribed(url: str, session_id: int) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return client.pubsub_numsub(news.topic(session_id))[0][1] > 0
    except redis.RedisError:
        return False


def test_calls_reach_screens_while_redis_is_down_and_all_is_as_before_when_it_is_back(server_of_its_own, own_valkey):
    session = clinic.queue("张小明", "李大四", "王小五", "赵小六")
    with server_of_its_own.connect(f"/ws/queues/{session.pk}/") as ws:
        first = state(ws)
        until(lambda: subscribed(own_valkey.url, session.pk))

        own_valkey.kill()
        clinic.call(session)
        assert carriers.by_url(own_valkey.url).left_alone  # one press found out; the next ones do not wait for Redis
        second = state(ws, newer_than=first["version"], within=3.0)
        assert [entry["number"] for entry in second["called"]] == ["A001"]
        clinic.call(session)
        third = state(ws, newer_than=second["version"], within=3.0)
        assert [entry["number"] for entry in third["called"]] == ["A002"]

        own_valkey.start()
        until(lambda: subscribed(own_valkey.url, session.pk))
        until(lambda: not carriers.by_url(own_valkey.url).left_alone)
        for number in ("A003", "A004"):
            clinic.call(session)
            latest = state(ws, newer_than=third["version"])
            assert news.stored(session.pk, version=latest["version"]) is not None
            assert [entry["number"] for entry in latest["called"]] == [number]
            third = latest
