"""What a process holds: mailboxes of one, versions that only rise, boards composed of queues. No I/O."""

import asyncio
import json
from dataclasses import replace

import pytest
from django.utils import timezone

from queueboard.live import protocol
from queueboard.live.feeds import BoardFeed, QueueFeed
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


def taken(box) -> tuple[list, int | None]:
    frames, code = asyncio.run(asyncio.wait_for(box.take(), 1))
    return [json.loads(frame) for frame in frames], code


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


def test_the_first_thing_in_a_mailbox_is_the_present_state():
    feed = QueueFeed(snapshot(1, 5))
    frames, code = taken(feed.join("phone"))
    assert [frame["version"] for frame in frames] == [5]
    assert code is None


def test_a_slow_socket_gets_the_newest_state_not_the_backlog():
    feed = QueueFeed(snapshot(1, 5))
    box = feed.join("phone")
    for version in (6, 7, 8):
        feed.take(snapshot(1, version))
    frames, _ = taken(box)
    assert [frame["version"] for frame in frames] == [8]


def test_a_heartbeat_does_not_push_a_state_out_of_the_mailbox():
    feed = QueueFeed(snapshot(1, 5))
    feed.read_at = NOW
    box = feed.join("phone")
    feed.beat(NOW)
    frames, _ = taken(box)
    assert [frame.get("version") for frame in frames] == [5, None]
    assert frames[1]["heartbeat"] == NOW.isoformat()


@pytest.mark.parametrize("old", [4, 5])
def test_a_version_that_is_not_newer_is_never_sent_again(old):
    feed = QueueFeed(snapshot(1, 5))
    box = feed.join("phone")
    taken(box)
    assert feed.take(snapshot(1, old)) is False
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(box.take(), 0.01))


def test_all_sockets_of_an_audience_are_handed_the_same_text():
    feed = QueueFeed(snapshot(1, 5))
    boxes = [feed.join("phone") for _ in range(3)]
    feed.take(snapshot(1, 6))
    assert len({id(box._state) for box in boxes}) == 1


def test_who_has_left_gets_nothing():
    feed = QueueFeed(snapshot(1, 5))
    box = feed.join("phone")
    taken(box)
    feed.leave("phone", box)
    feed.take(snapshot(1, 6))
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(box.take(), 0.01))
    assert feed.idle


def board(rooms=()) -> BoardFeed:
    row = Board(slug="hall", title="大厅", public=True)
    return BoardFeed(BoardSetup(row=row, departments=(1,), rooms=frozenset(rooms)))


def versions(live: dict[int, int], others: int = 0) -> Versions:
    return Versions(sessions=live, live={1: frozenset(live)}, totals={1: sum(live.values()) + others})


def shown(feed: BoardFeed) -> dict:
    return json.loads(feed.body("board"))


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
