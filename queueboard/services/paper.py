"""A day without power or network: the queue goes on on printed sheets, and is entered afterwards with its times.

What was written is turned into the same steps as at a desk, in the order of their times, all in one transaction. An
event's `at` is when it happened; its version says in which order the queue learnt of it. Both hold: versions rise, and
what was entered afterwards says so (`entered_at`), with who entered it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from operator import attrgetter

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.errors import BookingError
from booking.models import Session
from booking.services import patients
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Ticket
from queueboard.services import arrivals, calls, returns, undo
from queueboard.services.queue import change, entered_afterwards

SEEN, MISSED, LEFT = "seen", "missed", "left"
_CAME, _FREED, _CALLED, _BEGAN, _ENDED = range(5)  # what comes first of things in one minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a sheet: somebody with a ticket, somebody booked who came, or a walk-in; and the times beside them.

    row      place on the sheet, to say what does not fit
    number   of the ticket that was given on paper; numbers are issued in order, so it may become another
    outcome  SEEN, MISSED, LEFT, or "" where it is not over (or plain: a time of end means seen)
    """

    row: int
    ticket: Ticket | None = None
    appointment_id: int | None = None
    name: str = ""
    id_type: str = "other"
    id_number: str = ""
    number: int | None = None
    room_id: int | None = None
    came: datetime | None = None
    called: datetime | None = None
    began: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""

    @property
    def times(self) -> list[datetime]:
        return [at for at in (self.came, self.called, self.began, self.ended) if at is not None]


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    order: int
    number: int  # on paper, in which order people came within a minute
    row: int
    act: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of a sheet. `renamed`: the number on paper, and that of the ticket where it is another one."""

    steps: int
    renamed: list[tuple[int, str]]


class DoesNotFit(QueueError):
    """Nothing was entered; `problems` says by row what does not fit."""

    def __init__(self, problems: dict[int, list[str]]) -> None:
        super().__init__(_("Nothing was entered: some lines do not fit."), code="does_not_fit", status=400)
        self.problems = problems


def printed(*, session_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> None:
    """Notes in the log that a queue with its names was printed, and by whom (R6.3)."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        queue.happened("printed")


def gone_on() -> QuerySet[Session]:
    """Sessions that may have gone on on paper: printed, and no member of staff has done anything since."""
    since = QueueEvent.objects.filter(
        session=OuterRef("session"), version__gt=OuterRef("version"), actor__isnull=False
    ).exclude(kind="printed")
    sheets = QueueEvent.objects.filter(~Exists(since), session=OuterRef("pk"), kind="printed")
    return Session.objects.filter(Exists(sheets))


def enter(
    *, session_id: int, lines: Sequence[Line], actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Entered:
    """Enters a sheet, all of it or nothing. Raises DoesNotFit with what is wrong by row."""
    now = now or timezone.now()
    session = Session.objects.get(pk=session_id)
    problems = {line.row: wrong for line in lines if (wrong := _wrong(line, session, now))}
    _overlaps(lines, problems)
    if problems:
        raise DoesNotFit(problems)
    sheet = _Sheet(session, actor)
    steps = sorted(
        (step for line in lines for step in sheet.steps(line)), key=attrgetter("at", "order", "number", "row")
    )
    failed: dict[int, list[str]] = {}
    with transaction.atomic(), entered_afterwards(now):
        for step in steps:
            if step.row in failed:
                continue
            try:
                step.act()
            except BookingError as error:
                failed[step.row] = [str(error.message)]
        if failed:
            transaction.set_rollback(True)
    if failed:
        raise DoesNotFit(failed)
    return Entered(len(steps), sheet.renamed)


def last_entered(session_id: int) -> list[QueueEvent]:
    """The events of the sheet that was entered last and is not taken back, in order."""
    own = QueueEvent.objects.filter(session=session_id, entered_at__isnull=False, undone_by=None)
    newest = own.exclude(kind="undo").order_by("-version").values_list("entered_at", flat=True).first()
    if newest is None:
        return []
    return list(own.filter(entered_at=newest).exclude(kind="undo").order_by("version").select_related("actor"))


def take_back(*, session_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> int:
    """Takes the sheet that was entered last back, all of it or nothing. Returns how many steps.

    Raises QueueError `followed` where something has followed from it, `nothing_entered`.
    """
    with transaction.atomic():
        steps = [event for event in last_entered(session_id) if event.kind in undo.UNDOABLE]
        if not steps:
            raise QueueError(_("There is nothing to undo."), code="nothing_entered", status=400)
        for event in reversed(steps):
            undo.undo(event_id=event.pk, actor=actor, now=now)
    return len(steps)


class _Sheet:
    """Lines turned into steps; tickets are known once the step that issues them has been taken."""

    def __init__(self, session: Session, actor: AbstractBaseUser | None) -> None:
        self.session, self.actor = session, actor
        self.tickets: dict[int, int] = {}
        self.renamed: list[tuple[int, str]] = []

    def steps(self, line: Line) -> Iterable[Step]:
        number = line.number or 0
        if line.ticket is not None:
            self.tickets[line.row] = line.ticket.pk
        elif line.came is not None:
            yield Step(line.came, _CAME, number, line.row, partial(self._come, line, line.came))
        if line.called is not None and not _in_a_room(line):
            yield Step(line.called, _CALLED, number, line.row, partial(self._call, line, line.called))
        if line.began is not None and not _serving(line):
            yield Step(line.began, _BEGAN, number, line.row, partial(self._do, calls.start, line.row, line.began))
        over = line.ended or (line.called if line.outcome == MISSED else None)
        if over is not None:
            acts: dict[str, Callable[..., Ticket]] = {MISSED: calls.miss, LEFT: arrivals.leave}
            act = acts.get(line.outcome, calls.finish)
            freed = line.called is None or line.called < over
            yield Step(over, _FREED if freed else _ENDED, number, line.row, partial(self._do, act, line.row, over))

    def _come(self, line: Line, at: datetime) -> None:
        if line.appointment_id is not None:
            ticket = arrivals.check_in(appointment_id=line.appointment_id, actor=self.actor, now=at)
        else:
            who = patients.find_or_make(name=line.name, id_type=line.id_type, id_number=line.id_number, by_staff=True)
            ticket = arrivals.register_walk_in(session_id=self.session.pk, patient_id=who.pk, actor=self.actor, now=at)
        self.tickets[line.row] = ticket.pk
        if line.number is not None and ticket.number != line.number:
            self.renamed.append((line.number, ticket.label))

    def _call(self, line: Line, at: datetime) -> None:
        assert line.room_id is not None
        if line.ticket is not None and line.ticket.state == Ticket.State.AWAY:
            returns.return_visit(ticket_id=line.ticket.pk, actor=self.actor, now=at)
        calls.call_ticket(ticket_id=self.tickets[line.row], room_id=line.room_id, actor=self.actor, now=at)

    def _do(self, act: Callable[..., Ticket], row: int, at: datetime) -> None:
        act(ticket_id=self.tickets[row], actor=self.actor, now=at)


def _in_a_room(line: Line) -> bool:
    return line.ticket is not None and line.ticket.state in (Ticket.State.CALLED, Ticket.State.SERVING)


def _serving(line: Line) -> bool:
    return line.ticket is not None and line.ticket.state == Ticket.State.SERVING


# --- what does not fit, before anything is tried


def _wrong(line: Line, session: Session, now: datetime) -> list[str]:
    found = []
    ticket = line.ticket
    if any(at > now for at in line.times):
        found.append(_("A time is still to come."))
    if any(later < earlier for earlier, later in pairwise(line.times)):
        found.append(_("The times are not in order: came, called, begun, ended."))
    if line.came is not None and ticket is None and line.came < session.registration_opens_at:
        opened = timezone.localtime(session.registration_opens_at)
        found.append(_("Registration opened at {time} only.").format(time=f"{opened:%H:%M}"))
    if ticket is None and line.came is None:
        found.append(_("When did this patient come?"))
    if ticket is None and line.appointment_id is None and not line.name.strip():
        found.append(_("Please give a name."))
    if ticket is not None:
        last = max(at for at in (ticket.arrived, ticket.called_at, ticket.started_at) if at is not None)
        if any(at < last.replace(second=0, microsecond=0) for at in line.times if at != line.came):
            since = timezone.localtime(last)
            found.append(_("This is before what is known of {number}: {time}.").format(
                number=ticket.label, time=f"{since:%H:%M}"
            ))  # fmt: skip
    found += _wrong_course(line)
    return found


def _wrong_course(line: Line) -> list[str]:
    """What is written of a visit must be one: called first, and somewhere."""
    called = line.called is not None or _in_a_room(line)
    over = line.outcome in (SEEN, MISSED) or (line.ended is not None and line.outcome != LEFT)
    found = []
    if (line.began is not None or over) and not called:
        found.append(_("When was this patient called?"))
    if line.called is not None and line.room_id is None:
        found.append(_("To which room?"))
    if line.outcome == SEEN and line.ended is None:
        found.append(_("When did the visit end?"))
    if line.outcome == LEFT and line.ended is None:
        found.append(_("When did this patient leave?"))
    if line.outcome == MISSED and (line.began is not None or _serving(line)):
        found.append(_("A visit that has begun was not missed."))
    return found


def _overlaps(lines: Sequence[Line], problems: dict[int, list[str]]) -> None:
    """Two at a time in a room: whoever is called there ends the visit before."""
    in_rooms: dict[int, list[tuple[datetime, Line]]] = {}
    for line in lines:
        held = line.ticket if _in_a_room(line) else None
        room, called = (held.room_id, held.called_at) if held is not None else (line.room_id, line.called)
        if called is not None and room is not None:
            in_rooms.setdefault(room, []).append((called, line))
    for visits in in_rooms.values():
        visits.sort(key=lambda visit: (visit[0], visit[1].ended or visit[0], visit[1].row))
        for (_earlier, before), (called, after) in pairwise(visits):
            if before.ended is not None and before.ended > called:
                words = _("Called before the visit in line {row} had ended.").format(row=before.row)
                problems.setdefault(after.row, []).append(words)
