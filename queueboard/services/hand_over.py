"""Waiting patients go on to another expert (R4.10)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from booking.models import Slot
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services.lifecycle import stop_early
from queueboard.services.queue import Queue, changes, locked_session, session_of, step


def hand_over(
    *,
    ticket_id: int,
    to_session_id: int,
    reason: str = "",
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Ticket:
    """The patient gets a ticket of the other session, keeping arrival, priority and link. Twice is once.

    The other session gets a number more for it, so that nobody there loses one. The slot is the one of the same time,
    else the first that has not ended, else the last.
    """
    session_id = session_of(ticket_id)
    if session_id == to_session_id:
        raise QueueError(_("This is the same session."), code="same_session", status=400)
    with changes([session_id, to_session_id], actor=actor, now=now) as queues:
        here, there = queues[session_id], queues[to_session_id]
        old = here.get(ticket_id)
        missed = old.state == Ticket.State.MISSED
        if old.state == Ticket.State.HANDED_OVER:
            return old.handed_to
        if here.session.department_id != there.session.department_id:
            raise QueueError(_("The other session is in another department."), code="wrong_department", status=400)
        if there.session.stopped_early:
            raise QueueError(_("The other session was stopped."), code="stopped")
        if there.has_live(old.patient_id):
            raise QueueError(_("This patient is in the other queue already."), code="in_queue")
        here.write(old, state=step("hand_over", old), ended_at=here.now)
        here.happened("hand_over", ticket=old, reason=reason)
        slot = _slot_for(there, here.slots[old.slot_id])
        note = f"{here.session.prefix}{old.number:03d}"
        there.move_number(slot_id=slot.pk, source="outside", target="pool", reason="handed_over", note=note)
        there.move_number(slot_id=slot.pk, source="pool", target="registered", reason="handed_over", note=note)
        new = there.add(
            Ticket(
                slot=slot,
                patient_id=old.patient_id,
                appointment_id=old.appointment_id,
                handed_from=old,
                token=old.token,
                booked=old.booked,
                first_visit=old.first_visit,
                arrived=old.arrived,
                late=old.late,
                misses=old.misses,
                turned_up=there.now if missed else old.turned_up,
                behind=rules.behind_after_miss(there.views(), there.policy) if old.misses else 0,
                returned=old.returned,
                returned_after=rules.calls_made(there.views()) if old.returned else 0,
                priority=old.priority,
                priority_reason=old.priority_reason,
            )
        )
        there.happened("hand_over_in", ticket=new, reason=reason)
        return new


def _slot_for(queue: Queue, old: Slot) -> Slot:
    running = [slot for slot in queue.slots.values() if slot.ends_at > queue.now]
    if not queue.slots:
        raise QueueError(_("The other session has no slots."), code="no_slots")
    same_time = [slot for slot in running if slot.starts_at <= old.starts_at < slot.ends_at]
    first = min(same_time or running, key=lambda slot: slot.index, default=None)
    return first or max(queue.slots.values(), key=lambda slot: slot.index)


def hand_over_all(
    *,
    session_id: int,
    to_session_id: int,
    reason: str = "",
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> list[Ticket]:
    """Everybody who waits, in order; may run twice. Who is called meanwhile, or in the other queue too, stays."""
    waiting = Ticket.objects.filter(session_id=session_id, state=Ticket.State.WAITING).order_by("number")
    made = []
    for pk in waiting.values_list("pk", flat=True):
        try:
            made.append(hand_over(ticket_id=pk, to_session_id=to_session_id, reason=reason, actor=actor, now=now))
        except QueueError as error:
            if error.code not in ("action_refused", "in_queue"):
                raise
    return made


def stop_and_hand_over(
    *,
    session_id: int,
    to_session_id: int,
    reason: str,
    seen: str | None = None,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> list[Ticket]:
    """Stops a session (R1.3), and everybody who waits goes on in another one: both, or neither."""
    with transaction.atomic():
        # In the order in which every hand-over takes them.
        for pk in sorted((session_id, to_session_id)):
            locked_session(pk)
        stop_early(session_id=session_id, reason=reason, seen=seen, actor=actor, now=now)
        return hand_over_all(session_id=session_id, to_session_id=to_session_id, reason=reason, actor=actor, now=now)
