"""What it does to whom if a session that has opened ends now: stopped (R1.3) or closed (R1.4). Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum

from booking.models import Appointment, Payment, Session
from queueboard.models import Ticket

NOT_SEEN = (Ticket.State.WAITING, Ticket.State.CALLED, Ticket.State.MISSED)


@dataclass(frozen=True, slots=True)
class Ending:
    """Patients by what becomes of them, and in fen what goes back to them.

    `waiting`: would not be seen, `waiting_booked` of them by appointment; `in_room`: in service or away for a test,
    counted as seen. `to_come`: hold or have booked a number and are not here; `no_shows` and `could_not` of them have
    booked one in a slot that has ended, or has not.
    """

    waiting: int
    waiting_booked: int
    waiting_paid: int
    in_room: int
    to_come: int
    to_come_paid: int
    no_shows: int
    could_not: int
    could_not_paid: int


def of(session: Session, *, now: datetime) -> Ending:
    """In three queries."""
    tickets = list(session.tickets.values_list("state", "returned", "appointment_id"))
    unseen = [(returned, appointment) for state, returned, appointment in tickets if state in NOT_SEEN]
    # Back from a test they have been seen already.
    booked = [appointment for returned, appointment in unseen if appointment is not None and returned is None]
    paid = Payment.objects.filter(state=Payment.State.PAID, appointment__in=booked)
    to_come = session.appointments.filter(state__in=(Appointment.State.HELD, Appointment.State.BOOKED))
    booked_still = Q(state=Appointment.State.BOOKED, slot__ends_at__gt=now)
    booked_before = Q(state=Appointment.State.BOOKED, slot__ends_at__lte=now)
    money = Q(payments__state=Payment.State.PAID)
    figures = to_come.aggregate(
        to_come=Count("pk", distinct=True),
        to_come_paid=Sum("payments__balance", filter=money, default=0),
        no_shows=Count("pk", filter=booked_before, distinct=True),
        could_not=Count("pk", filter=booked_still, distinct=True),
        could_not_paid=Sum("payments__balance", filter=money & booked_still, default=0),
    )
    return Ending(
        waiting=len(unseen),
        waiting_booked=len(booked),
        waiting_paid=paid.aggregate(fen=Sum("balance", default=0))["fen"],
        in_room=sum(state in (Ticket.State.SERVING, Ticket.State.AWAY) for state, _returned, _appointment in tickets),
        **figures,
    )
