"""What a patient's page says, from a snapshot and the own number. phone.js says the same while the page is open."""

from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any

from django.utils import timezone

from booking.models import Session
from queueboard.templatetags.faces import in_words
from queueboard.views.texts import Texts, say

LONG = 15.0  # minutes: shorter than this, times are told to the minute and nobody is sent for a walk
STEP = 300  # seconds that longer estimates are rounded to
SHOWN_AHEAD = 12


def clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def span(snapshot: dict[str, Any], entry: dict[str, Any]) -> tuple[datetime, datetime] | None:
    """From the median to the 90th percentile (R5.2), the longer ones widened to full five minutes."""
    if entry.get("median") is None or entry.get("p90") is None:
        return None
    at = datetime.fromisoformat(snapshot["at"])
    first, last = at + timedelta(minutes=entry["median"]), at + timedelta(minutes=entry["p90"])
    if entry["p90"] < LONG:
        return first, last
    zone = first.tzinfo
    return (
        datetime.fromtimestamp(floor(first.timestamp() / STEP) * STEP, zone),
        datetime.fromtimestamp(ceil(last.timestamp() / STEP) * STEP, zone),
    )


def span_text(snapshot: dict[str, Any], entry: dict[str, Any], texts: Texts, now: datetime) -> str:
    times = span(snapshot, entry)
    if times is None:
        return say(texts, "range.none")
    if entry["p90"] < 1:
        return say(texts, "range.soon")
    if times[1] < now:
        return say(texts, "range.late")
    start, end = clock(times[0]), clock(times[1])
    return say(texts, "range", start=start, end=end) if start != end else say(texts, "range.one", time=end)


def joining(snapshot: dict[str, Any], slot: int, texts: Texts, now: datetime) -> dict[str, str] | None:
    """The place that one of the slot with this index would have, checking in now (R5.1): `text` and `range`."""
    entry = next((each for each in snapshot["joining"] if each["slot"] == slot), None)
    if snapshot["state"] not in Session.LIVE or entry is None:
        return None
    return {"text": say(texts, "joining", entry["position"]), "range": span_text(snapshot, entry, texts, now)}


def paused(snapshot: dict[str, Any]) -> dict[str, Any] | None:
    """The pause of a queue none of whose rooms goes on: the one that ends first."""
    pauses = [room.get("paused") for room in snapshot["rooms"]]
    if not pauses or not all(pauses):
        return None
    return min((pause for pause in pauses if pause), key=lambda pause: pause.get("until") or "9")


def advice(snapshot: dict[str, Any], entry: dict[str, Any], ahead: int, texts: Texts, near: int) -> str:
    """One sentence on what to do now; `near`: from so many before me on, "come to the waiting area"."""
    pause = paused(snapshot)
    if (snapshot.get("notice") or {}).get("kind") == "stopped":
        return say(texts, "advice.stopped")
    if pause and pause.get("until"):
        return say(texts, "advice.paused.until", time=clock(datetime.fromisoformat(pause["until"])))
    if pause:
        return say(texts, "advice.paused")
    if ahead == 0:
        return say(texts, "advice.next", room=", ".join(in_words(room["names"]) for room in snapshot["rooms"]))
    if ahead <= near:
        return say(texts, "advice.near")
    # Half of the median: to be called sooner than that is rare, and waiting at home costs nothing.
    early = (entry.get("median") or 0) / 2
    if early < LONG:
        return say(texts, "advice.stay")
    return say(texts, "advice.time", time=clock(datetime.fromisoformat(snapshot["at"]) + timedelta(minutes=early)))


def strip(snapshot: dict[str, Any], ahead: int) -> list[str]:
    """The queue as marks: who is in a room, who is before me, me, who is behind me."""
    busy = min(len(snapshot["serving"]) + len(snapshot["called"]), 3)
    behind = min(len(snapshot["waiting"]) - ahead - 1, 2)
    shown = ["busy"] * busy + ["ahead"] * min(ahead, SHOWN_AHEAD)
    return [*shown, *(["more"] if ahead > SHOWN_AHEAD else []), "me", *(["behind"] * behind)]


def worsened(entry: dict[str, Any], texts: Texts) -> list[dict[str, Any]]:
    """What put this place back, and why (R4.12)."""
    return [
        {
            "at": datetime.fromisoformat(each["at"]),
            "text": say(texts, "worse", each["by"], reason=say(texts, "reason." + each["reason"])),
            "worse": True,
        }
        for each in entry.get("worse", [])
    ]


def face(snapshot: dict[str, Any], number: str, texts: Texts, now: datetime, *, near: int) -> dict[str, Any]:
    """The live part of the page: `state` is waiting, called, serving, missed, or "" where the snapshot knows not."""
    for state in ("called", "serving"):
        for entry in snapshot[state]:
            if entry["number"] == number:
                return {"state": state, "room": room_of(snapshot, entry["room"]), "since": entry.get("at")}
    if number in snapshot["missed"]:
        return {"state": "missed"}
    for ahead, entry in enumerate(snapshot["waiting"]):
        if entry["number"] == number:
            before = say(texts, "before" if ahead else "before.none", ahead, number=number)
            return {
                "state": "waiting",
                "ahead": ahead,
                "before": before,
                "range": span_text(snapshot, entry, texts, now),
                "advice": advice(snapshot, entry, ahead, texts, near),
                "strip": strip(snapshot, ahead),
                "strip_text": say(texts, "strip", ahead, number=number),
                "worse": worsened(entry, texts),
            }
    return {"state": ""}


def room_of(snapshot: dict[str, Any], code: str | None) -> dict[str, Any]:
    """The room with this code, with names and ways by language."""
    return next((room for room in snapshot["rooms"] if room["code"] == code), {"code": code or "", "names": {}})
