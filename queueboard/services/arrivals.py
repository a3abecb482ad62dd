"""Coming and going: check-in, walk-in registration, giving up (R1.2, R4.1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, Session, Slot
from booking.services import refunds
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.models import Refusal, Ticket
from queueboard.services.lifecycle import end_slots, open_registration
from queueboard.services.queue import LIVE, Queue, change, load, not_live, session_of, step

ASKED_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a walk-in would get now: the slot, and how many patients would be seen before."""

    slot: Slot
    position: int


def check_in(
    *, appointment_id: int, reason: str = "", actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """A booked patient is on site and gets a place in the queue. A second press returns the same ticket.

    `reason`: how, where it was no member of staff.
    """
    now = now or timezone.now()
    session_id = Appointment.objects.filter(pk=appointment_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise QueueError(_("There is no such appointment."), code="no_appointment", status=404)
    here = checked_in(appointment_id)
    if here is not None:
        return here
    open_registration(session_id=session_id, actor=actor, now=now)
    with change(session_id, actor=actor, now=now) as queue:
        appointment = Appointment.objects.select_for_update().get(pk=appointment_id)
        here = checked_in(appointment_id)
        if here is not None:
            return here
        if appointment.session_id != session_id:
            raise QueueError(_("This appointment has just been moved to another session."), code="moved")
        refuse_unless_expected(appointment)
        _refuse_when_stopped(queue)
        if queue.has_live(appointment.patient_id):
            raise QueueError(_("This patient is in the queue already."), code="in_queue")
        slot = queue.slots[appointment.slot_id]
        grace = timedelta(minutes=queue.session.department.late_grace_minutes)
        ticket = queue.add(
            Ticket(
                slot=slot,
                patient_id=appointment.patient_id,
                appointment=appointment,
                token=appointment.token,
                booked=True,
                first_visit=appointment.first_visit,
                arrived=now,
                late=rules.is_late(now, slot.ends_at, grace),
                passed=rules.is_passed(slot.index, queue.views()),
            )
        )
        queue.write(appointment, state=Appointment.State.ARRIVED)
        queue.happened("check_in", ticket=ticket, reason=reason)
        return ticket


def checked_in(appointment_id: int) -> Ticket | None:
    """The ticket of who has checked in already: the one that counts, wherever it was handed over to."""
    here = (Appointment.State.ARRIVED, Appointment.State.SEEN)
    own = Ticket.objects.select_related("session").filter(appointment_id=appointment_id, appointment__state__in=here)
    return own.exclude(state__in=(Ticket.State.LEFT, Ticket.State.HANDED_OVER)).first()


def refuse_unless_expected(appointment: Appointment) -> None:
    """Raises QueueError `not_paid`, `appointment_over` for who cannot be checked in."""
    if appointment.state == Appointment.State.BOOKED:
        return
    if appointment.state == Appointment.State.HELD:
        raise QueueError(_("This appointment is not paid yet."), code="not_paid")
    raise QueueError(
        _("This appointment is “%(state)s”.") % {"state": appointment.get_state_display()},
        code="appointment_over",
        state=appointment.state,
    )


def _refuse_when_stopped(queue: Queue) -> None:
    if queue.session.stopped_early:
        raise QueueError(_("This session was stopped: nobody more is called."), code="stopped")


def offer_walk_in(*, session_id: int, now: datetime | None = None) -> Offer:
    """What a walk-in would get, before accepting (R4.1). Raises QueueError `none_left` with what is left elsewhere.

    That refusal is logged (R2.1), as nobody goes on to register then; asked again at once it is the same patient.
    """
    now = now or timezone.now()
    session = Session.objects.select_related("department", "expert").filter(pk=session_id).first()
    if session is None:
        raise QueueError(_("There is no such session."), code="no_session", status=404)
    if session.state == Session.State.PLANNED and now >= session.registration_opens_at:
        open_registration(session_id=session_id, now=now)
        session.refresh_from_db()
    if session.state not in Session.LIVE:
        raise not_live(session)
    _pass_on(session_id, now)
    queue = load(session, now=now)
    _refuse_when_stopped(queue)
    try:
        slot = _walk_in_slot(queue)
    except QueueError as error:
        lately = Refusal.objects.filter(session=session, at__gt=now - ASKED_AGAIN)
        if error.code == "none_left" and not lately.exists():
            Refusal.objects.create(session=session, at=now)
        raise
    views = queue.views()
    number = session.last_number + 1
    made_up = rules.Ticket(number=number, slot=slot.index, slot_start=slot.starts_at, booked=False, arrived=now)
    line = [view.number for view in rules.order([*views, made_up], queue.policy)]
    return Offer(slot=slot, position=line.index(number))


def register_walk_in(
    *,
    session_id: int,
    patient_id: int,
    first_visit: bool = True,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> Ticket:
    """A walk-in takes the earliest slot, not ended, that has walk-in numbers left (R4.1).

    A patient who is in the queue already keeps that ticket. One with an appointment here is refused
    (`has_appointment`): it is a check-in. A refusal for want of numbers (`none_left`) is logged (R2.1).
    """
    now = now or timezone.now()
    open_registration(session_id=session_id, actor=actor, now=now)
    _pass_on(session_id, now)
    try:
        with change(session_id, actor=actor, now=now) as queue:
            mine = next((t for t in queue.tickets if t.patient_id == patient_id and t.state in LIVE), None)
            if mine is not None:
                return mine
            _refuse_when_stopped(queue)
            booked = Appointment.objects.filter(
                session_id=session_id, patient_id=patient_id, state=Appointment.State.BOOKED
            ).first()
            if booked is not None:
                raise QueueError(
                    _("This patient has an appointment here: check in instead."),
                    code="has_appointment",
                    appointment=booked.pk,
                )
            slot = _walk_in_slot(queue)
            queue.move_number(slot_id=slot.pk, source="pool", target="registered", reason="registered")
            ticket = queue.add(
                Ticket(slot=slot, patient_id=patient_id, booked=False, first_visit=first_visit, arrived=now)
            )
            queue.happened("register", ticket=ticket)
            return ticket
    except QueueError as error:
        if error.code == "none_left":
            Refusal.objects.create(session_id=session_id, at=now)
        raise


def _pass_on(session_id: int, now: datetime) -> None:
    """Whoever comes after the end of a slot finds its numbers in the next, should the task be late (R3.5b)."""
    if Slot.objects.filter(session_id=session_id, ends_at__lte=now, passed_on=False).exists():
        end_slots(session_id=session_id, now=now)


def _walk_in_slot(queue: Queue) -> Slot:
    if queue.now >= queue.session.ends_at:
        raise QueueError(_("Registration is closed: the session has ended."), code="registration_closed")
    for slot in sorted(queue.slots.values(), key=lambda slot: slot.index):
        if slot.ends_at > queue.now and slot.left_walk_in > 0:
            return slot
    raise QueueError(_("No walk-in number is left."), code="none_left", elsewhere=_elsewhere(queue))


def _elsewhere(queue: Queue) -> list[dict[str, object]]:
    """Other sessions of the department that take walk-ins now, most numbers first."""
    others = (
        Session.objects.filter(department=queue.session.department, state__in=Session.LIVE, stopped_early=False)
        .exclude(pk=queue.session.pk)
        .filter(slots__ends_at__gt=queue.now)
        .annotate(left=Sum(F("slots__walk_in") - F("slots__registered")))
        .filter(left__gt=0)
        .select_related("expert")
        .order_by("-left")
    )
    return [{"session": other.pk, "names": other.names, "left": other.left} for other in others]  # type: ignore[attr-defined]


def leave(
    *, ticket_id: int, reason: str = "", actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Ticket:
    """A patient gives the place up: the number goes to the walk-in pool (R3.5). Twice is once.

    Who has been seen, and leaves while away or as a return visit, was seen: that number is used.
    """
    with change(session_of(ticket_id), actor=actor, now=now) as queue:
        ticket = queue.get(ticket_id)
        if ticket.state in (Ticket.State.LEFT, Ticket.State.DONE):
            return ticket
        state = step("leave", ticket)
        seen = ticket.state == Ticket.State.AWAY or ticket.returned is not None
        queue.write(ticket, state=Ticket.State.DONE if seen else state, ended_at=queue.now)
        own = ticket.appointment_id is not None and ticket.handed_from_id is None
        if ticket.appointment_id is not None:
            gone = Appointment.State.CANCELLED_LATE if own else Appointment.State.NOT_SEEN
            appointment = Appointment.objects.get(pk=ticket.appointment_id)
            queue.write(appointment, state=Appointment.State.SEEN if seen else gone, ended_at=queue.now)
            refunds.give_back(appointment_ids=[appointment.pk], now=queue.now)
        if not seen:
            # Who was handed over used a number here as a walk-in does; the booked one is of the other session.
            _free(queue, ticket, *(("booked", "cancelled") if own else ("registered", "withdrawn")))
        queue.happened("leave", ticket=ticket, reason=reason)
        return ticket


def _free(queue: Queue, ticket: Ticket, source: str, reason: str) -> None:
    """A ticket's number goes to its slot's pool, and on from a slot that has ended (R3.5b), each move for an undo."""
    queue.move_number(
        slot_id=ticket.slot_id, source=source, target="pool", reason=reason,
        appointment_id=ticket.appointment_id if source == "booked" else None,
    )  # fmt: skip
    if not queue.session.department.pass_on_unused:
        return
    slots = sorted(queue.slots.values(), key=lambda slot: slot.index)
    for slot, following in pairwise(slots[slots.index(queue.slots[ticket.slot_id]) :]):
        if slot.ends_at > queue.now:
            break
        queue.move_number(slot_id=slot.pk, source="pool", target="outside", reason="passed_on")
        queue.move_number(slot_id=following.pk, source="outside", target="pool", reason="passed_on")
