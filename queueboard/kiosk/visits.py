"""What somebody came for, and where it stands: to check in, in the queue already, too early, elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils import timezone

from booking.models import Appointment, Session
from queueboard.kiosk.models import Kiosk
from queueboard.models import Ticket

JOINS = ("session__department", "session__expert", "slot", "patient")


class Standing(StrEnum):
    """In the order in which they matter to whoever has several."""

    READY = "ready"
    IN_QUEUE = "in_queue"
    TOO_EARLY = "too_early"
    NOT_PAID = "not_paid"
    OTHER_DEPARTMENT = "other_department"
    OTHER_DAY = "other_day"
    CALLED_OFF = "called_off"
    STOPPED = "stopped"
    SEEN = "seen"
    NOT_SEEN = "not_seen"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN = (Standing.READY, Standing.IN_QUEUE)
ENDED = {
    Appointment.State.CALLED_OFF: Standing.CALLED_OFF,
    Appointment.State.SEEN: Standing.SEEN,
    Appointment.State.NOT_SEEN: Standing.NOT_SEEN,
    Appointment.State.NO_SHOW: Standing.CLOSED,
    Appointment.State.CANCELLED: Standing.CANCELLED,
    Appointment.State.CANCELLED_LATE: Standing.CANCELLED,
    Appointment.State.EXPIRED: Standing.EXPIRED,
    Ticket.State.DONE: Standing.SEEN,
    Ticket.State.NOT_SEEN: Standing.NOT_SEEN,
    Ticket.State.LEFT: Standing.CANCELLED,
}
Row = Ticket | Appointment


@dataclass(frozen=True, slots=True)
class Visit:
    """A ticket, or the appointment of who has none yet, and where it stands at this kiosk now."""

    row: Row
    standing: Standing


def with_token(token: str, kiosk: Kiosk, now: datetime) -> Visit | None:
    """The visit behind a patient's page."""
    found: list[Row] = [*_newest(Ticket.objects.filter(token=token))]
    found += Appointment.objects.filter(token=token).select_related(*JOINS)
    return _visit(found[0], _departments(kiosk), now) if found else None


def of_patients(patient_ids: Collection[int], kiosk: Kiosk, now: datetime) -> list[Visit]:
    """Today's visits, and the appointments still to come, what matters most first, then the earliest."""
    today = timezone.localdate(now)
    theirs = Q(patient__in=patient_ids)
    todays = theirs & (Q(session__date=today) | Q(session__state__in=Session.LIVE))
    rows: list[Row] = [*_newest(Ticket.objects.filter(todays))]
    issued = {row.token for row in rows}
    to_come = Q(session__date__gt=today, state__in=Appointment.ACTIVE)
    booked = Appointment.objects.filter(todays | theirs & to_come).exclude(token__in=issued)
    rows += booked.select_related(*JOINS)
    here = _departments(kiosk)
    order = list(Standing)
    found = [_visit(row, here, now) for row in rows]
    return sorted(found, key=lambda each: (order.index(each.standing), each.row.slot.starts_at, each.row.pk))


def _newest(tickets: QuerySet[Ticket]) -> list[Ticket]:
    """Of each token the newest: who was handed over goes on with that. A check-in taken back is none."""
    issued = tickets.exclude(state=Ticket.State.LEFT, appointment__state=Appointment.State.BOOKED)
    rows = issued.select_related(*JOINS, "appointment").order_by("pk")
    return list({ticket.token: ticket for ticket in rows}.values())


def _departments(kiosk: Kiosk) -> set[int]:
    return set(kiosk.departments.values_list("pk", flat=True))


def _visit(row: Row, here: set[int], now: datetime) -> Visit:
    return Visit(row, _standing(row, here, now))


def _standing(row: Row, here: set[int], now: datetime) -> Standing:
    if row.state in ENDED:
        return ENDED[row.state]  # type: ignore[index]
    session = row.session
    if session.state == Session.State.CLOSED:
        return Standing.CLOSED
    if session.date > timezone.localdate(now) and session.state not in Session.LIVE:
        return Standing.OTHER_DAY
    if row.session.department_id not in here:
        return Standing.OTHER_DEPARTMENT
    if isinstance(row, Ticket):
        return Standing.IN_QUEUE
    if row.state == Appointment.State.HELD:
        return Standing.NOT_PAID
    if session.stopped_early:
        return Standing.STOPPED
    planned = session.state == Session.State.PLANNED
    return Standing.TOO_EARLY if planned and now < session.registration_opens_at else Standing.READY


def been_before(patient_id: int, session: Session) -> bool:
    """Whether the patient was seen in this department: the visit is no first one then."""
    seen = Ticket.objects.filter(patient=patient_id, session__department=session.department_id)
    return seen.filter(state=Ticket.State.DONE).exists()
