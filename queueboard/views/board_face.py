"""What a board says, from its queues' snapshots. board.js says the same while the screen is on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from queueboard.models import Board
from queueboard.views.phone_face import clock, paused
from queueboard.views.texts import Texts, say

NEXT = 3
AT_ONCE = 6  # queues of a board in larger type
TURN = timedelta(seconds=10)  # until the next of them
SPACIOUS = 8  # queues with names beneath the numbers


def in_two(names: dict[str, str], languages: tuple[str, str]) -> tuple[str, str]:
    """The name in both languages; the second empty where it is the same word."""
    first = names.get(languages[0]) or names.get("zh-hans", "")
    second = names.get(languages[1], "")
    return first, second if second != first else ""


def open_calls(queues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All calls nobody has answered yet, the newest last, each with its queue's room."""
    calls = []
    for queue in queues:
        rooms = {room["code"]: room for room in queue["rooms"]}
        calls += [{**call, "session": queue["session"], "place": rooms.get(call["room"])} for call in queue["called"]]
    return sorted(calls, key=lambda call: call["at"])


def call_room(call: dict[str, Any], languages: tuple[str, str]) -> dict[str, str]:
    """Names and way of the room that a call goes to."""
    place = call["place"] or {"names": {"zh-hans": call["room"]}, "ways": {}}
    name, second = in_two(place["names"], languages)
    way, second_way = in_two(place["ways"], languages)
    return {"name": name, "second": second, "way": way, "second_way": second_way, "length": length(name)}


def length(words: str) -> str:
    """How much room words take, Chinese characters as two: s, m or l. Large type shrinks by it."""
    width = sum(2 if ord(character) > 0x2E7F else 1 for character in words)
    return "s" if width <= 6 else "m" if width <= 10 else "l"


def rooms_length(rooms: str) -> str:
    """How much room a row's rooms take: s, up to three characters; m, four; l, several rooms."""
    return "l" if " " in rooms or len(rooms) > 4 else "m" if len(rooms) > 3 else "s"


@dataclass(frozen=True, slots=True)
class Turn:
    """The rows that stand on the screen at a moment: `each` at once, on which `page` (from 0) of how many `pages`."""

    each: int
    page: int
    pages: int

    @property
    def words(self) -> str:
        return f"{self.page + 1} / {self.pages}" if self.pages > 1 else ""

    @property
    def dense(self) -> bool:
        return self.each > SPACIOUS

    def away(self, index: int) -> bool:
        """Whether this row waits for its page."""
        return index // self.each != self.page


def turn(count: int, layout: str, now: datetime) -> Turn:
    """In larger type six queues at a time, as even as can be; by the clock, so that all screens of a hall agree."""
    pages = max(1, ceil(count / AT_ONCE)) if layout == Board.Layout.LARGE else 1
    return Turn(each=ceil(count / pages), page=int(now.timestamp() // TURN.total_seconds()) % pages, pages=pages)


def rows(
    queues: list[dict[str, Any]], texts: dict[str, Texts], languages: tuple[str, str], now: datetime, turn: Turn
) -> list[dict[str, Any]]:
    """One row per queue: rooms, who is queued for, the number now, the next ones or why there are none."""
    made = [_row(queue, texts, languages, now) for queue in queues]
    return [row | {"away": turn.away(index)} for index, row in enumerate(made)]


def _row(queue: dict[str, Any], texts: dict[str, Texts], languages: tuple[str, str], now: datetime) -> dict[str, Any]:
    called = sorted(queue["called"], key=lambda each: each["at"], reverse=True)
    serving = sorted(queue["serving"], key=lambda each: each["since"] or "", reverse=True)
    busy = called + serving
    others = sorted(f"{each['room']} {each['number']}" for each in busy[1:])
    name, second_name = in_two(queue["names"], languages)
    title, _second = in_two(queue["title"], languages)
    rooms = " ".join(room["code"] for room in queue["rooms"])
    return {
        "session": queue["session"],
        "rooms": rooms,
        "length": rooms_length(rooms),
        "name": name,
        "second_name": second_name,
        "title": title,
        "now": busy[0]["number"] if busy else "",
        "at": busy[0]["room"] if others else "",
        "also": "\n".join(others),
        "others": len(others),
        "called": bool(called),
        "next": queue["waiting"][:NEXT],
        "more": max(0, len(queue["waiting"]) - NEXT),
        "words": instead_of_next(queue, texts["first"], now),
        "second_words": instead_of_next(queue, texts["second"], now),
    }


def held_up(queue: dict[str, Any]) -> bool:
    """Whether a queue calls nobody for now: stopped, cancelled, or every room pauses."""
    return queue["notice"] is not None


def instead_of_next(queue: dict[str, Any], texts: Texts, now: datetime) -> str:
    """Why a queue calls nobody at the moment; empty where it goes on."""
    kind = (queue["notice"] or {}).get("kind")
    if kind in ("stopped", "cancelled"):
        return say(texts, kind)
    pause = paused(queue)
    if pause:
        reason = say(texts, f"pause.{pause['reason']}") or pause["reason"] or say(texts, "paused.plain")
        if not pause["until"]:
            return say(texts, "paused", reason=reason)
        return say(texts, "paused.until", reason=reason, time=clock(datetime.fromisoformat(pause["until"])))
    start = datetime.fromisoformat(queue["slots"][0]["start"]) if queue["slots"] else now
    if queue["state"] == "open" and start > now and not queue["waiting"]:
        return say(texts, "not_started", time=clock(start))
    return "" if queue["waiting"] else say(texts, "nobody")
