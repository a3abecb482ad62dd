"""What happened to an appointment so far: booked, paid, moved, taken over, ended; the newest first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from booking.models import Appointment, Payment, QuotaMove
from queueboard.models import QueueEvent
from queueboard.templatetags.faces import in_words, yuan

State = Appointment.State
CHANGES = ("substituted", "session_room_changed", "times_changed", "template_followed")


def happened(appointment: Appointment) -> list[dict[str, Any]]:
    """Each with `at` and `text`. Three queries."""
    told = [(appointment.booked_at, _("You booked"))]
    moves = QuotaMove.objects.filter(appointment=appointment, reason=QuotaMove.Reason.MOVED, source="booked")
    moved = list(moves.select_related("slot").order_by("pk"))
    told += [(move.at, _("Moved from %(day)s") % {"day": _moment(move.slot.starts_at)}) for move in moved]
    told += _of_session(appointment, since=moved[-1].at if moved else appointment.booked_at)
    for payment in appointment.payments.exclude(state=Payment.State.OPEN).select_related("refund"):
        told += _of_payment(payment)
    told += [(appointment.late_said_at, _("You said that you are late"))] if appointment.late_said_at else []
    if appointment.ended_at is not None and (text := _ended(appointment.state)):
        told.append((appointment.ended_at, text))
    return [{"at": at, "text": text} for at, text in sorted(told, key=lambda each: each[0], reverse=True)]


def _of_session(appointment: Appointment, *, since: datetime) -> Iterator[tuple[datetime, str]]:
    """Somebody else sees the patient than the one who was booked, in another room or at another time (R3.2b)."""
    steps = QueueEvent.objects.filter(session=appointment.session_id, at__gt=since, undone_by=None)
    own = appointment.session.expert is not None
    substituted = None
    for step in steps.filter(kind__in=CHANGES).select_related("room").order_by("version"):
        was = {(each["model"], each["id"]): each["was"] for each in step.changes if "was" in each}
        if ("slot", appointment.slot_id) in was:
            before = datetime.fromisoformat(was["slot", appointment.slot_id]["starts_at"])
            yield step.at, _("Another time: it was %(was)s before. Your number stays yours.") % {"was": _moment(before)}
        if own and step.room is not None:
            yield step.at, _("Another room: %(room)s") % {"room": in_words(step.room.names)}
        if own and (step.kind == "substituted" or "expert_id" in was.get(("session", appointment.session_id), {})):
            substituted = step.at
    if substituted is not None:
        words = _("%(expert)s sees you now: the expert whom you booked cannot come. Your number stays yours.")
        yield substituted, words % {"expert": in_words(appointment.session.names)}


def _of_payment(payment: Payment) -> list[tuple[datetime, str]]:
    told = []
    if payment.paid_at is not None:
        told.append((payment.paid_at, _("You paid ¥%(yuan)s") % {"yuan": yuan(payment.amount)}))
    refund = getattr(payment, "refund", None)
    if refund is not None:
        amount = {"yuan": yuan(refund.amount)}
        if refund.done_at is not None:
            told.append((refund.done_at, _("¥%(yuan)s were paid back") % amount))
        else:
            told.append((refund.made_at, _("¥%(yuan)s are on their way back to you") % amount))
    return told


def _ended(state: str) -> str:
    if state == State.CANCELLED:
        return _("You cancelled")
    if state == State.CANCELLED_LATE:
        return _("You cancelled on the day itself")
    if state == State.EXPIRED:
        return _("Not paid in time")
    if state == State.CALLED_OFF:
        return _("The clinic was called off")
    return ""


def _moment(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{date_format(local, 'MONTH_DAY_FORMAT')} {local:%H:%M}"
