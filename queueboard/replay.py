"""A real half-day played through the live queue at a chosen speed (docs/demo.md).

The record says when each visit began and how long it took. It does not say who came when: arrivals are made up from
the punctuality of kept appointments, in the recorded order within a slot and never after the recorded start. Each
patient is booked for the slot in which the visit began, so that "next" calls in the recorded order.

A replay has a department of its own and touches nothing else.
"""

import time as clock
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from random import Random

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from booking import importing
from booking.errors import BookingError
from booking.models import Appointment, Department, Expert, Patient, Room, Session, SessionRoom, Slot
from booking.services import appointments, numbers, patients
from queueboard.demo import people
from queueboard.live import news
from queueboard.models import Board, Ticket
from queueboard.services import arrivals, calls, lifecycle

DEPARTMENT = "replay"
SLOT_SECONDS = 3600
WALK_SECONDS = 20  # from call to door, where the visit before leaves the time
REPLAYS_A_DAY = 1000
TO_PLAY = 3600  # seconds between making a session and the opening that it is given: play() sets the real times


@dataclass(frozen=True, slots=True)
class Visit:
    """One recorded visit. All times in seconds from the planned start of the half-day, as recorded.

    `arrived` is made up; `slot` counts from 0.
    """

    position: int
    slot: int
    arrived: float
    started: float
    seconds: float
    first_visit: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """A session that is ready to be played: what may be looked at meanwhile."""

    session_id: int
    room_id: int
    tokens: tuple[str, ...]  # of the patients' pages, by visit
    boards: tuple[str, ...]  # slugs
    visits: tuple[Visit, ...]
    speed: float


@dataclass(slots=True)
class Result:
    """What happened. `largest_lag`: seconds between the planned and the real moment of a call, at most.

    `events` is the session's version at the end; `out_of_order` counts calls of another than the recorded patient.
    """

    session_id: int
    visits: int = 0
    events: int = 0
    seconds: float = 0.0
    largest_lag: float = 0.0
    out_of_order: int = 0
    refused: list[str] = field(default_factory=list)
    finished: bool = False


OnEvent = Callable[[str, str], None]


def half_day(parsed: importing.Parsed, number: int, *, rng: Random) -> list[Visit]:
    """The visits of one recorded session in order, with made-up arrivals. Raises ValueError where there is none."""
    rows = sorted((row for row in parsed.rows if row.half_day.session == number), key=_began)
    if not rows:
        raise ValueError(f"there is no session {number}")
    planned = SLOT_SECONDS * (importing.MORNING if rows[0].half_day.morning else importing.AFTERNOON)[0].hour
    begun = [_began(row) - planned for row in rows]
    slots = [min(max(0, int(at // SLOT_SECONDS)), _last_slot()) for at in begun]
    came = _arrivals(slots, begun, rng)
    return [
        Visit(position, slot, arrived, float(started), float(row.seconds), row.first_visit is not False)
        for position, (row, slot, arrived, started) in enumerate(zip(rows, slots, came, begun, strict=True), start=1)
    ]


def _began(row: importing.Row) -> int:
    return 3600 * row.start.hour + 60 * row.start.minute + row.start.second


def _last_slot() -> int:
    return people.HALF_DAY_MINUTES // people.SLOT_MINUTES - 1


def _arrivals(slots: Sequence[int], begun: Sequence[int], rng: Random) -> list[float]:
    """Made-up arrivals: around an appointed time within the slot, sorted within each slot, at the latest at the start
    of the visit, at the earliest an hour before the session."""
    drawn: dict[int, list[float]] = {}
    for slot in slots:
        appointed = SLOT_SECONDS * (slot + rng.random())
        drawn.setdefault(slot, []).append(appointed + 60 * people.punctuality(rng))
    ready = {slot: sorted(times, reverse=True) for slot, times in drawn.items()}
    came: list[float] = []
    latest = dict.fromkeys(ready, float(-SLOT_SECONDS))
    for slot, started in zip(slots, begun, strict=True):
        latest[slot] = min(max(ready[slot].pop(), latest[slot]), float(started))
        came.append(latest[slot])
    return came


def prepare(*, visits: Sequence[Visit], speed: float, boards: int = 1, expert: str = DEPARTMENT) -> Stage:
    """Makes the replay's session with everybody booked, and public boards `replay`, `replay-2` .. that show it.

    Nothing moves until play(). One replay at a time: what is left of another is closed. `speed`: so many times as fast
    as recorded, > 0. Raises ValueError.
    """
    if not visits or speed <= 0:
        raise ValueError("there must be visits, and a speed above 0")
    department = Department.objects.get_or_create(
        slug=DEPARTMENT, defaults={"name": "历史重放", "name_en": "Replay", "name_zh_hant": "歷史重放"}
    )[0]
    _set_rules(department, visits, speed)
    who = Expert.objects.get_or_create(
        code=expert,
        defaults={
            "department": department,
            "name": "历史专家",
            "name_en": "Recorded expert",
            "name_zh_hant": "歷史專家",
        },
    )[0]
    if who.department_id != department.pk:
        raise ValueError(f"{expert} is an expert of another department")
    room = Room.objects.get_or_create(
        department=department, code="1", defaults={"name": "1 诊室", "name_en": "Room 1", "name_zh_hant": "1 診室"}
    )[0]
    _end_leftovers(department)
    slugs = [DEPARTMENT if n == 1 else f"{DEPARTMENT}-{n}" for n in range(1, boards + 1)]
    for slug in slugs:
        board, made = Board.objects.get_or_create(
            slug=slug, defaults={"title": "历史重放", "title_en": "Replay", "title_zh_hant": "歷史重放", "public": True}
        )
        if made:
            board.departments.add(department)
    session = _make_session(department, who, room, visits, speed)
    booked = _book(session, visits)
    return Stage(
        session_id=session.pk,
        room_id=room.pk,
        tokens=tuple(appointment.token for appointment in booked),
        boards=tuple(slugs),
        visits=tuple(visits),
        speed=speed,
    )


def _end_leftovers(department: Department) -> None:
    """One replay at a time: a killed one has left its room occupied."""
    on = Session.objects.filter(department=department, state__in=(Session.State.PLANNED, *Session.LIVE))
    for pk in on.values_list("pk", flat=True):
        lifecycle.close_session(session_id=pk)


def _set_rules(department: Department, visits: Sequence[Visit], speed: float) -> None:
    """The department's rules are those of its newest replay: lengths of time are divided by the speed."""
    mean = sum(visit.seconds for visit in visits) / len(visits) / 60 / speed
    Department.objects.filter(pk=department.pk).update(
        early_minutes=round(30 / speed),
        default_visit_minutes=mean,
        registration_opens_minutes=round(60 / speed),
        booked_per_patient_day=REPLAYS_A_DAY,
    )


def _make_session(department: Department, who: Expert, room: Room, visits: Sequence[Visit], speed: float) -> Session:
    """A planned session with a slot for each recorded hour: as many numbers as visits began in it, all bookable."""
    now = timezone.now()
    opens_at = now + timedelta(seconds=TO_PLAY)
    starts_at = opens_at + timedelta(seconds=SLOT_SECONDS / speed)
    hour = timedelta(seconds=SLOT_SECONDS / speed)
    # Real half-days run over: the session lasts as long as its last visit, so that nothing closes it before.
    over = timedelta(seconds=max(visit.started + visit.seconds for visit in visits) / speed)
    ends_at = starts_at + max((_last_slot() + 1) * hour, over)
    with transaction.atomic():
        session = Session.objects.create(
            department=department,
            expert=who,
            date=timezone.localdate(starts_at),
            starts_at=starts_at,
            ends_at=ends_at,
            registration_opens_at=opens_at,
            released_at=now,
            numbers=len(visits),
            prefix="R",
        )
        SessionRoom.objects.create(session=session, room=room, expert=who)
        for index in range(_last_slot() + 1):
            end = ends_at if index == _last_slot() else starts_at + (index + 1) * hour
            slot = Slot.objects.create(session=session, index=index, starts_at=starts_at + index * hour, ends_at=end)
            count = sum(visit.slot == index for visit in visits)
            if count:
                numbers.move(
                    slot_id=slot.pk, source="outside", target="bookable", count=count, reason="planned", now=now
                )
    return session


def _book(session: Session, visits: Iterable[Visit]) -> list[Appointment]:
    slots = dict(session.slots.values_list("index", "pk"))
    booked = []
    for visit in visits:
        # The same made-up people in every replay.
        patient = patients.find_or_make(
            name=f"患者{visit.position:02d}",
            id_type=Patient.IdType.OTHER,
            id_number=f"REPLAY{visit.position:04d}",
            phone=f"129{visit.position:08d}",
        )
        booked.append(
            appointments.book(patient_id=patient.pk, slot_id=slots[visit.slot], first_visit=visit.first_visit)
        )
    return booked


def play(stage: Stage, *, on_event: OnEvent | None = None) -> Result:
    """Plays a prepared half-day from now on: an hour of registration, then as recorded, both divided by the speed.

    Calls the services, and news goes to every screen, as when staff press. Returns when all is over and the session is
    closed. `on_event(kind, number)` hears of each check_in, call, start and finish after its commit. Whatever ends it
    (Ctrl-C too) closes the session, so that every ticket and appointment is settled. Raises nothing for a step that
    the queue refuses (somebody else pressed): the result names it.
    """
    result = Result(session_id=stage.session_id)
    begun = clock.monotonic()
    try:
        _open(stage)
        origin = clock.monotonic() + SLOT_SECONDS / stage.speed
        for at, order, act in _script(stage, result, on_event or (lambda kind, number: None)):
            planned = origin + at / stage.speed
            clock.sleep(max(0.0, planned - clock.monotonic()))
            if order == _CALL:
                result.largest_lag = max(result.largest_lag, clock.monotonic() - planned)
            try:
                act()
            except BookingError as error:
                result.refused.append(error.code)
        result.finished = True
    finally:
        session = lifecycle.close_session(session_id=stage.session_id)
        result.events, result.seconds = session.version, clock.monotonic() - begun
    return result


def _open(stage: Stage) -> None:
    """Moves the session to now, and opens its registration."""
    now = timezone.now()
    with transaction.atomic():
        session = Session.objects.select_for_update(no_key=True).get(pk=stage.session_id)
        earlier = now - session.registration_opens_at
        for row in (Session.objects.filter(pk=session.pk), session.slots.all()):
            row.update(starts_at=F("starts_at") + earlier, ends_at=F("ends_at") + earlier)
        Session.objects.filter(pk=session.pk).update(
            registration_opens_at=now, date=timezone.localdate(session.starts_at + earlier), version=F("version") + 1
        )
        transaction.on_commit(lambda: news.announce(stage.session_id))
    lifecycle.open_registration(session_id=stage.session_id, now=now)


_CHECK_IN, _FINISH, _CALL, _START = range(4)  # what comes first of things due at once


def _script(stage: Stage, result: Result, on_event: OnEvent) -> list[tuple[float, int, Callable[[], None]]]:
    """Every step with its recorded second, in order."""
    booked = dict(Appointment.objects.filter(session=stage.session_id).values_list("token", "pk"))
    tickets: dict[int, Ticket] = {}  # by position: whom the call of that visit called

    def check_in(visit: Visit) -> None:
        ticket = arrivals.check_in(appointment_id=booked[stage.tokens[visit.position - 1]])
        on_event("check_in", ticket.label)

    def call(visit: Visit) -> None:
        ticket = calls.call_next(session_id=stage.session_id, room_id=stage.room_id)
        if ticket is None:
            result.refused.append("nobody_waits")
            return
        tickets[visit.position] = ticket
        result.out_of_order += ticket.token != stage.tokens[visit.position - 1]
        on_event("call", ticket.label)

    def start(visit: Visit) -> None:
        if visit.position in tickets:
            on_event("start", calls.start(ticket_id=tickets[visit.position].pk).label)

    def finish(visit: Visit) -> None:
        if visit.position in tickets:
            on_event("finish", calls.finish(ticket_id=tickets[visit.position].pk).label)
            result.visits += 1

    steps: list[tuple[float, int, Callable[[Visit], None], Visit]] = []
    ends = float("-inf")
    for visit, following in pairwise([*stage.visits, None]):
        assert visit is not None
        called = min(visit.started, max(ends, visit.arrived, visit.started - WALK_SECONDS))
        ends = visit.started + visit.seconds
        if following is not None:
            ends = min(ends, following.started)
        steps += [(visit.arrived, _CHECK_IN, check_in, visit), (called, _CALL, call, visit)]
        steps += [(visit.started, _START, start, visit), (ends, _FINISH, finish, visit)]
    steps.sort(key=lambda step: (step[0], step[3].position if step[1] else 0, step[1] if step[1] != _FINISH else 9))
    return [(at, kind, _bound(act, visit)) for at, kind, act, visit in steps]


def _bound(act: Callable[[Visit], None], visit: Visit) -> Callable[[], None]:
    return lambda: act(visit)
