"""A closed session becomes a past session, which quotas and predictions are computed from (R2.1)."""

from datetime import datetime

from django.utils import timezone

from booking.models import PastSession, PastVisit
from queueboard.models import QueueEvent, Refusal, Ticket
from queueboard.services.queue import Queue, field_value

SOURCE = "live"


def write(queue: Queue, *, stopped_at: datetime | None) -> None:
    """Logs who came when, was seen when and how long, and who was refused; a pooled session for each of its experts."""
    session = queue.session
    seats = sorted(queue.rooms.values(), key=lambda seat: seat.pk)
    experts = list(dict.fromkeys(seat.expert_id for seat in seats))
    if not experts and session.expert_id is not None:
        experts = [session.expert_id]
    lead = experts[0] if experts else None
    by_mistake = _taken_back(queue)
    logged = [ticket for ticket in queue.tickets if ticket.pk not in by_mistake]
    seen_by, began = _visits(queue)
    for expert_id in experts:
        past, made = PastSession.objects.get_or_create(
            expert_id=expert_id,
            source=SOURCE,
            starts_at=session.starts_at,
            defaults={
                "session": session if expert_id == lead else None,
                "ends_at": session.ends_at,
                "morning": timezone.localtime(session.starts_at).hour < 12,
                # Who came for a pooled queue came for all its rooms: only one of them logs the arrivals.
                "has_arrivals": expert_id == lead,
                "logged_until": stopped_at,
            },
        )
        if made:
            own = {ticket.pk for ticket in logged if _was_seen(ticket) and seen_by.get(ticket.pk, lead) == expert_id}
            _write_visits(queue, past, logged, own, began)


def _write_visits(
    queue: Queue, past: PastSession, tickets: list[Ticket], own: set[int], began: dict[int, datetime]
) -> None:
    """`own`: whom the expert of `past` saw. The others are logged where it has the arrivals, as having come."""
    visits: list[PastVisit] = []
    for ticket in sorted(tickets, key=lambda t: (began.get(t.pk, t.arrived), t.number)):
        seen = ticket.pk in own
        # Who was handed over came for the other expert, whose log has the arrival.
        arrived = ticket.arrived if ticket.handed_from_id is None else None
        if not seen and (arrived is None or not past.has_arrivals):
            continue
        visits.append(
            PastVisit(
                past_session=past,
                position=len(visits) + 1,
                booked=ticket.booked,
                first_visit=ticket.first_visit,
                slot_index=_slot_at(queue, began.get(ticket.pk)),
                arrived_at=arrived,
                started_at=began.get(ticket.pk) if seen else None,
                seconds=ticket.served_seconds if seen else None,
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


def _was_seen(ticket: Ticket) -> bool:
    """Also who did not come back from a test, or came back and was not called again."""
    return ticket.state == Ticket.State.DONE or ticket.served_seconds > 0


def _taken_back(queue: Queue) -> set[int | None]:
    """Tickets that were issued by mistake."""
    issued = QueueEvent.objects.filter(session=queue.session, kind__in=("check_in", "register", "hand_over_in"))
    return set(issued.filter(undone_by__isnull=False).values_list("ticket_id", flat=True))


def _visits(queue: Queue) -> tuple[dict[int, int], dict[int, datetime]]:
    """By ticket: which expert called it last, and when its visit first began.

    Read backwards from the log, as an expert may have changed rooms since and a return visit has begun twice.
    """
    sits_in = {seat.room_id: seat.expert_id for seat in queue.rooms.values()}
    tickets = {ticket.pk: ticket for ticket in queue.tickets}
    seen_by: dict[int, int] = {}
    began = {ticket.pk: ticket.started_at for ticket in queue.tickets if ticket.started_at is not None}
    events = QueueEvent.objects.filter(session=queue.session, undone_by=None).exclude(kind="undo").order_by("-version")
    for kind, ticket_id, room_id, changes in events.values_list("kind", "ticket_id", "room_id", "changes"):
        if kind == "call" and ticket_id is not None and room_id in sits_in:
            seen_by.setdefault(ticket_id, sits_in[room_id])
        for change in changes:
            now = change.get("now", {})
            if change["model"] == "ticket" and now.get("started_at"):
                began[change["id"]] = field_value(tickets[change["id"]], "started_at", now["started_at"])
            elif change["model"] == "sessionroom" and now.get("room_id") in sits_in:
                sits_in[change["was"]["room_id"]] = sits_in.pop(now["room_id"])
    return seen_by, began


def _slot_at(queue: Queue, began: datetime | None) -> int | None:
    """The slot in whose time the visit began (R2.3 counts visits by when they took place)."""
    if began is None:
        return None
    begun = [slot.index for slot in queue.slots.values() if slot.starts_at <= began]
    return max(begun, default=0)
