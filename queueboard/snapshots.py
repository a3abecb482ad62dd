"""What screens show of a queue: one versioned snapshot, encoded once per audience. Reads only.

Audiences: `board` has masked names, `phone` has numbers only, `desk` is the board's for staff. None ever holds an ID
number, a phone number or a diagnosis (R6.2). All three are JSON in UTF-8 that can be put into a page as it is: "<" is
escaped.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, F, Max
from django.utils import timezone

from booking.models import Appointment, Session, SessionRoom, Slot
from queueboard import rules
from queueboard.masking import masked
from queueboard.models import QueueEvent, Ticket
from queueboard.outlook import Outlook
from queueboard.waiting import leaving, steady

READS_BEFORE_LOCKING = 4
WORSE_KEPT = 3  # newest reasons shown to a patient
# A screen tells that somebody is seen first on medical or legal grounds, no more (R4.12).
PUBLIC_PLACE = {rules.Place.EMERGENCY: rules.Place.PRIORITY}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A queue at one version. `mark` tells databases apart, `rooms` are ids, `sort` places the queue on a board.

    `committed`: when the change was that it tells of, in seconds since 1970; None where it was read for another reason.
    """

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
    committed: float | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """A place in a queue that is not taken yet: `position` patients are before it; minutes until called."""

    place: rules.Place
    position: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Coming:
    """Of a booked patient who is not here: the place that they would have, checking in now; when they should (R5.3)."""

    place: rules.Place
    come_at: datetime


@dataclass(frozen=True, slots=True)
class _Read:
    """The rows of one queue, all of the session's version."""

    session: Session
    slots: dict[int, Slot]
    seats: list[SessionRoom]
    tickets: Sequence[Ticket]
    absent: dict[int, int]  # slot id -> booked patients who have not come
    names: dict[int, str]  # ticket id -> the patient's name, unmasked
    first_called: dict[int, datetime]  # ticket id -> first call of those called now
    worse: list[tuple[datetime, dict[str, Any]]]  # newest first


def build(session_id: int, *, now: datetime | None = None, shown: Snapshot | None = None) -> Snapshot:
    """The snapshot of a session, from one consistent read. Raises Session.DoesNotExist.

    `shown` is what screens have until now: its waits stay where they are without a reason (queueboard.waiting.steady).
    """
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
    return _snapshot(read, now or timezone.now(), shown)


def wait_behind(session_id: int, ahead: int, *, now: datetime | None = None) -> tuple[float, float]:
    """Median and 90th percentile, in minutes, of the wait of who has so many ahead now (R5.2)."""
    return _outlook(_read(session_id), now or timezone.now()).wait_at(ahead)


def checking_in(appointment: Appointment, *, now: datetime | None = None) -> Joining:
    """Where a booked patient would stand, checking in now, and why there."""
    now = now or timezone.now()
    outlook = _outlook(_read(appointment.session_id), now)
    position = outlook.joining[list(outlook.slots).index(appointment.slot_id)]
    median, p90 = outlook.wait_at(position)
    return Joining(_place(outlook, appointment), position, median, p90)


def foretell(session_id: int, *, now: datetime) -> dict[int, tuple[float, float]]:
    """By ticket number, the median and the 90th percentile of the minutes until each who waits is called."""
    outlook = _outlook(_read(session_id), now)
    return {view.number: outlook.wait_at(place) for place, view in enumerate(outlook.line)}


def ahead_of(ticket: Ticket, *, now: datetime | None = None) -> int | None:
    """How many are called before this ticket; None where it does not wait."""
    numbers = [view.number for view in _outlook(_read(ticket.session_id), now or timezone.now()).line]
    return numbers.index(ticket.number) if ticket.number in numbers else None


def come_at(appointment: Appointment, *, now: datetime | None = None) -> datetime:
    """When a booked patient should have checked in (R5.3): before their turn for nine of ten, without a long wait."""
    now = now or timezone.now()
    return _come_at(_outlook(_read(appointment.session_id), now), appointment, now)


def coming(appointment: Appointment, *, now: datetime) -> Coming | None:
    """Both from one read; None while nobody can know the day's queue."""
    if appointment.session.state not in Session.LIVE:
        return None
    outlook = _outlook(_read(appointment.session_id), now)
    return Coming(_place(outlook, appointment), _come_at(outlook, appointment, now))


def come_times(session_id: int, *, now: datetime) -> dict[int, datetime]:
    """By appointment, `come_at` of all who are expected in a session, from one read."""
    read = _read(session_id)
    outlook = _outlook(read, now)
    missing = Appointment.objects.filter(session=session_id, state=Appointment.State.BOOKED).order_by("slot", "pk")
    times = {}
    for slot_id, group in groupby(missing.values_list("slot", "pk"), key=itemgetter(0)):
        for rank, (_slot, pk) in enumerate(group):
            times[pk] = _there(outlook, read.slots[slot_id], rank, now)
    return times


def _place(outlook: Outlook, appointment: Appointment) -> rules.Place:
    return rules.place(outlook.checking_in(outlook.slots[appointment.slot_id]), outlook.policy)


def _come_at(outlook: Outlook, appointment: Appointment, now: datetime) -> datetime:
    slot = appointment.slot
    earlier = Appointment.objects.filter(slot=slot, state=Appointment.State.BOOKED, pk__lt=appointment.pk).count()
    return _there(outlook, slot, earlier, now)


def _there(outlook: Outlook, slot: Slot, rank: int, now: datetime) -> datetime:
    minutes = leaving.be_there(
        now=0.0,
        slot_start=_minutes(slot.starts_at - now),
        slot_end=_minutes(slot.ends_at - now),
        turn=outlook.turn(slot, rank),
    )
    return now + timedelta(minutes=minutes)


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
    absent = Appointment.objects.filter(session=session, state=Appointment.State.BOOKED).order_by().values_list("slot")
    events = QueueEvent.objects.filter(session=session).exclude(worse={}).order_by("-version")
    return _Read(
        session=session,
        slots={slot.pk: slot for slot in session.slots.order_by("index")},
        seats=list(session.rooms.select_related("room", "expert").order_by("room__code")),
        tickets=tickets,
        absent=dict(absent.annotate(Count("pk"))),
        names={ticket.pk: ticket.patient_name for ticket in tickets},
        first_called=dict(first.annotate(Max("at")).order_by()) if called else {},
        worse=list(events.values_list("at", "worse")),
    )


def _snapshot(read: _Read, now: datetime, shown: Snapshot | None) -> Snapshot:
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
        **_line(read, now, shown),
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


def _outlook(read: _Read, now: datetime) -> Outlook:
    return Outlook(
        session=read.session, slots=read.slots, seats=read.seats, tickets=read.tickets, absent=read.absent, now=now
    )


def _line(read: _Read, now: datetime, shown: Snapshot | None) -> dict[str, Any]:
    """`waiting`: the order with each one's reason and wait; `joining`: for each slot, checking in now (R5.1)."""
    outlook = _outlook(read, now)
    by_number = {ticket.number: ticket for ticket in read.tickets}
    labels = [by_number[view.number].label for view in outlook.line]
    waits = steady.held_in_line(labels, outlook.waits[: len(labels)], _shown(shown, "waiting", "number", now), 0.0)
    at_home = _shown(shown, "joining", "slot", now)
    worse = _worse(read)
    return {
        "waiting": [
            {
                "number": by_number[view.number].label,
                "slot": view.slot,
                "place": rules.place(view, outlook.policy),
                "median": round(median, 1),
                "p90": round(p90, 1),
                "at": _iso(view.arrived),
                "worse": worse.get(view.number, []),
                "name": masked(read.names[by_number[view.number].pk]),
            }
            for view, (median, p90) in zip(outlook.line, waits, strict=True)
        ],
        "joining": [
            {"slot": slot.index, "position": place, "median": round(median, 1), "p90": round(p90, 1)}
            for slot, place in zip(read.slots.values(), outlook.joining, strict=True)
            for median, p90 in [steady.held(outlook.wait_at(place), at_home.get(slot.index), 0.0)]
        ],
    }


def _shown(snapshot: Snapshot | None, part: str, key: str, now: datetime) -> dict[Any, steady.Times]:
    """Of a part of the snapshot, by its key, the times that screens have until now, in minutes from now."""
    if snapshot is None:
        return {}
    shown = json.loads(snapshot.phone)
    since = _minutes(now - datetime.fromisoformat(shown["at"]))
    return {each[key]: (each["median"] - since, each["p90"] - since) for each in shown[part]}


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
