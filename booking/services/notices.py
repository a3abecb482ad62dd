"""Messages to those with an appointment, written in the transaction that causes them (R1.3, R3.2b)."""

from collections.abc import Iterable
from datetime import datetime

from booking.models import Appointment, Outbox


def tell(kind: str, whom: Iterable[Appointment], now: datetime, **content: object) -> int:
    """Writes a message to each; one of this kind may have gone to them before. Returns how many.

    Ids and times only: what is said, in which language and by which way is decided when it is sent.
    """
    rows = [
        Outbox(
            kind=kind,
            key=f"{kind}:{each.pk}:{now.isoformat()}",
            payload={"patient": each.patient_id, "appointment": each.pk} | content,
            made_at=now,
        )
        for each in whom
    ]
    return len(Outbox.objects.bulk_create(rows))


def send(kind: str, whom: Appointment, now: datetime, **content: object) -> None:
    """Writes the one message of this kind that an appointment ever has."""
    message = draft(kind, whom, now, **content)
    message.key += str(whom.pk)
    message.payload["appointment"] = whom.pk
    message.save()


def draft(kind: str, whom: Appointment, now: datetime, **content: object) -> Outbox:
    """Not saved, and without the appointment's id, which may not be known yet, in its key and payload."""
    return Outbox(kind=kind, key=f"{kind}:", payload={"patient": whom.patient_id} | content, made_at=now)
