"""What a process holds: the newest state for every socket, versions that only rise, boards composed of queues."""

import asyncio
import json
from dataclasses import replace

import pytest
from django.utils import timezone

from queueboard.live import feeds, metrics, outlets, protocol
from queueboard.live.feeds import BoardFeed, QueueFeed
from queueboard.live.outlets import Outlet
from queueboard.live.truth import BoardSetup, Versions
from queueboard.models import Board
from queueboard.snapshots import Snapshot

NOW = timezone.now()


def snapshot(session: int, version: int, *, rooms=(1,), live=True, department=1) -> Snapshot:
    body = json.dumps({"session": session, "version": version}).encode()
    return Snapshot(
        session=session, version=version, mark="db", department=department, live=live, rooms=rooms,
        sort=(str(rooms[0]), session), board=body, phone=body.replace(b"{", b'{"phone":1,'), desk=body,
    )  # fmt: skip


class Screen(Outlet):
    """A socket that keeps what it is sent, until it is slow."""

    def __init__(self) -> None:
        super().__init__(self._closed)
        self.got: list[bytes] = []
        self.code: int | None = None

    def _closed(self, code: int) -> None:
        self.code = code

    def _ready(self, crowd) -> None:
        crowd.written.add(self, self.got.append)

    def _unready(self, crowd) -> None:
        crowd.written.discard(self)

    def _write(self, message) -> None:
        self.got.append(message.frame)

    @property
    def versions(self) -> list[int | None]:
        """Of what came since the last look; None for a heartbeat."""
        messages = [json.loads(frame[frame.index(b"{") :]) for frame in self.got]
        self.got.clear()
        return [message.get("version") for message in messages]


def push_held(feed) -> None:
    """The time of a state that waits for its turn has come."""
    if feed._held is not None:
        feed._held.cancel()
        feed._push()


def on(feed, audience: str = "phone") -> Screen:
    screen = Screen()
    feed.join(audience, screen)
    return screen


def test_a_message_comes_back_as_it_was_packed():
    sent = replace(snapshot(7, 3, rooms=(4, 5)), board="张*明".encode(), phone=b"", desk=b'{"a":\n1}')
    assert protocol.unpack(protocol.pack(sent)) == sent


@pytest.mark.parametrize("junk", [b"", b"{}", b"[]\n", b"hello", b'{"sizes":[1]}\nx'])
def test_what_is_no_snapshot_is_refused(junk):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        protocol.unpack(junk)


@pytest.mark.parametrize(
    ("header", "same"),
    [('W/"7"', True), ('"7"', True), ('"6", W/"7"', True), ("*", True), ('W/"8"', False), ("7", False), ("", False)],
)
def test_an_etag_is_compared_weakly(header, same):
    assert protocol.same_etag(header, protocol.etag(7)) is same


@pytest.mark.parametrize(
    ("length", "head"),
    [(5, b"\x81\x05"), (126, b"\x81\x7e\x00\x7e"), (65536, b"\x81\x7f" + b"\x00\x00\x00\x00\x00\x01\x00\x00")],
)
def test_a_frame_has_the_header_that_its_length_needs(length, head):
    """RFC 6455, 5.2; test_ways.py reads them with a client."""
    assert protocol.frame(b"x" * length) == head + b"x" * length


@pytest.mark.asyncio
async def test_a_socket_gets_the_present_state_first():
    assert on(QueueFeed(snapshot(1, 5))).versions == [5]


@pytest.mark.asyncio
async def test_a_slow_socket_gets_the_newest_state_not_the_backlog():
    feed = QueueFeed(snapshot(1, 5))
    slow, other = on(feed), on(feed)
    slow.pause()
    for version in (6, 7, 8):
        feed.take(snapshot(1, version))
        push_held(feed)
    assert slow.versions == [5]
    assert other.versions == [5, 6, 7, 8]
    slow.resume()
    assert slow.versions == [8]


@pytest.mark.asyncio
async def test_a_slow_socket_that_missed_nothing_gets_nothing_twice():
    feed = QueueFeed(snapshot(1, 5))
    slow = on(feed)
    slow.pause()
    slow.resume()
    assert slow.versions == [5]


@pytest.mark.asyncio
async def test_a_socket_that_stays_slow_is_closed_as_stuck(monkeypatch):
    monkeypatch.setattr(outlets, "STUCK_AFTER", 0.0)
    feed = QueueFeed(snapshot(1, 5))
    stuck, recovers = on(feed), on(feed)
    stuck.pause()
    recovers.pause()
    recovers.resume()
    await asyncio.sleep(0.01)
    assert (stuck.code, recovers.code) == (protocol.STUCK, None)
    assert [*feed._crowds["phone"]] == [recovers]


@pytest.mark.asyncio
async def test_of_a_burst_the_first_state_goes_at_once_and_the_last_always(monkeypatch):
    """Twenty check-ins in a second: the rate is bounded, the newest is never lost."""
    monkeypatch.setattr(feeds, "PACE", 0.02)
    before = metrics.coalesced._value.get()
    feed = QueueFeed(snapshot(1, 0))
    screen = on(feed)
    assert screen.versions == [0]
    for version in range(1, 21):
        feed.take(snapshot(1, version))
    assert screen.versions == [1]
    assert json.loads(feed.message("phone").body)["version"] == 20  # a poll waits for no pace
    async with asyncio.timeout(10):
        while not screen.got:
            await asyncio.sleep(0.001)
    assert screen.versions == [20]
    assert metrics.coalesced._value.get() == before + 18
    await asyncio.sleep(0.05)
    assert screen.got == []


@pytest.mark.asyncio
async def test_how_long_a_state_took_counts_from_the_first_commit_that_it_tells_of(monkeypatch):
    seen = []
    monkeypatch.setattr(metrics.commit_to_socket, "observe", seen.append)
    monkeypatch.setattr(feeds.time, "time", lambda: 100.0)
    feed = QueueFeed(snapshot(1, 5))
    on(feed)
    feed.take(replace(snapshot(1, 6), committed=99.9))
    feed.take(replace(snapshot(1, 7), committed=99.0))
    feed.take(replace(snapshot(1, 8), committed=99.5))
    push_held(feed)
    feed.take(snapshot(1, 9))  # the sweep found it: nobody knows when it was committed
    push_held(feed)
    assert seen == pytest.approx([0.1, 1.0])


@pytest.mark.asyncio
async def test_a_heartbeat_comes_beside_the_states():
    feed = QueueFeed(snapshot(1, 5))
    now = feed.read_at = timezone.now()
    screen = on(feed)
    feed.beat(now)
    assert json.loads(screen.got[-1][2:])["heartbeat"] == now.isoformat()
    assert screen.versions == [5, None]


@pytest.mark.asyncio
@pytest.mark.parametrize("old", [4, 5])
async def test_a_version_that_is_not_newer_is_never_sent_again(old):
    feed = QueueFeed(snapshot(1, 5))
    screen = on(feed)
    assert feed.take(snapshot(1, old)) is False
    assert screen.versions == [5]


@pytest.mark.asyncio
async def test_all_sockets_of_an_audience_are_handed_the_same_bytes():
    feed = QueueFeed(snapshot(1, 5))
    screens = [on(feed) for _ in range(3)]
    feed.take(snapshot(1, 6))
    assert len({id(screen.got[-1]) for screen in screens}) == 1


@pytest.mark.asyncio
async def test_who_has_left_gets_nothing():
    feed = QueueFeed(snapshot(1, 5))
    screen = on(feed)
    screen.leave()
    screen.leave()
    feed.take(snapshot(1, 6))
    assert screen.versions == [5]
    assert feed.idle


def board(rooms=()) -> BoardFeed:
    row = Board(slug="hall", title="大厅", public=True)
    return BoardFeed(BoardSetup(row=row, departments=(1,), rooms=frozenset(rooms), devices=frozenset()))


def versions(live: dict[int, int], others: int = 0) -> Versions:
    return Versions(sessions=live, live={1: frozenset(live)}, totals={1: sum(live.values()) + others})


def shown(feed: BoardFeed) -> dict:
    return json.loads(feed.message("board").body)


def test_a_board_joins_the_bytes_of_its_queues_and_counts_all_sessions():
    queues = {1: QueueFeed(snapshot(1, 5)), 2: QueueFeed(snapshot(2, 7))}
    feed = board()
    feed.follow(versions({1: 5, 2: 7}, others=30), queues, NOW)
    assert shown(feed)["version"] == 42
    assert shown(feed)["titles"]["zh-hans"] == "大厅"
    assert [queue["session"] for queue in shown(feed)["queues"]] == [1, 2]
    queues[2].take(snapshot(2, 8))
    assert feed.compose(queues, NOW)
    assert shown(feed)["version"] == 43


def test_a_board_that_is_set_up_anew_has_another_tag_for_the_same_versions():
    """Who polls is told so: sockets are closed for it."""
    queues = {1: QueueFeed(snapshot(1, 5, rooms=(11,)))}
    tags = []
    for rooms in ([], [11], [11, 12], [12, 11]):
        feed = board(rooms=rooms)
        feed.follow(versions({1: 5}), queues, NOW)
        tags.append(feed.tag)
    assert len(set(tags)) == 3
    assert tags[2] == tags[3]
    assert all(tag.startswith('W/"5-') for tag in tags)


def test_a_board_shows_the_queues_of_its_rooms_only():
    queues = {1: QueueFeed(snapshot(1, 5, rooms=(11,))), 2: QueueFeed(snapshot(2, 7, rooms=(12, 13)))}
    feed = board(rooms=[13])
    feed.follow(versions({1: 5, 2: 7}), queues, NOW)
    assert [queue["session"] for queue in shown(feed)["queues"]] == [2]
    assert shown(feed)["version"] == 12


def test_a_boards_version_rises_when_a_session_closes_and_leaves_it():
    queues = {1: QueueFeed(snapshot(1, 5)), 2: QueueFeed(snapshot(2, 7))}
    feed = board()
    feed.follow(versions({1: 5, 2: 7}), queues, NOW)
    queues[1].take(snapshot(1, 6, live=False))
    feed.compose(queues, NOW)
    assert (feed.version, [queue["session"] for queue in shown(feed)["queues"]]) == (13, [2])
    feed.follow(versions({2: 7}, others=6), queues, NOW)  # the sweep sees it closed: it counts as one of the others
    assert feed.version == 13
    queues[2].take(snapshot(2, 8))
    feed.compose(queues, NOW)
    assert feed.version == 14


def test_a_sweep_that_read_before_the_news_does_not_turn_a_board_back():
    queues = {1: QueueFeed(snapshot(1, 5))}
    feed = board()
    feed.follow(versions({1: 5}), queues, NOW)
    queues[1].take(snapshot(1, 6))
    feed.compose(queues, NOW)
    feed.follow(versions({1: 5}), queues, NOW)
    assert feed.version == 6


def test_a_board_without_sessions_is_an_empty_board():
    feed = board()
    feed.follow(versions({}, others=9), {}, NOW)
    assert (shown(feed)["version"], shown(feed)["queues"]) == (9, [])
