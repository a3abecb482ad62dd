"""What of a change in a queue patients are told: outbox rows, written in the transaction of the change.

Each has its cause in its key: the ticket or appointment, and the session's version that the change made.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from booking.models import Appointment, Outbox
from queueboard.models import QueueEvent, Ticket
from queueboard.notify import nudge

if TYPE_CHECKING:
    from queueboard.services.queue import Queue

ON_SITE = (Ticket.State.WAITING, Ticket.State.MISSED, Ticket.State.AWAY)


def after(queue: "Queue") -> None:
    """Inside the transaction, with the event recorded and the session's version raised."""
    rows = [*_of_event(queue), *_few_ahead(queue)]
    if rows:
        Outbox.objects.bulk_create(rows)
        nudge.after_commit()


def _of_event(queue: "Queue") -> Iterator[Outbox]:
    undone = queue.undoes.kind if queue.undoes is not None else ""
    ticket = queue.ticket
    match queue.kind, undone:
        case ("call", _) if ticket is not None:
            yield _told("called", queue, ticket, room=ticket.room_id, call=ticket.called_no)
        case (_, "call") if ticket is not None:
            yield _told("call_taken_back", queue, _now(queue, ticket))
        case ("hand_over_in", _) | (_, "hand_over") if ticket is not None:
            yield _told("handed_over", queue, _now(queue, ticket))
        case ("change_room", _) | (_, "change_room"):
            yield from _another_room(queue)
        case ("stop_early", _):
            yield from _who_waits("session_stopped", queue)
        case (_, "stop_early"):
            yield from _who_waits("session_goes_on", queue)
        case ("close", _):
            yield from _not_seen(queue)


def _few_ahead(queue: "Queue") -> Iterator[Outbox]:
    """Once for each ticket, however its place moves (R5.4); again only for who was sent for a test and is back."""
    if queue.kind == "return_visit" and queue.ticket is not None:
        back = _now(queue, queue.ticket)
        back.ahead_told_at = None
        Ticket.objects.filter(pk=back.pk).update(ahead_told_at=None)
    if queue.session.state not in queue.session.LIVE or queue.session.stopped_early:
        return
    first = queue.order()[: queue.session.department.tell_when_ahead + 1]
    new = {place: ticket for place, ticket in enumerate(first) if ticket.ahead_told_at is None}
    for ticket in new.values():
        ticket.ahead_told_at = queue.now
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in new.values()]).update(ahead_told_at=queue.now)
    yield from (_told("ahead", queue, ticket, ahead=place) for place, ticket in new.items())


def _another_room(queue: "Queue") -> Iterator[Outbox]:
    """Who was called to the old one; and who was told that the turn is near, where there is one room to wait for."""
    moved = {entry["id"] for entry in queue.changes if entry["model"] == "ticket"}
    for ticket in queue.tickets:
        if ticket.pk in moved and ticket.state == Ticket.State.CALLED:
            yield _told("room_changed", queue, ticket, room=ticket.room_id)
        elif ticket.state == Ticket.State.WAITING and ticket.ahead_told_at and len(queue.rooms) == 1:
            yield _told("room_changed", queue, ticket, room=next(iter(queue.rooms)))


def _who_waits(kind: str, queue: "Queue") -> Iterator[Outbox]:
    """Who is here and not in service. Who was still expected is called off, and told so, with the stop."""
    yield from (_told(kind, queue, ticket) for ticket in queue.tickets if ticket.state in ON_SITE)


def _not_seen(queue: "Queue") -> Iterator[Outbox]:
    """Who is left at the close. Of a stop most have heard already; who was called just then has not."""
    stops = QueueEvent.objects.filter(session=queue.session, kind="stop_early", undone_by=None)
    version = stops.order_by("-version").values_list("version", flat=True).first() or queue.session.version
    left = [
        told("session_stopped", ticket, f"v{version}", queue.now)
        for ticket in queue.tickets
        if ticket.ended_at == queue.now and ticket.state == Ticket.State.NOT_SEEN
    ]
    heard = set(Outbox.objects.filter(key__in=[row.key for row in left]).values_list("key", flat=True))
    yield from (row for row in left if row.key not in heard)


def _now(queue: "Queue", ticket: Ticket) -> Ticket:
    """The queue's own row of a ticket that was read for itself."""
    return next((each for each in queue.tickets if each.pk == ticket.pk), ticket)


def _told(kind: str, queue: "Queue", whom: Ticket | Appointment, **content: Any) -> Outbox:
    return told(kind, whom, f"v{queue.session.version}", queue.now, **content)


def told(kind: str, whom: Ticket | Appointment, cause: str, now: datetime, **content: Any) -> Outbox:
    """The row that has a patient told, not saved. `cause` tells it from others of this kind to the same patient."""
    name = "ticket" if isinstance(whom, Ticket) else "appointment"
    payload = {name: whom.pk} | content
    return Outbox(kind=kind, key=f"{kind}:{name}:{whom.pk}:{cause}", payload=payload, made_at=now)


def write(rows: Iterable[Outbox]) -> int:
    """Writes rows whose keys may be there already, from a run of the same task before. Returns how many there were."""
    made = Outbox.objects.bulk_create(list(rows), ignore_conflicts=True)
    return len(made)
