"""What time alone brings about: the reminder of the day before, and times that have changed much (R5.3, R5.4).

Every function may run twice, or be killed halfway and run again.
"""

from datetime import datetime, time, timedelta
from itertools import groupby
from operator import attrgetter

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
HORIZON = timedelta(hours=3)  # before their time, and the way: earlier than this nobody thinks of setting out
LONGEST_WAY = timedelta(hours=14)  # that can be told, with its spread


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


def tell_to_set_out(*, now: datetime | None = None) -> int:
    """Once a minute: who has told how long the way takes, at the moment to leave, once a visit. Returns how many."""
    now = now or timezone.now()
    of_this, on_this = (Cast(OuterRef(name), CharField()) for name in ("pk", "session__date"))
    key = Concat(Value("set_out:appointment:"), of_this, Value(":"), on_this)
    known = Appointment.objects.filter(
        ~Exists(Outbox.objects.filter(key=key)),
        state=Appointment.State.BOOKED,
        way_minutes__isnull=False,
        slot__ends_at__gt=now,
        slot__starts_at__lt=now + LONGEST_WAY,
        session__state__in=(Session.State.PLANNED, *Session.LIVE),
        session__stopped_early=False,
    )
    rows = known.select_related("session", "slot", "come_told").order_by("session_id", "pk")
    return sum(_set_out(pk, list(group), now) for pk, group in groupby(rows, key=attrgetter("session_id")))


def _set_out(session_id: int, appointments: list[Appointment], now: datetime) -> int:
    times = snapshots.come_times(session_id, now=now) if appointments[0].session.state in Session.LIVE else {}
    told = 0
    for each in appointments:
        come_at = floored(times[each.pk]) if each.pk in times else told_to_come(each)
        if each.way_minutes is None or not of_bookings.leave_at(come_at, each.way_minutes) <= now < come_at:
            continue
        cause = causes.told("set_out", each, str(each.session.date), now, come_at=come_at.isoformat())
        with transaction.atomic():
            if causes.write([cause]) and _noted(each, come_at):
                told += 1
    return told


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
    expected = session.appointments.filter(state=Appointment.State.BOOKED)
    appointments = {
        each.pk: each
        for each in expected.select_related("slot", "come_told").order_by("pk")
        if each.slot.starts_at < now + HORIZON + timedelta(minutes=each.way_minutes or 0)
    }
    if not appointments:
        return 0
    times = snapshots.come_times(session.pk, now=now)
    told = 0
    for pk, appointment in appointments.items():
        come_at = floored(times[pk]) if pk in times else None
        if come_at is None or not _disturbs(told_to_come(appointment), come_at, now):
            continue
        with transaction.atomic():
            if _noted(appointment, come_at):
                _write("time_changed", appointment, now, come_at=come_at)
                told += 1
    return told


def told_to_come(appointment: Appointment) -> datetime:
    """The time that the patient has in mind. Of one that was moved, what was told of the slot before is over."""
    try:
        told = appointment.come_told.come_at
    except ComeTold.DoesNotExist:
        return of_bookings.come_at(appointment)
    of_this_slot = floored(appointment.slot.starts_at) <= told < appointment.slot.ends_at
    return told if of_this_slot else of_bookings.come_at(appointment)


def _noted(appointment: Appointment, come_at: datetime) -> bool:
    """Of two runs at once one tells it."""
    try:
        before = appointment.come_told.come_at
    except ComeTold.DoesNotExist:
        return ComeTold.objects.get_or_create(appointment=appointment, defaults={"come_at": come_at})[1]
    return bool(ComeTold.objects.filter(appointment=appointment, come_at=before).update(come_at=come_at))


def _much(before: datetime, after: datetime, now: datetime) -> bool:
    return abs(after - before) >= MUCH and after - now >= SOON


def _disturbs(before: datetime, after: datetime, now: datetime) -> bool:
    """Who is at home and could be called much sooner is told, however soon that is."""
    return before - after >= MUCH or _much(before, after, now)


def _write(kind: str, whom: Ticket | Appointment, now: datetime, **moments: datetime) -> None:
    written = {name: moment.isoformat() for name, moment in moments.items()}
    causes.told(kind, whom, f"{now:%H%M%S%f}", now, **written).save()
