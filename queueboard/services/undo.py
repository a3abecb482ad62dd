"""Taking back what was done, while nothing has followed from it (R4.10)."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, models
from django.utils.translation import gettext_lazy as _

from booking.models import Appointment, Payment, Session, SessionRoom
from booking.models.appointments import new_token
from booking.services import sessions
from queueboard import rules
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Ticket
from queueboard.services.queue import Queue, changes, field_value

UNDOABLE = frozenset(
    {
        *("check_in", "register", "leave", "put_back", "send_for_test", "return_visit", "priority", "hand_over"),
        *("call", "recall", "start", "finish", "miss"),
        *("pause", "resume", "change_room", "stop_early"),
    }
)
_MODELS: dict[str, type[models.Model]] = {
    "ticket": Ticket, "sessionroom": SessionRoom, "session": Session, "appointment": Appointment,
}  # fmt: skip


def undoable(*, session_id: int, room_id: int | None = None) -> QueueEvent | None:
    """The newest step (of a room, where given) that can be taken back, or None."""
    steps = QueueEvent.objects.filter(session_id=session_id, undone_by=None, kind__in=UNDOABLE).select_related("ticket")
    if room_id is not None:
        steps = steps.filter(room_id=room_id)
    last = steps.order_by("-version").first()
    return last if last is not None and not _followed(last) else None


def undo(*, event_id: int, actor: AbstractBaseUser | None = None, now: datetime | None = None) -> QueueEvent:
    """Takes a step back: every field as it was, in one transaction with an event of its own. Twice is once.

    Raises QueueError `not_undoable`, or `followed` where something has followed from it.
    """
    event = QueueEvent.objects.select_related("ticket").filter(pk=event_id).first()
    if event is None:
        raise QueueError(_("There is no such step."), code="no_event", status=404)
    if event.kind not in UNDOABLE:
        raise QueueError(_("This step cannot be undone."), code="not_undoable")
    twin = _twin(event)
    session_ids = {event.session_id} | ({twin.session_id} if twin else set())
    try:
        with changes(session_ids, actor=actor, now=now) as queues:
            done = QueueEvent.objects.filter(undoes=event).first()
            if done is not None:
                return done
            # The new half first: an appointment has one ticket at a time.
            for each in (twin, event):
                if each is not None:
                    _take_back_all(queues[each.session_id], each)
    except IntegrityError as error:
        # Another patient is in the room by now, or the patient has another ticket: the database knows them all.
        raise _has_followed() from error
    undone = queues[event.session_id].event
    assert undone is not None
    return undone


def _take_back_all(queue: Queue, event: QueueEvent) -> None:
    if _followed(event):
        raise _has_followed()
    for entry in reversed(event.changes):
        _take_back(queue, entry)
    if any(t.state in ("called", "serving") and t.room_id not in queue.rooms for t in queue.tickets):
        raise _has_followed()
    if event.kind == "call":
        _unpass(queue)
    for slot_id in {entry["id"] for entry in event.changes if entry["model"] == "number"}:
        sessions.pass_on_late(slot_id=slot_id, now=queue.now)
    queue.happened("undo", ticket=event.ticket, room_id=event.room_id, reason=event.kind, undoes=event)


def _unpass(queue: Queue) -> None:
    """Who checked in after a call that is taken back, and was passed by nobody else, has not been passed."""
    views = queue.views()
    for ticket in queue.tickets:
        if ticket.passed and not rules.is_passed(queue.slots[ticket.slot_id].index, views):
            queue.write(ticket, passed=False)


def _has_followed() -> QueueError:
    return QueueError(_("Something has followed from this step: it cannot be undone."), code="followed")


def _twin(event: QueueEvent) -> QueueEvent | None:
    """A hand-over is one step in two queues: the other half."""
    if event.kind != "hand_over" or event.ticket is None:
        return None
    return QueueEvent.objects.filter(kind="hand_over_in", ticket__handed_from=event.ticket, undone_by=None).first()


def _touched(event: QueueEvent) -> set[tuple[str, int]]:
    return {(entry["model"], entry["id"]) for entry in event.changes if entry["model"] in ("ticket", "sessionroom")}


def _followed(event: QueueEvent) -> bool:
    """Whether a later step, not undone itself, touched the same tickets or room, or somebody was told to stay away."""
    if event.kind == "stop_early":
        called_off = Appointment.objects.filter(session=event.session_id, state=Appointment.State.CALLED_OFF)
        if called_off.filter(ended_at=event.at).exists():
            return True
    mine = _touched(event)
    later = QueueEvent.objects.filter(session_id=event.session_id, version__gt=event.version, undone_by=None)
    return any(mine & _touched(other) for other in later.exclude(kind="undo"))


def _take_back(queue: Queue, entry: dict[str, Any]) -> None:
    if entry["model"] == "number":
        queue.move_number(
            slot_id=entry["id"], source=entry["target"], target=entry["source"], reason="withdrawn",
            appointment_id=entry.get("appointment"), undone=True,
        )  # fmt: skip
        return
    row = _row(queue, entry)
    if entry.get("made"):
        fields = {"state": Ticket.State.LEFT, "ended_at": queue.now}
        if row.appointment_id is not None or row.handed_from_id is not None:
            # The patient's link leads back to what was there before, which can be handed over anew.
            fields |= {"token": new_token(), "handed_from_id": None}
        queue.write(row, **fields)
        return
    if entry["model"] == "appointment" and row.fee and not row.payments.filter(state=Payment.State.PAID).exists():
        # The money is on its way back.
        raise _has_followed()
    was = {name: field_value(row, name, value) for name, value in entry["was"].items()}
    for name, value in entry["now"].items():
        if getattr(row, name) != field_value(row, name, value):
            raise _has_followed()
    queue.write(row, **was)
    if entry["model"] == "sessionroom" and "room_id" in was:
        queue.rooms = {seat.room_id: seat for seat in queue.rooms.values()}


def _row(queue: Queue, entry: dict[str, Any]) -> Any:
    match entry["model"]:
        case "ticket":
            return queue.get(entry["id"])
        case "session":
            return queue.session
        case "sessionroom":
            return next(seat for seat in queue.rooms.values() if seat.pk == entry["id"])
        case model:
            return _MODELS[model]._default_manager.get(pk=entry["id"])
