"""What screens show of a queue: one versioned snapshot, encoded once per audience. Reads only.

Audiences: `board` has masked names, `phone` has numbers only, `desk` is the board's for staff. None ever holds an ID
number, a phone number or a diagnosis (R6.2). All three are JSON in UTF-8 that can be put into a page as it is: "<" is
escaped.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, Max
from django.utils import timezone

from booking.models import Session, SessionRoom, Slot
from queueboard import rules, waiting
from queueboard.masking import masked
from queueboard.models import QueueEvent, Ticket
from queueboard.policy import policy_of
from queueboard.visits import visit_length

READS_BEFORE_LOCKING = 4
WORSE_KEPT = 3  # newest reasons shown to a patient
# A screen tells that somebody is seen first on medical or legal grounds, no more (R4.12).
PUBLIC_PLACE = {rules.Place.EMERGENCY: rules.Place.PRIORITY}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A queue at one version. `mark` tells databases apart, `rooms` are ids, `sort` places the queue on a board."""

    session: int
    version: int
    mark: str
    department: int
    live: bool
    rooms: tuple[int, ...]
    sort: tuple[str, int]
    board: bytes = field(repr=False)
    phone: bytes = field(repr=False)
    desk: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Read:
    """The rows of one queue, all of the session's version."""

    session: Session
    slots: dict[int, Slot]
    seats: list[SessionRoom]
    tickets: Sequence[Ticket]
    names: dict[int, str]  # ticket id -> the patient's name, unmasked
    first_called: dict[int, datetime]  # ticket id -> first call of those called now
    worse: list[tuple[datetime, dict[str, Any]]]  # newest first


def build(session_id: int, *, now: datetime | None = None) -> Snapshot:
    """The snapshot of a session, from one consistent read. Raises Session.DoesNotExist."""
    read = _read(session_id)
    for _ in range(READS_BEFORE_LOCKING):
        # Every change raises the version in its own transaction: the same before and after means nothing between.
        if Session.objects.values_list("version", flat=True).get(pk=session_id) == read.session.version:
            break
        read = _read(session_id)
    else:
        with transaction.atomic():
            Session.objects.select_for_update(no_key=True).get(pk=session_id)
            read = _read(session_id)
    return _snapshot(read, now or timezone.now())


def wait_behind(session_id: int, ahead: int, *, now: datetime | None = None) -> tuple[float, float]:
    """Median and 90th percentile, in minutes, of the wait of who has so many ahead now (R5.2)."""
    return _waits([ahead], _read(session_id), now or timezone.now())[0]


@cache
def database_mark() -> str:
    """A word that two databases do not share, so that what one left in Redis is not taken for the other's."""
    first = MigrationRecorder.Migration.objects.order_by("id").values_list("applied", flat=True).first()
    return "" if first is None else f"{first.timestamp():.6f}"


def encoded(value: object) -> bytes:
    """Compact JSON that is safe inside a <script type="application/json"> too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").encode()


def _read(session_id: int) -> _Read:
    session = Session.objects.select_related("department", "expert").get(pk=session_id)
    tickets = list(session.tickets.annotate(patient_name=F("patient__name")).order_by("number"))
    for ticket in tickets:
        ticket.session = session
    called = [ticket.pk for ticket in tickets if ticket.state == Ticket.State.CALLED]
    first = QueueEvent.objects.filter(session=session, kind="call", ticket__in=called).values_list("ticket")
    events = QueueEvent.objects.filter(session=session).exclude(worse={}).order_by("-version")
    return _Read(
        session=session,
        slots={slot.pk: slot for slot in session.slots.order_by("index")},
        seats=list(session.rooms.select_related("room", "expert").order_by("room__code")),
        tickets=tickets,
        names={ticket.pk: ticket.patient_name for ticket in tickets},
        first_called=dict(first.annotate(Max("at")).order_by()) if called else {},
        worse=list(events.values_list("at", "worse")),
    )


def _snapshot(read: _Read, now: datetime) -> Snapshot:
    session = read.session
    shared = {
        "session": session.pk,
        "version": session.version,
        "at": _iso(now),
        "state": session.state,
        "expert": session.name,
        "names": session.names,
        "title": session.expert.titles if session.expert is not None else {},
        "department": session.department.name,
        "department_names": session.department.names,
        "rooms": [_room(seat) for seat in read.seats],
    }
    tail = {
        "missed": [ticket.label for ticket in read.tickets if ticket.state == Ticket.State.MISSED],
        "slots": [{"start": _iso(slot.starts_at), "end": _iso(slot.ends_at)} for slot in read.slots.values()],
        **_line(read, now),
        "done": sum(ticket.state == Ticket.State.DONE for ticket in read.tickets),
        "notice": _notice(read),
    }
    desk = {**shared, "serving": _serving(read), "called": _called(read), **tail}
    board = {**desk, "waiting": [_public(entry) for entry in tail["waiting"]]}
    phone = {
        **board,
        **{part: [_without_name(entry) for entry in board[part]] for part in ("serving", "called", "waiting")},
    }
    return Snapshot(
        session=session.pk,
        version=session.version,
        mark=database_mark(),
        department=session.department_id,
        live=session.state in Session.LIVE,
        rooms=tuple(seat.room_id for seat in read.seats),
        sort=(read.seats[0].room.code.zfill(12) if read.seats else "", session.pk),  # room 2 before room 10
        board=encoded(board),
        phone=encoded(phone),
        desk=encoded(desk),
    )


def _room(seat: SessionRoom) -> dict[str, Any]:
    return {
        "id": seat.room_id,
        "code": seat.room.code,
        "names": seat.room.names,
        "ways": seat.room.ways,
        "expert": seat.expert.names,
        "paused": _pause(seat),
    }


def _pause(seat: SessionRoom) -> dict[str, Any] | None:
    if seat.paused_at is None:
        return None
    return {"since": _iso(seat.paused_at), "until": _iso(seat.paused_until), "reason": seat.pause_reason}


def _notice(read: _Read) -> dict[str, Any] | None:
    """What the whole queue must know: nobody more is called, or every room pauses (back when the first is)."""
    if read.session.state == Session.State.CANCELLED:
        return {"kind": "cancelled"}
    if read.session.stopped_early:
        return {"kind": "stopped"}
    if not read.seats or any(seat.paused_at is None for seat in read.seats):
        return None
    soonest = min(read.seats, key=lambda seat: (seat.paused_until is None, seat.paused_until or seat.paused_at))
    return {"kind": "paused", **(_pause(soonest) or {})}


def _serving(read: _Read) -> list[dict[str, Any]]:
    return [
        {"number": t.label, "room": _code(t, read), "since": _iso(t.started_at), "name": masked(read.names[t.pk])}
        for t in read.tickets
        if t.state == Ticket.State.SERVING
    ]


def _code(ticket: Ticket, read: _Read) -> str:
    """The code of the ticket's room; "" where the session has left that room."""
    return next((seat.room.code for seat in read.seats if seat.room_id == ticket.room_id), "")


def _called(read: _Read) -> list[dict[str, Any]]:
    return [
        {
            "number": t.label,
            "room": _code(t, read),
            "times": t.calls,
            "at": _iso(t.called_at),
            "first_at": _iso(read.first_called.get(t.pk, t.called_at)),
            "name": masked(read.names[t.pk]),
        }
        for t in sorted(read.tickets, key=lambda t: t.called_no)
        if t.state == Ticket.State.CALLED
    ]


def _line(read: _Read, now: datetime) -> dict[str, Any]:
    """`waiting`: the order with each one's reason and wait; `joining`: for each slot, checking in now (R5.1)."""
    policy = policy_of(read.session.department, slots=len(read.slots))
    views = [ticket.rule_view(read.slots[ticket.slot_id]) for ticket in read.tickets]
    by_number = {ticket.number: ticket for ticket in read.tickets}
    line = rules.order(views, policy)
    joining = [_position_if_joining(slot, views, policy, read.session, now) for slot in read.slots.values()]
    waits = _waits([*range(len(line)), *joining], read, now)
    worse = _worse(read)
    return {
        "waiting": [
            {
                "number": by_number[view.number].label,
                "slot": view.slot,
                "place": rules.place(view, policy),
                "median": median,
                "p90": p90,
                "at": _iso(view.arrived),
                "worse": worse.get(view.number, []),
                "name": masked(read.names[by_number[view.number].pk]),
            }
            for view, (median, p90) in zip(line, waits[: len(line)], strict=True)
        ],
        "joining": [
            {"slot": slot.index, "position": position, "median": median, "p90": p90}
            for slot, position, (median, p90) in zip(read.slots.values(), joining, waits[len(line) :], strict=True)
        ],
    }


def _position_if_joining(
    slot: Slot, views: list[rules.Ticket], policy: rules.Policy, session: Session, now: datetime
) -> int:
    grace = timedelta(minutes=session.department.late_grace_minutes)
    made_up = rules.Ticket(
        number=session.last_number + 1,
        slot=slot.index,
        slot_start=slot.starts_at,
        booked=True,
        arrived=now,
        late=rules.is_late(now, slot.ends_at, grace),
        passed=rules.is_passed(slot.index, views),
    )
    return rules.order([*views, made_up], policy).index(made_up)


def _waits(ahead: Iterable[int], read: _Read, now: datetime) -> list[tuple[float, float]]:
    """Median and 90th percentile in minutes for so many ahead: not before the session's start or the pause's end."""
    finished = [t.served_seconds / 60 for t in read.tickets if t.state == Ticket.State.DONE and t.served_seconds]
    experts = [seat.expert for seat in read.seats] or [e for e in (read.session.expert,) if e is not None]
    mean, sd = visit_length(read.session, experts, finished)
    active = [seat for seat in read.seats if seat.paused_at is None] or read.seats
    rooms = {seat.room_id for seat in active}
    busy = [t for t in read.tickets if t.room_id in rooms and t.state in (Ticket.State.CALLED, Ticket.State.SERVING)]
    lasted = [_minutes(now - t.started_at) if t.started_at else 0.0 for t in busy]
    serving_for = sum(lasted) / len(lasted) if lasted and len(busy) >= len(rooms) else None
    starts = read.session.starts_at if read.session.state in (Session.State.PLANNED, Session.State.OPEN) else now
    back = [seat.paused_until for seat in active if seat.paused_at is not None and seat.paused_until is not None]
    delay = max(0.0, _minutes(starts - now), _minutes(min(back) - now) if back else 0.0)
    waits = waiting.predict(
        list(ahead), visit_minutes=mean, visit_sd=sd, serving_for=serving_for, rooms=max(1, len(rooms))
    )
    return [(round(delay + median, 1), round(delay + p90, 1)) for median, p90 in waits]


def _worse(read: _Read) -> dict[int, list[dict[str, Any]]]:
    """By ticket number: when, by how many and by which rules a position got worse, newest first (R4.12)."""
    found: dict[int, list[dict[str, Any]]] = {}
    for at, worse in read.worse:
        for number, how in worse.items():
            kept = found.setdefault(int(number), [])
            if len(kept) < WORSE_KEPT:
                reasons = how["reasons"]
                kept.append(
                    {"at": _iso(at), "by": how["by"], "reason": reasons[0] if reasons else "", "reasons": reasons}
                )
    return found


def _public(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "place": PUBLIC_PLACE.get(entry["place"], entry["place"])}


def _without_name(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "name"}


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat(timespec="milliseconds")
