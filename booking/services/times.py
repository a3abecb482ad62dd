"""A session that begins or ends at another time of its day (R3.2b): everybody keeps their number and is told."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import touched
from booking.errors import BookingError
from booking.models import Expert, Session, Slot
from booking.services import notices, sessions
from booking.services.schedules import booked, is_not_busy, needs, not_over
from booking.wanted import Span


def change_times(
    *,
    session_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    seen: str | None = None,
    now: datetime | None = None,
) -> int:
    """Moves a session with all its slots (see `spans`); numbers stay where they are. Returns how many are told.

    Registration opens so much earlier or later too. Once it is open a session can only begin later, and only while no
    slot has ended. Raises BookingError `reason_missing`, `session_over`, `time_past`, `other_day`, `same_times`,
    `last_slot_lost`, `only_later`, `slot_ended`, `expert_busy`, `changed_meanwhile`.
    """
    now = now or timezone.now()
    needs(reason)
    with transaction.atomic():
        session = not_over(session_id)
        touched.as_seen(session, seen)
        slots = list(session.slots.select_for_update(no_key=True).order_by("index"))
        _allowed(session, slots, starts_at, ends_at, now)
        seated = session.rooms.values_list("expert_id", flat=True)
        experts = {pk for pk in (session.expert_id, *seated) if pk is not None}
        # Locked, so that no other session takes them for that time meanwhile.
        list(Expert.objects.select_for_update(no_key=True).filter(pk__in=experts).order_by("pk"))
        is_not_busy(experts, starts_at=starts_at, ends_at=ends_at, besides=session)
        session.by_hand = True
        return move(session, slots, starts_at=starts_at, ends_at=ends_at, now=now)


def move(session: Session, slots: list[Slot], *, starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """Writes the new times of a session and its slots, all locked, and tells who is booked in a slot that begins at
    another time. Inside a transaction. Returns how many."""
    was = {slot.pk: slot.starts_at for slot in slots}
    for slot, (begin, end) in zip(slots, spans(slots, starts_at, ends_at), strict=True):
        slot.starts_at, slot.ends_at = begin, end
        slot.save(update_fields=["starts_at", "ends_at"])
    session.starts_at, session.ends_at = starts_at, ends_at
    if session.pool_opened_at is None:
        session.registration_opens_at = sessions.opens_at(session)
    session.save(update_fields=["starts_at", "ends_at", "registration_opens_at", "by_hand"])
    moved = [slot for slot in slots if slot.starts_at != was[slot.pk]]
    return sum(
        notices.tell("session_time_changed", booked(session).filter(slot=slot), now, was=was[slot.pk].isoformat())
        for slot in moved
    )


def spans(slots: Iterable[Slot], starts_at: datetime, ends_at: datetime) -> list[Span]:
    """When the slots of a session are if it is from then to then: each begins so much earlier or later as the first,
    the last ends when the session does, be it longer or shorter.

    Raises BookingError `last_slot_lost` where nothing is left of the last.
    """
    slots = list(slots)
    # In UTC: over a change of the clocks local times are an hour off.
    starts_at, ends_at = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    shift = starts_at - slots[0].starts_at.astimezone(UTC)
    moved = [(slot.starts_at.astimezone(UTC) + shift, slot.ends_at.astimezone(UTC) + shift) for slot in slots]
    last = moved[-1][0]
    if ends_at <= last:
        words = _("The last slot begins at %(last)s then: the session has to end after that.")
        raise BookingError(words % {"last": f"{timezone.localtime(last):%H:%M}"}, code="last_slot_lost")
    return [*moved[:-1], (last, ends_at)]


def _allowed(session: Session, slots: list[Slot], starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if (session.starts_at, session.ends_at) == (starts_at, ends_at):
        raise BookingError(_("It has these times already."), code="same_times")
    if starts_at <= now:
        raise BookingError(_("That time is past."), code="time_past")
    if {timezone.localtime(starts_at).date(), timezone.localtime(ends_at).date()} != {session.date}:
        raise BookingError(_("A session stays on its day: cancel it and make another."), code="other_day")
    spans(slots, starts_at, ends_at)
    if session.state == Session.State.PLANNED:
        return
    if starts_at < session.starts_at:
        words = _("Registration has opened: it can only begin later.")
        raise BookingError(words, code="only_later")
    if slots[0].ends_at <= now:
        raise BookingError(_("The first slot has ended: pause the room instead."), code="slot_ended")
