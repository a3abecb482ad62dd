"""Changes of a schedule as steps of its queue: in the audit log with who and why, and on the screens (R3.2b, R1.3)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from booking.models import Session, Slot
from booking.services import extra, quotas, schedules, seats, sessions, templates, times
from queueboard.errors import QueueError
from queueboard.services.queue import Queue, change


def add_numbers(
    *, slot: Slot, count: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Slot:
    """As booking.services.schedules.add_numbers."""
    with change(slot.session_id, actor=actor, now=now, live=False) as queue:
        added = schedules.add_numbers(slot_id=slot.pk, count=count, reason=reason, actor=actor, now=queue.now)
        queue.happened("numbers_added", reason=reason)
        return added


def substitute(
    *,
    session_id: int,
    away_id: int,
    expert_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.schedules.substitute."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        told = schedules.substitute(
            session_id=session_id, away_id=away_id, expert_id=expert_id, reason=reason, seen=seen, now=queue.now
        )  # fmt: skip
        queue.happened("substituted", reason=reason)
        return told


def give_seat_up(
    *,
    session_id: int,
    expert_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> None:
    """As booking.services.seats.give_seat_up."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        seats.give_seat_up(
            session_id=session_id, expert_id=expert_id, reason=reason, seen=seen, now=queue.now
        )  # fmt: skip
        if queue.session.rooms.count() < len(queue.rooms):
            queue.happened("seat_given_up", reason=reason)


def call_off(
    *,
    session_id: int,
    reason: str,
    cause: str = "",
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.schedules.call_off."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        if queue.session.state == queue.session.State.CANCELLED:
            return 0
        told = schedules.call_off(session_id=session_id, reason=reason, cause=cause, seen=seen, now=queue.now)
        queue.happened("called_off", reason=reason)
        return told


def change_room(
    *,
    session_id: int,
    room_id: int,
    to_room_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.seats.change_room."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        told = seats.change_room(
            session_id=session_id, room_id=room_id, to_room_id=to_room_id, reason=reason, seen=seen, now=queue.now
        )  # fmt: skip
        queue.happened("session_room_changed", room_id=to_room_id, reason=reason)
        return told


def change_times(
    *,
    session_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.times.change_times. Raises QueueError `calls_begun` too: then the room is paused instead."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        if any(ticket.called_no for ticket in queue.tickets):
            words = _("Patients have been called already: pause the room instead.")
            raise QueueError(words, code="calls_begun")
        was = {slot.pk: slot.starts_at for slot in queue.slots.values()}
        told = times.change_times(
            session_id=session_id, starts_at=starts_at, ends_at=ends_at, reason=reason, seen=seen, now=queue.now
        )  # fmt: skip
        _note_moved(queue, was)
        queue.happened("times_changed", reason=reason)
        return told


def _note_moved(queue: Queue, was: dict[int, datetime]) -> None:
    """Slots that begin at another time, for the log and for those who read what became of their time."""
    for slot in queue.slots.values():
        slot.refresh_from_db()
        begins = {"was": was[slot.pk], "now": slot.starts_at}
        if begins["was"] != begins["now"]:
            moved = {when: {"starts_at": at.isoformat()} for when, at in begins.items()}
            queue.changes.append({"model": "slot", "id": slot.pk} | moved)


def follow_template(
    *,
    session_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.templates.follow; then the template's numbers in all, which the split is computed for."""
    with transaction.atomic():  # or people are told of the times, and then the numbers are refused
        with change(session_id, actor=actor, now=now, live=False) as queue:
            was = {slot.pk: slot.starts_at for slot in queue.slots.values()}
            expert_id, rooms = queue.session.expert_id, set(queue.rooms)
            told = templates.follow(session_id=session_id, reason=reason, seen=seen, now=queue.now)
            queue.session.refresh_from_db(fields=["expert", "template"])
            _note_moved(queue, was)
            if queue.session.expert_id != expert_id:
                people = {"was": {"expert_id": expert_id}, "now": {"expert_id": queue.session.expert_id}}
                queue.changes.append({"model": "session", "id": session_id} | people)
            new = set(queue.session.rooms.values_list("room_id", flat=True)) - rooms
            queue.happened("template_followed", room_id=min(new, default=None), reason=reason)
            template = queue.session.template
        if template is not None and template.numbers != queue.session.numbers:
            quotas.renumber(session_id=session_id, numbers_in_all=template.numbers, actor=actor, now=now)
    return told


def make_extra(
    drafted: sessions.Draft, *, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Session:
    """As booking.services.extra.make."""
    with transaction.atomic():
        session = extra.make(drafted, reason=reason, now=now)
        with change(session.pk, actor=actor, now=now, live=False) as queue:
            queue.happened("made_by_hand", reason=reason)
        return session
