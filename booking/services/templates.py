"""Sessions follow their changed weekly template (R1.1), those booked keeping their numbers."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import differing, touched
from booking.errors import BookingError
from booking.models import Expert, Session, SessionRoom
from booking.services import notices, times
from booking.services.schedules import booked, is_not_busy, needs, not_over
from booking.wanted import Wanted


def follow(*, session_id: int, reason: str, seen: str | None = None, now: datetime | None = None) -> int:
    """A session gets its template's times, expert, rooms, titles and letter, in its own slots (R3.2b).

    Not the template's numbers: see `quotas.renumber`. Who is booked is told what is different for them. Returns how
    many messages that were; twice is once. Raises BookingError `reason_missing`, `session_over`, `session_begun`,
    `cannot_follow` where the slots or the department would be others, `time_past`, `expert_busy`, `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = not_over(session_id)
        if session.state != Session.State.PLANNED or session.pool_opened_at is not None:
            raise BookingError(_("Registration has opened: this session stays as it is."), code="session_begun")
        touched.as_seen(session, seen)
        other = differing.one(session)
        if other is None:
            return 0
        if not other.can_follow or not isinstance(other.asked, Wanted):
            words = _("It cannot become as the template with everybody keeping their slot.")
            raise BookingError(words, code="cannot_follow")
        _can_hold(session, other.asked, now)
        return _write(session, other.asked, now)


def _can_hold(session: Session, asked: Wanted, now: datetime) -> None:
    if asked.starts_at <= now:
        raise BookingError(_("That time is past."), code="time_past")
    experts = {expert.pk for _room, expert in asked.rooms}
    if asked.template.expert_id is not None:
        experts.add(asked.template.expert_id)
    # Locked, so that no other session takes them for that time meanwhile.
    list(Expert.objects.select_for_update(no_key=True).filter(pk__in=experts).order_by("pk"))
    is_not_busy(experts, starts_at=asked.starts_at, ends_at=asked.ends_at, besides=session)


def _write(session: Session, asked: Wanted, now: datetime) -> int:
    template, away_id = asked.template, session.expert_id
    slots = list(session.slots.select_for_update(no_key=True).order_by("index"))
    session.expert, session.prefix, session.by_hand = template.expert, template.prefix, False
    session.title, session.title_en, session.title_zh_hant = asked.titles
    session.save(update_fields=["expert", "prefix", "title", "title_en", "title_zh_hant", "by_hand"])
    before = dict(session.rooms.values_list("expert_id", "room_id"))
    session.rooms.all().delete()
    SessionRoom.objects.bulk_create(
        SessionRoom(session=session, room=room, expert=expert) for room, expert in asked.rooms
    )
    told = times.move(session, slots, starts_at=asked.starts_at, ends_at=asked.ends_at, now=now)
    if session.expert_id is None:
        return told
    if session.expert_id != away_id:
        told += notices.tell(
            "expert_substituted", booked(session), now, expert=session.expert_id, away=away_id
        )  # fmt: skip
    room = next((room for room, expert in asked.rooms if expert.pk == session.expert_id), None)
    if room is not None and session.expert_id == away_id and before.get(session.expert_id) != room.pk:
        told += notices.tell("session_room_changed", booked(session), now, room=room.pk)
    return told
