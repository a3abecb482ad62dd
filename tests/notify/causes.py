"""Causes as services write them, and what came of them."""

from django.utils import timezone

from booking.models import Outbox
from queueboard import outbox
from queueboard.notify import delivery
from queueboard.notify.models import Address, Delivery
from tests import factories


def appointment_told(kind="appointment_booked", who=None, **fields):
    """An appointment, and the outbox row of what happened to it."""
    made = factories.appointment(factories.session(state="planned"), who=who, **fields)
    return made, cause(kind, patient=made.patient_id, appointment=made.pk)


def cause(kind, *, key="", **payload):
    return Outbox.objects.create(kind=kind, payload=payload, key=key or f"{kind}:1", made_at=timezone.now())


def subscribed(token, value="somewhere", **fields):
    """Whoever holds this link is told there."""
    made = {"way": "push", "value": value, "token": token, "language": "en", "made_at": timezone.now()}
    return Address.objects.create(**made | fields)


def go_out(*ways, now=None):
    """What the tasks do, once."""
    outbox.send_due(now=now)
    return [delivery.send_due(way, now=now) for way in ways]


def states():
    return list(Delivery.objects.order_by("pk").values_list("way", "state"))
