"""News through Redis: an older snapshot never replaces a newer one, and nobody waits for Redis."""

import threading
import time
from dataclasses import replace

import pytest
import redis

from queueboard import snapshots
from queueboard.live import carriers, news, protocol
from tests.live import clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot():
    return snapshots.build(clinic.queue("张小明", "李四").pk)


@pytest.fixture
def told(redis_url, snapshot):
    """What comes on the topic of the snapshot's session: a function returning the versions heard so far."""
    client = redis.Redis.from_url(redis_url)
    client.delete(news.key(snapshot.session))
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(news.topic(snapshot.session))
    pubsub.get_message(timeout=1)
    client.publish(news.topic(snapshot.session), b"ready")
    while (message := pubsub.get_message(timeout=1)) is None or message["data"] != b"ready":
        pass

    def versions() -> list[int]:
        client.publish(news.topic(snapshot.session), b"end")
        heard = []
        while (message := pubsub.get_message(timeout=1)) is None or message["data"] != b"end":
            if message is not None:
                heard.append(protocol.unpack(message["data"]).version)
        return heard

    yield versions
    pubsub.close()
    client.close()


def test_a_stored_snapshot_is_published_once_and_can_be_read_back(snapshot, told):
    assert news.store(snapshot) is True
    assert news.store(snapshot) is False
    assert told() == [snapshot.version]
    assert news.stored(snapshot.session, version=snapshot.version) == snapshot


@pytest.mark.parametrize("older", [1, 2])
def test_an_older_snapshot_never_replaces_a_newer_one(snapshot, told, older):
    newer = replace(snapshot, version=snapshot.version + older)
    assert news.store(newer) is True
    assert news.store(snapshot) is False
    assert told() == [newer.version]
    assert news.stored(snapshot.session, version=newer.version) == newer
    assert news.stored(snapshot.session, version=snapshot.version) is None


def test_versions_are_compared_as_numbers(snapshot, told):
    nine, ten = replace(snapshot, version=9), replace(snapshot, version=10)
    assert news.store(nine)
    assert news.store(ten)
    assert told() == [9, 10]


def test_of_many_writers_at_once_the_newest_stays(snapshot, told):
    writers = [
        threading.Thread(target=news.store, args=(replace(snapshot, version=version),)) for version in range(100, 130)
    ]
    for writer in reversed(writers):
        writer.start()
    for writer in writers:
        writer.join()
    assert news.stored(snapshot.session, version=129) is not None
    heard = told()
    assert heard == sorted(heard)
    assert heard[-1] == 129


def test_what_another_database_left_is_replaced_whatever_its_version(snapshot, told):
    """A demonstration started anew gives its first session the id that the last one's had."""
    left = replace(snapshot, mark="another", version=snapshot.version + 100)
    assert news.store(left)
    assert news.stored(snapshot.session, version=left.version) is None
    assert news.store(snapshot) is True
    assert news.stored(snapshot.session, version=snapshot.version) == snapshot


def test_announcing_never_raises_even_of_a_session_that_does_not_exist():
    news.announce(987654321)


def test_a_dead_redis_is_tried_once_and_then_left_alone(settings, snapshot, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    tries = []
    plain = redis.Redis.execute_command
    monkeypatch.setattr(redis.Redis, "execute_command", lambda *args, **kw: tries.append(1) or plain(*args, **kw))
    for _ in range(5):
        news.announce(snapshot.session)
    assert len(tries) == 1
    carriers.by_url.cache_clear()
    news.announce(snapshot.session)
    assert len(tries) == 2


def test_a_redis_that_hangs_costs_200_ms_once(settings, snapshot, own_valkey):
    settings.REDIS_URL = own_valkey.url
    assert news.store(snapshot)
    own_valkey.process.send_signal(19)  # SIGSTOP: it accepts connections and answers none
    carriers.by_url.cache_clear()
    started = time.monotonic()
    assert news.store(replace(snapshot, version=99)) is False
    first = time.monotonic() - started
    assert news.store(replace(snapshot, version=100)) is False
    both = time.monotonic() - started
    own_valkey.process.send_signal(18)
    assert 0.15 < first < 0.4
    assert both - first < 0.05


def test_the_hub_of_ones_own_process_hears_without_redis(settings, snapshot, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    heard = []
    monkeypatch.setattr(news, "listeners", [heard.append])
    news.announce(snapshot.session)
    assert [each.version for each in heard] == [snapshot.version]
