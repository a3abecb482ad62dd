"""A session that no template asks for (加开门诊)."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Session
from booking.services import sessions
from booking.services.schedules import is_free, locked_expert, needs


def make(drafted: sessions.Draft, *, reason: str, now: datetime | None = None) -> Session:
    """Makes a session by hand: its experts must be of its department, neither on leave nor in a session at its time.

    A holiday does not keep it from being made: whoever makes it has chosen the day. Raises BookingError
    `reason_missing`, `time_past`, `other_day`, `no_such_expert`, `expert_on_leave`, `expert_busy`, `nobody_sits`,
    `quota_<code>`.
    """
    now = now or timezone.now()
    needs(reason)
    session = drafted.session
    if session.starts_at <= now:
        raise BookingError(_("That time is past."), code="time_past")
    last = timezone.localtime(session.ends_at - timedelta(microseconds=1)).date()
    if session.ends_at <= session.starts_at or last != session.date:
        words = _("A session ends on the day on which it starts: one that goes on after midnight is two.")
        raise BookingError(words, code="other_day", status=400)
    if not drafted.rooms:
        raise BookingError(_("Somebody has to sit in a room."), code="nobody_sits", status=400)
    with transaction.atomic():
        experts = {seated.pk for _room, seated in drafted.rooms}
        if session.expert_id is not None:
            experts.add(session.expert_id)
        for expert_id in sorted(experts):
            expert = locked_expert(expert_id, session.department_id)
            is_free(expert, starts_at=session.starts_at, ends_at=session.ends_at)
        session.by_hand = True
        return sessions.make(drafted, now=now)
