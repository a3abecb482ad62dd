"""What time alone brings about: the reminder of the day before, and times that have changed much (R5.3, R5.4).

Every function may run twice, or be killed halfway and run again.
"""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from booking.models import Appointment, Outbox, Session
from queueboard import snapshots
from queueboard.models import Ticket
from queueboard.notify import causes, of_bookings
from queueboard.notify.models import ComeTold
from queueboard.notify.words import floored

MUCH = timedelta(minutes=20)  # less than this is no reason to disturb anybody
SOON = timedelta(minutes=15)  # so close to the time that was told, the queue itself is what counts
HORIZON = timedelta(hours=3)  # before their time, so long: earlier than this nobody has set out


def remind(*, now: datetime | None = None) -> int:
    """From the hour of the setting on, everybody with an appointment tomorrow. Returns how many.

    Who books after that hour has just been told when to come.
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    hour = timezone.make_aware(datetime.combine(today, time.fromisoformat(settings.REMIND_AT)))
    if now < hour:
        return 0
    tomorrow = today + timedelta(days=1)
    key = Concat(Value("reminder:appointment:"), Cast(OuterRef("pk"), CharField()), Value(f":{tomorrow}"))
    due = Appointment.objects.filter(
        ~Exists(Outbox.objects.filter(key=key)),
        state=Appointment.State.BOOKED,
        session__date=tomorrow,
        session__state=Session.State.PLANNED,
        booked_at__lt=hour,
    )
    return causes.write(causes.told("reminder", each, str(tomorrow), now) for each in due.order_by("pk"))


def tell_changes(*, now: datetime | None = None) -> int:
    """Once a minute: whose time has moved much since it was told, the expert being late, away or quick.

    Returns how many are told.
    """
    now = now or timezone.now()
    live = Session.objects.filter(state__in=Session.LIVE, stopped_early=False).select_related("department")
    return sum(_turns(session, now) + _arrivals(session, now) for session in live.order_by("pk"))


def _turns(session: Session, now: datetime) -> int:
    """Those here who wait and have not been told that few are ahead. What their page shows first is told first."""
    waits = snapshots.foretell(session.pk, now=now)
    waiting = session.tickets.filter(state=Ticket.State.WAITING, ahead_told_at=None)
    told = 0
    for ticket in waiting.order_by("number"):
        if ticket.number not in waits:
            continue
        turn = now + timedelta(minutes=waits[ticket.number][0])
        before = ticket.turn_told
        if before is not None and not _much(before, turn, now):
            continue
        own = Ticket.objects.filter(pk=ticket.pk, turn_told=before)
        with transaction.atomic():
            if own.update(turn_told=turn) and before is not None:
                _write("turn_changed", ticket, now, turn=floored(turn))
                told += 1
    return told


def _arrivals(session: Session, now: datetime) -> int:
    """Those at home who are expected within the next hours."""
    expected = session.appointments.filter(state=Appointment.State.BOOKED, slot__starts_at__lt=now + HORIZON)
    appointments = {each.pk: each for each in expected.select_related("slot", "come_told").order_by("pk")}
    if not appointments:
        return 0
    times = snapshots.come_times(session.pk, now=now)
    told = 0
    for pk, appointment in appointments.items():
        come_at = floored(times[pk]) if pk in times else None
        if come_at is None or come_at <= now or not _much(told_to_come(appointment), come_at, now):
            continue
        with transaction.atomic():
            if _noted(appointment, come_at):
                _write("time_changed", appointment, now, come_at=come_at)
                told += 1
    return told


def told_to_come(appointment: Appointment) -> datetime:
    """The time that the patient has in mind."""
    try:
        return appointment.come_told.come_at
    except ComeTold.DoesNotExist:
        return of_bookings.come_at(appointment)


def _noted(appointment: Appointment, come_at: datetime) -> bool:
    """Of two runs at once one tells it."""
    try:
        before = appointment.come_told.come_at
    except ComeTold.DoesNotExist:
        return ComeTold.objects.get_or_create(appointment=appointment, defaults={"come_at": come_at})[1]
    return bool(ComeTold.objects.filter(appointment=appointment, come_at=before).update(come_at=come_at))


def _much(before: datetime, after: datetime, now: datetime) -> bool:
    return abs(after - before) >= MUCH and after - now >= SOON


def _write(kind: str, whom: Ticket | Appointment, now: datetime, **moments: datetime) -> None:
    written = {name: moment.isoformat() for name, moment in moments.items()}
    causes.told(kind, whom, f"{now:%H%M%S%f}", now, **written).save()
