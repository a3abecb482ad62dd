"""A closed session becomes a past session, which quotas and predictions are computed from (R2.1)."""

from django.utils import timezone

from booking.models import PastSession, PastVisit, SessionRoom
from queueboard.models import Refusal, Ticket
from queueboard.services.queue import Queue

SOURCE = "live"


def write(queue: Queue) -> None:
    """Logs who came when, was seen when and how long, and who was refused; a pooled session for each of its experts."""
    session = queue.session
    logged = [t for t in queue.tickets if t.state != Ticket.State.HANDED_OVER]
    lead = min(queue.rooms.values(), key=lambda seat: seat.pk, default=None)
    for seat in queue.rooms.values():
        own = seat is lead
        past, made = PastSession.objects.get_or_create(
            expert_id=seat.expert_id,
            source=SOURCE,
            starts_at=session.starts_at,
            defaults={
                "session": session if own else None,
                "ends_at": session.ends_at,
                "morning": timezone.localtime(session.starts_at).hour < 12,
                # Who came for a pooled queue came for all its rooms: only one of them logs the arrivals.
                "has_arrivals": own,
            },
        )
        if made:
            _write_visits(queue, past, seat, [t for t in logged if t.room_id == seat.room_id or own])


def _write_visits(queue: Queue, past: PastSession, seat: SessionRoom, tickets: list[Ticket]) -> None:
    visits: list[PastVisit] = []
    for ticket in sorted(tickets, key=lambda t: (t.started_at or t.arrived, t.number)):
        here = ticket.room_id == seat.room_id and ticket.state == Ticket.State.DONE
        visits.append(
            PastVisit(
                past_session=past,
                position=len(visits) + 1,
                booked=ticket.booked,
                first_visit=ticket.first_visit,
                slot_index=_slot_at(queue, ticket),
                arrived_at=ticket.arrived,
                started_at=ticket.started_at if here else None,
                seconds=ticket.served_seconds if here else None,
            )
        )
    if past.has_arrivals:
        for refusal in Refusal.objects.filter(session=queue.session).order_by("at"):
            visits.append(
                PastVisit(
                    past_session=past, position=len(visits) + 1, booked=False, refused=True, arrived_at=refusal.at
                )
            )
    PastVisit.objects.bulk_create(visits)


def _slot_at(queue: Queue, ticket: Ticket) -> int | None:
    """The slot in whose time the visit began (R2.3 counts visits by when they took place)."""
    if ticket.started_at is None:
        return None
    begun = [slot.index for slot in queue.slots.values() if slot.starts_at <= ticket.started_at]
    return max(begun, default=0)
