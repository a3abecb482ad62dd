"""A session's queue, loaded and locked, and the one way to change it.

Every service reads: `with change(...) as queue`, ask the rules, `queue.write(...)`. Leaving the block appends one
QueueEvent with what changed, raises the session's version by one, and announces after commit.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, Session, SessionRoom, Slot
from booking.services import numbers
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.live import news
from queueboard.models import QueueEvent, Ticket
from queueboard.notify import causes
from queueboard.policy import policy_of

_ENTERED: ContextVar[datetime | None] = ContextVar("entered from paper at", default=None)

Row = Ticket | SessionRoom | Session | Appointment
LIVE = ("waiting", "called", "serving", "missed", "away")


@dataclass
class Queue:
    """All of a session that the rules need, read in one go while the session's row is locked."""

    session: Session
    slots: dict[int, Slot]
    rooms: dict[int, SessionRoom]
    tickets: list[Ticket]
    now: datetime
    actor: AbstractBaseUser | None = None
    kind: str = ""
    reason: str = ""
    ticket: Ticket | None = None
    room_id: int | None = None
    undoes: QueueEvent | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    before: list[rules.Ticket] = field(default_factory=list)
    event: QueueEvent | None = None

    @property
    def policy(self) -> rules.Policy:
        return policy_of(self.session.department, slots=len(self.slots))

    def views(self) -> list[rules.Ticket]:
        """All tickets as the rules see them."""
        return [ticket.rule_view(self.slots[ticket.slot_id]) for ticket in self.tickets]

    def order(self) -> list[Ticket]:
        """Those still to be seen out, in order."""
        by_number = {ticket.number: ticket for ticket in self.tickets}
        return [by_number[view.number] for view in rules.order(self.views(), self.policy)]

    def first_to_call(self) -> Ticket | None:
        """Whom "next" calls now (R4.3 with the department's limit)."""
        limit = self.session.department.call_ahead_minutes
        line = rules.order(self.views(), self.policy)
        first = rules.first_callable(line, self.now, None if limit is None else timedelta(minutes=limit))
        return next((t for t in self.tickets if first is not None and t.number == first.number), None)

    def occupant(self, room_id: int) -> Ticket | None:
        """Who is called to or in service in a room."""
        return next((t for t in self.tickets if t.room_id == room_id and t.state in ("called", "serving")), None)

    def has_live(self, patient_id: int, *, besides: Ticket | None = None) -> bool:
        """Whether the patient is in this queue (with another ticket than `besides`)."""
        return any(t.patient_id == patient_id and t.state in LIVE and t is not besides for t in self.tickets)

    def get(self, ticket_id: int) -> Ticket:
        """The ticket of this queue with that id."""
        return next(ticket for ticket in self.tickets if ticket.pk == ticket_id)

    def room(self, room_id: int) -> SessionRoom:
        """Who sits in that room. Raises QueueError `wrong_room`."""
        if room_id not in self.rooms:
            raise QueueError(_("This session is not held in that room."), code="wrong_room", status=400)
        return self.rooms[room_id]

    def write(self, row: Row, **fields: Any) -> None:
        """Sets fields of a row and saves them, remembering what they were."""
        was = {name: getattr(row, name) for name in fields}
        changed = {name: value for name, value in fields.items() if was[name] != value}
        if not changed:
            return
        for name, value in changed.items():
            setattr(row, name, value)
        row.save(update_fields=list(changed))
        self.changes.append(
            {
                "model": row._meta.model_name,
                "id": row.pk,
                "was": {name: _plain(was[name]) for name in changed},
                "now": {name: _plain(value) for name, value in changed.items()},
            }
        )

    def add(self, ticket: Ticket) -> Ticket:
        """Issues a ticket with the session's next number."""
        ticket.session = self.session
        ticket.number = self.session.last_number + 1
        self.session.last_number = ticket.number
        ticket.save(force_insert=True)
        self.tickets.append(ticket)
        self.changes.append({"model": "ticket", "id": ticket.pk, "made": True})
        return ticket

    def move_number(
        self,
        *,
        slot_id: int,
        source: str,
        target: str,
        reason: str,
        appointment_id: int | None = None,
        note: str = "",
        undone: bool = False,
    ) -> None:
        """Moves one number of a slot, with its ledger row, remembered (if not `undone`) for an undo."""
        numbers.move(
            slot_id=slot_id, source=source, target=target, reason=reason, now=self.now, actor=self.actor,
            appointment_id=appointment_id, note=note,
        )  # fmt: skip
        if not undone:
            entry = {"model": "number", "id": slot_id, "source": source, "target": target}
            self.changes.append(entry | {"appointment": appointment_id})

    def happened(
        self,
        kind: str,
        *,
        ticket: Ticket | None = None,
        room_id: int | None = None,
        reason: str = "",
        undoes: QueueEvent | None = None,
    ) -> None:
        """Names the event that this change is. A change that names none must have changed nothing."""
        self.kind, self.ticket, self.reason, self.undoes = kind, ticket, reason[:120], undoes
        self.room_id = room_id if room_id is not None else (ticket.room_id if ticket is not None else None)


def load(session: Session, *, now: datetime) -> Queue:
    """Reads a session's slots, rooms and tickets."""
    slots = {slot.pk: slot for slot in session.slots.all()}
    rooms = {seat.room_id: seat for seat in session.rooms.select_related("room", "expert")}
    tickets = list(session.tickets.order_by("number"))
    for ticket in tickets:
        ticket.session = session
    return Queue(session=session, slots=slots, rooms=rooms, tickets=tickets, now=now)


def locked_session(session_id: int) -> Session:
    """The session with its row locked (no other change of this queue runs until the transaction ends)."""
    sessions = Session.objects.select_for_update(no_key=True, of=("self",)).select_related("department", "expert")
    session = sessions.filter(pk=session_id).first()
    if session is None:
        raise QueueError(_("There is no such session."), code="no_session", status=404)
    return session


@contextmanager
def entered_afterwards(at: datetime) -> Iterator[None]:
    """What is done inside happened earlier, on paper: events say when it was entered, and nobody is told anew."""
    token = _ENTERED.set(at)
    try:
        yield
    finally:
        _ENTERED.reset(token)


@contextmanager
def change(
    session_id: int, *, actor: AbstractBaseUser | None, now: datetime | None, live: bool = True
) -> Iterator[Queue]:
    """One transaction on one queue. Raises QueueError `closed` where the session takes no changes (if `live`)."""
    with changes([session_id], actor=actor, now=now, live=live) as queues:
        yield queues[session_id]


@contextmanager
def changes(
    session_ids: Iterable[int], *, actor: AbstractBaseUser | None, now: datetime | None, live: bool = True
) -> Iterator[dict[int, Queue]]:
    """As `change`, for several queues: locked in the order of their ids, so that two hand-overs cannot deadlock."""
    now = now or timezone.now()
    with transaction.atomic():
        queues = {}
        for session_id in sorted(set(session_ids)):
            queue = queues[session_id] = load(locked_session(session_id), now=now)
            queue.actor = actor
            if live and queue.session.state not in Session.LIVE:
                raise not_live(queue.session)
            queue.before = queue.views()
        yield queues
        for queue in queues.values():
            if queue.kind:
                _record(queue)


def not_live(session: Session) -> QueueError:
    """The refusal of a session that is not open for its queue."""
    if session.state == Session.State.PLANNED:
        return QueueError(_("Registration has not opened yet."), code="not_open")
    return QueueError(_("This session is closed."), code="closed")


def _record(queue: Queue) -> None:
    session = queue.session
    session.version += 1
    session.save(update_fields=["version", "last_number"])
    worse = rules.overtakers(queue.before, queue.views(), queue.policy)
    queue.event = QueueEvent.objects.create(
        session=session,
        version=session.version,
        kind=queue.kind,
        ticket=queue.ticket,
        room_id=queue.room_id,
        actor=queue.actor,  # type: ignore[misc]  # the stubs know the default user only
        at=queue.now,
        entered_at=_ENTERED.get(),
        reason=queue.reason,
        changes=queue.changes,
        worse={number: {"by": w.by, "reasons": list(w.reasons)} for number, w in worse.items()},
        undoes=queue.undoes,
    )
    if _ENTERED.get() is None:
        causes.after(queue)
    session_id = session.pk
    transaction.on_commit(lambda: news.announce(session_id))


def step(action: str, ticket: Ticket) -> rules.State:
    """The state that `action` leads to. Raises QueueError `action_refused` with a sentence where it is not allowed."""
    try:
        return rules.check_action(action, rules.State(ticket.state))
    except rules.RuleError as error:
        state = Ticket.State(ticket.state).label
        raise QueueError(
            _("%(label)s is “%(state)s”: this cannot be done now.") % {"label": ticket.label, "state": state},
            code=error.code,
            ticket=ticket.pk,
            state=ticket.state,
        ) from error


def session_of(ticket_id: int) -> int:
    """The session that a ticket belongs to (it never changes). Raises QueueError `no_ticket`."""
    found = Ticket.objects.filter(pk=ticket_id).values_list("session_id", flat=True).first()
    if found is None:
        raise QueueError(_("There is no such ticket."), code="no_ticket", status=404)
    return found


def _plain(value: Any) -> Any:
    """A value for the event log's JSON, to the microsecond: field_value reads it back."""
    return value.isoformat() if isinstance(value, datetime) else value


def field_value(row: models.Model, name: str, value: Any) -> Any:
    """A field's value back from the event log's JSON."""
    return row._meta.get_field(name).to_python(value)  # type: ignore[union-attr]
