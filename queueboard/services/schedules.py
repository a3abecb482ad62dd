"""Changes of a schedule as steps of its queue: in the audit log with who and why, and on the screens (R3.2b, R1.3)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from booking.models import Slot
from booking.services import schedules
from queueboard.services.queue import change


def add_numbers(
    *, slot: Slot, count: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Slot:
    """As booking.services.schedules.add_numbers."""
    with change(slot.session_id, actor=actor, now=now, live=False) as queue:
        added = schedules.add_numbers(slot_id=slot.pk, count=count, reason=reason, actor=actor, now=queue.now)
        queue.happened("numbers_added", reason=reason)
        return added


def substitute(
    *,
    session_id: int,
    away_id: int,
    expert_id: int,
    reason: str,
    actor: AbstractBaseUser | None = None,
    now: datetime | None = None,
) -> int:
    """As booking.services.schedules.substitute."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        told = schedules.substitute(
            session_id=session_id, away_id=away_id, expert_id=expert_id, reason=reason, now=queue.now
        )
        queue.happened("substituted", reason=reason)
        return told


def call_off(
    *, session_id: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> int:
    """As booking.services.schedules.call_off."""
    with change(session_id, actor=actor, now=now, live=False) as queue:
        if queue.session.state == queue.session.State.CANCELLED:
            return 0
        told = schedules.call_off(session_id=session_id, reason=reason, now=queue.now)
        queue.happened("called_off", reason=reason)
        return told
