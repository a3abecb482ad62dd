"""What must hold in the queues at any time, whatever failed before (RULES.md). Reads only."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Max, Q

from booking.models import Appointment, Session, Slot
from queueboard.models import QueueEvent, Ticket

LIVE = ("waiting", "called", "serving", "missed", "away")


def breaches() -> Iterator[str]:
    """A sentence for each breach; none when all is well."""
    yield from _numbers_and_versions()
    yield from _tickets_and_appointments()
    yield from _registered_are_tickets()
    yield from _closed_is_settled()
    yield from _rooms()
    yield from _log_tells_the_state()


def _numbers_and_versions() -> Iterator[str]:
    """Nobody lost: ticket numbers run without a gap to the session's last; no event is newer than the session."""
    issued = {row["session"]: row for row in _tickets_by_session()}
    newest = dict(QueueEvent.objects.order_by().values_list("session").annotate(Max("version")))
    for session in Session.objects.only("pk", "version", "last_number"):
        row = issued.get(session.pk, {"count": 0, "last": 0})
        if not row["count"] == row["last"] == session.last_number:
            yield f"session {session.pk}: {row['count']} tickets, highest {row['last']}, issued {session.last_number}"
        if newest.get(session.pk, 0) > session.version:
            yield f"session {session.pk}: an event is newer than its version {session.version}"


def _tickets_by_session() -> Any:
    return Ticket.objects.order_by().values("session").annotate(count=Count("pk"), last=Max("number"))


def _tickets_and_appointments() -> Iterator[str]:
    """Who checked in has one live ticket, and nobody else has one through an appointment."""
    live = Count("tickets", filter=Q(tickets__state__in=LIVE))
    for row in Appointment.objects.filter(state=Appointment.State.ARRIVED).annotate(live=live).exclude(live=1):
        yield f"appointment {row.pk} is checked in with {row.live} live tickets"
    strays = Ticket.objects.filter(state__in=LIVE, appointment__isnull=False)
    for ticket in strays.exclude(appointment__state=Appointment.State.ARRIVED):
        yield f"ticket {ticket.pk} is live, its appointment is not"


def _registered_are_tickets() -> Iterator[str]:
    """R2.7: the walk-in numbers used in a slot are its walk-in tickets (those handed in included)."""
    mine = Q(tickets__appointment__isnull=True) | Q(tickets__handed_from__isnull=False)
    for slot in Slot.objects.annotate(used=Count("tickets", filter=mine & ~Q(tickets__state="left"))):
        if slot.used != slot.registered:
            yield f"slot {slot.pk}: {slot.registered} registered, {slot.used} walk-in tickets"


def _closed_is_settled() -> Iterator[str]:
    """R1.4"""
    for ticket in Ticket.objects.filter(state__in=LIVE).exclude(session__state__in=Session.LIVE):
        yield f"ticket {ticket.pk} is {ticket.state} in a session that is {ticket.session.state}"


def _rooms() -> Iterator[str]:
    """Who is called or in service is in a room of the session, and no call number was given twice."""
    for ticket in Ticket.objects.filter(state__in=("called", "serving")).select_related("session"):
        if ticket.room_id not in set(ticket.session.rooms.values_list("room_id", flat=True)):
            yield f"ticket {ticket.pk} is called to room {ticket.room_id}, which its session does not use"
    twice = Ticket.objects.filter(called_no__gt=0).order_by().values("session", "called_no").annotate(n=Count("pk"))
    for row in twice.filter(n__gt=1):
        yield f"session {row['session']}: call {row['called_no']} was given {row['n']} times"


def _log_tells_the_state() -> Iterator[str]:
    """R4.11, R6.3: every ticket stands where the event log leaves it; nothing happened behind its back."""
    told: dict[int, str] = defaultdict(lambda: "waiting")
    for changes in QueueEvent.objects.order_by("session", "version").values_list("changes", flat=True).iterator():
        for change in changes:
            if change["model"] == "ticket" and "state" in change.get("now", {}):
                told[change["id"]] = change["now"]["state"]
    for pk, state in Ticket.objects.values_list("pk", "state").iterator():
        if told[pk] != state:
            yield f"ticket {pk} is {state}, the log leaves it {told[pk]}"
