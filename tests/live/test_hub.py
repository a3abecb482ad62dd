"""The hub's sweep and loads, with the database's answers given by the test."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from booking.models import Session
from queueboard.live import hub as hub_module
from queueboard.live import protocol, truth
from queueboard.live.hub import Hub
from queueboard.live.truth import BoardSetup, Versions
from queueboard.models import Board
from tests.live.test_feeds import on, snapshot
from tests.live.ways import come_true

pytestmark = pytest.mark.asyncio


@pytest.fixture
def database(monkeypatch):
    """Sessions of department 1 by id, as (version, live); what was read; and whether it is down."""
    data = SimpleNamespace(sessions={}, down=False, built=[], poisoned=set())

    def refuse():
        if data.down:
            raise OperationalError("down")

    def read_versions(ids, departments):
        refuse()
        live = frozenset(pk for pk, (_, is_live) in data.sessions.items() if is_live)
        wanted = {pk for pk in ids if pk in data.sessions} | (live if departments else set())
        return Versions(
            sessions={pk: data.sessions[pk][0] for pk in wanted},
            live=dict.fromkeys(departments, live),
            totals=dict.fromkeys(departments, sum(version for version, _ in data.sessions.values())),
        )

    def read_snapshot(pk, version):
        refuse()
        if pk not in data.sessions:
            raise Session.DoesNotExist
        if pk in data.poisoned:
            raise ValueError("cannot be built")
        data.built.append(pk)
        version, live = data.sessions[pk]
        return snapshot(pk, version, live=live)

    def read_board(slug):
        refuse()
        if slug != "hall":
            return None
        row = Board(slug="hall", title="大厅", public=True)
        return BoardSetup(row=row, departments=(1,), rooms=frozenset(), devices=frozenset())

    monkeypatch.setattr(truth, "read_versions", read_versions)
    monkeypatch.setattr(truth, "read_snapshot", read_snapshot)
    monkeypatch.setattr(truth, "read_board", read_board)
    return data


@asynccontextmanager
async def running(monkeypatch, settings):
    """A hub without Redis whose sweeps are run by the test."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(hub_module, "SWEEP_EVERY", 3600)
    made = Hub()
    made.start()
    await asyncio.sleep(0)
    try:
        yield made
    finally:
        await made.stop()


async def test_a_queue_is_read_once_however_many_ask_at_once(database, monkeypatch, settings):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        feeds = await asyncio.gather(*(hub.queue(1) for _ in range(20)))
        assert database.built == [1]
        assert {id(feed) for feed in feeds} == {id(hub.queues[1])}
        assert await hub.queue(2) is None


async def test_the_sweep_reads_what_has_changed_and_nothing_else(database, monkeypatch, settings):
    database.sessions = {1: (5, True), 2: (7, True)}
    async with running(monkeypatch, settings) as hub:
        one, two = await hub.queue(1), await hub.queue(2)
        database.sessions[2] = (8, True)
        await hub._sweep()
        assert (one.version, two.version) == (5, 8)
        assert database.built == [1, 2, 2]


async def test_a_database_that_is_down_leaves_the_state_and_ages_the_heartbeat(database, monkeypatch, settings):
    """R6.1: a heartbeat alone is no proof."""
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        feed = await hub.queue(1)
        read_at = feed.read_at
        database.down = True
        with pytest.raises(OperationalError):
            await hub._sweep()
        assert feed.read_at == read_at
        assert (await hub.queue(1)).message("phone")
        database.down = False
        await hub._sweep()
        assert feed.read_at > read_at


async def test_a_queue_that_cannot_be_built_ages_alone(database, monkeypatch, settings):
    database.sessions = {1: (5, True), 2: (7, True)}
    async with running(monkeypatch, settings) as hub:
        one, two = await hub.queue(1), await hub.queue(2)
        before = one.read_at, two.read_at
        database.sessions, database.poisoned = {1: (6, True), 2: (8, True)}, {1}
        with pytest.raises(ValueError, match="cannot be built"):
            await hub._sweep()
        assert (one.version, one.read_at) == (5, before[0])
        assert two.version == 8
        assert two.read_at > before[1]


async def test_a_board_gets_sessions_that_open_and_loses_those_that_close(database, monkeypatch, settings):
    database.sessions = {1: (5, True), 2: (1, False)}
    async with running(monkeypatch, settings) as hub:
        board = await hub.board("hall")
        assert (board.tracked, board.version) == ({1}, 6)
        database.sessions = {1: (6, False), 2: (2, True)}
        await hub._sweep()
        assert (board.tracked, board.version) == ({2}, 8)
        assert await hub.board("none") is None


async def test_news_reach_the_boards_of_a_queue(database, monkeypatch, settings):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        board = await hub.board("hall")
        hub.hear(snapshot(1, 6))
        await come_true(lambda: board.version == 6)


@pytest.mark.parametrize("junk", [b"", b"5\n", b'"x"\n', b"null\n", b"[]\n", b"{}"])
async def test_after_a_message_that_is_no_snapshot_the_next_is_heard(database, monkeypatch, settings, junk):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        feed = await hub.queue(1)
        hub._on_message(junk)
        hub._on_message(protocol.pack(snapshot(1, 6)))
        assert feed.version == 6


async def test_news_of_another_database_are_not_ours(database, monkeypatch, settings):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        feed = await hub.queue(1)
        hub._take(replace(snapshot(1, 9), mark="another"))
        hub._on_message(b"junk")
        assert feed.version == 5


async def test_what_nobody_follows_is_forgotten(database, monkeypatch, settings):
    database.sessions = {1: (5, True), 2: (5, True), 3: (5, False)}
    async with running(monkeypatch, settings) as hub:
        await hub.board("hall")
        watched, polled = await hub.queue(3), await hub.queue(1)
        screen = on(watched)
        hub.boards["hall"].wanted_until = watched.wanted_until = polled.wanted_until = 0
        hub.queues[2].wanted_until = 0
        await hub._sweep()
        assert set(hub.queues) == {3}
        assert not hub.boards
        screen.leave()
        await hub._sweep()
        assert not hub.queues


async def test_a_session_that_is_deleted_closes_its_sockets(database, monkeypatch, settings):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        screen = on(await hub.queue(1))
        database.sessions = {}
        await hub._sweep()
        assert screen.code == 4404
        assert await hub.queue(1) is None


async def test_stopping_tells_every_socket_to_reconnect(database, monkeypatch, settings):
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        screen = on(await hub.queue(1))
    assert screen.code == 1012


async def test_a_heartbeat_comes_where_no_state_has_come_lately(database, monkeypatch, settings):
    """A state is word enough; without one a screen has word every 5 s."""
    database.sessions = {1: (5, True)}
    async with running(monkeypatch, settings) as hub:
        feed = await hub.queue(1)
        screen = on(feed)
        hub._take(snapshot(1, 6))
        await hub._beat()
        assert screen.versions == [5, 6]
        feed._pushed_at -= hub_module.WORD_ENOUGH
        await hub._beat()
        assert screen.versions == [None]


async def test_the_age_is_of_the_oldest_feed_that_a_socket_is_on(database, monkeypatch, settings):
    database.sessions = {1: (5, True), 2: (7, True)}
    async with running(monkeypatch, settings) as hub:
        one, two = await hub.queue(1), await hub.queue(2)
        one.read_at -= timedelta(seconds=60)
        two.read_at -= timedelta(seconds=30)
        assert hub.age() == 0
        on(two)
        assert 30 <= hub.age() < 60
        on(one)
        assert hub.age() >= 60
