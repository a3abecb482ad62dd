"""Sessions: made ahead from templates (R1.1), unbooked numbers opened to walk-ins (R3.5) and passed on (R3.5b)."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import splits
from booking.cuts import Cuts
from booking.errors import BookingError
from booking.estimates import Period, estimate
from booking.models import (
    Department,
    Expert,
    FreedNumber,
    Holiday,
    Leave,
    QuotaMove,
    Room,
    Session,
    SessionRoom,
    Slot,
    Template,
)
from booking.services import numbers, quotas

Place = QuotaMove.Place
Reason = QuotaMove.Reason


def make_sessions(*, today: date, days: int | None = None, now: datetime | None = None) -> list[Session]:
    """Makes what the active templates ask for, from `today` on; what is there already is left alone.

    `days` ahead: default per department. With `now`, what has ended by then is not made. Returns the new sessions.
    Each is one transaction, and the database allows one per template and day: run twice, at once or killed halfway,
    every session is made once.
    """
    made, cuts = [], Cuts()
    templates = Template.objects.filter(Q(expert=None) | Q(expert__active=True), active=True)
    for template in templates.select_related("department", "expert").order_by("department", "starts", "pk"):
        ahead = template.department.sessions_ahead_days if days is None else days
        seats = [(seat.room, seat.expert) for seat in template.rooms.select_related("room", "expert")]
        for day in _days(template, today, today + timedelta(days=ahead)):
            present = [(room, expert) for room, expert in seats if not _on_leave(expert, day)]
            ends_at = _local(day, template.ends)
            away = bool(seats) and not present if template.expert is None else _on_leave(template.expert, day)
            if away or (now is not None and ends_at <= now):
                continue
            try:
                made.append(
                    make_session(
                        department=template.department,
                        expert=template.expert,
                        titles=(template.title, template.title_en, template.title_zh_hant),
                        starts_at=_local(day, template.starts),
                        ends_at=ends_at,
                        numbers_in_all=template.numbers,
                        slot_minutes=template.slot_minutes,
                        prefix=template.prefix,
                        rooms=present,
                        template=template,
                        now=now,
                        cuts=cuts,
                    )
                )
            except IntegrityError:
                # Another run made it meanwhile.
                if not Session.objects.filter(template=template, date=day).exists():
                    raise
    return made


def make_session(
    *,
    department: Department,
    starts_at: datetime,
    ends_at: datetime,
    numbers_in_all: int,
    expert: Expert | None = None,
    titles: tuple[str, str, str] = ("", "", ""),
    slot_minutes: int | None = None,
    prefix: str = "A",
    rooms: Sequence[tuple[Room, Expert]] = (),
    template: Template | None = None,
    now: datetime | None = None,
    cuts: Cuts | None = None,
) -> Session:
    """Makes one session with its rooms, slots and split of numbers, in one transaction.

    `titles` of a pooled session (no `expert`): as the hospital writes it, in English, in traditional Chinese. Slots are
    `slot_minutes` long (default: the department's), the last may be shorter. Raises IntegrityError where the template
    has its session of that day, BookingError where the numbers cannot be split.
    """
    now = now or timezone.now()
    opens_at = starts_at - timedelta(minutes=department.registration_opens_minutes)
    spans = tuple(slot_spans(starts_at, ends_at, slot_minutes or department.slot_minutes))
    pooled = sorted({seated.pk for _room, seated in rooms})
    period = Period(
        department=department,
        expert_ids=tuple(pooled) if expert is None else (expert.pk,),
        rooms=max(1, len(pooled)) if expert is None else 1,
        opens_at=opens_at,
        spans=spans,
    )
    # Read and searched before the transaction, which on SQLite holds the lock of all writers.
    estimated = estimate(period, cuts)
    free = splits.Given(total=numbers_in_all, booked=(0,) * len(spans), locked=(None,) * len(spans))
    choice = splits.choose(expert, period, estimated, free)
    day = timezone.localtime(starts_at).date()
    with transaction.atomic():
        session = Session.objects.create(
            department=department,
            template=template,
            expert=expert,
            title=titles[0],
            title_en=titles[1],
            title_zh_hant=titles[2],
            date=day,
            starts_at=starts_at,
            ends_at=ends_at,
            registration_opens_at=opens_at,
            released_at=_local(day - timedelta(days=department.release_days_ahead), department.release_time),
            numbers=numbers_in_all,
            prefix=prefix,
        )
        SessionRoom.objects.bulk_create(
            SessionRoom(session=session, room=room, expert=seated) for room, seated in rooms
        )
        slots = [
            Slot.objects.create(session=session, index=index, starts_at=begin, ends_at=end)
            for index, (begin, end) in enumerate(spans)
        ]
        quotas.share_out(session, slots, estimated, choice, now=now)
    return session


def slot_spans(starts_at: datetime, ends_at: datetime, minutes: int) -> Iterator[tuple[datetime, datetime]]:
    """The slots of a session: M = ceil((end - start) / length), the last may be shorter. In UTC.

    Local times of one zone subtract as the clock on the wall does: over a change of the clocks that is an hour off.
    """
    starts_at, ends_at, length = starts_at.astimezone(UTC), ends_at.astimezone(UTC), timedelta(minutes=minutes)
    for index in range(math.ceil((ends_at - starts_at) / length)):
        begin = starts_at + index * length
        yield begin, min(begin + length, ends_at)


def open_pool(*, session_id: int, now: datetime, actor: AbstractBaseUser | None = None) -> int:
    """Moves what is free to book or withheld to the walk-in pool of its slot (R3.5). Returns how many numbers.

    Inside a transaction. A second call does nothing. Raises BookingError `session_over` after the session.
    """
    session = locked(session_id)
    if session.pool_opened_at is not None:
        return 0
    if session.state in (Session.State.CLOSED, Session.State.CANCELLED):
        raise BookingError(_("This session is over."), code="session_over")
    moved = 0
    # Locked, so that no booking comes between the look at what is left and the move of it.
    for slot in session.slots.select_for_update(no_key=True).order_by("pk"):
        for place, count in ((Place.BOOKABLE, slot.left_bookable), (Place.WITHHELD, slot.withheld)):
            if count:
                numbers.move(
                    slot_id=slot.pk, source=place, target=Place.POOL, count=count, reason=Reason.OPENED,
                    now=now, actor=actor,
                )  # fmt: skip
                moved += count
    FreedNumber.objects.filter(slot__session=session, done_at=None).update(done_at=now)
    Session.objects.filter(pk=session_id).update(pool_opened_at=now)
    return moved


def pass_on(*, session_id: int, now: datetime) -> int:
    """What is left in the pool of a slot that has ended goes to the next slot's (R3.5b). Returns how many numbers.

    Inside a transaction. Marks each ended slot as dealt with, also the last, which has no next, and where the
    department keeps numbers in their slot. A number that is freed in an ended slot later is passed on by the next call.
    """
    session = locked(session_id)
    slots = list(session.slots.select_for_update(no_key=True).order_by("index"))
    passed = 0
    for slot, following in pairwise(slots):
        if slot.ends_at > now or not session.department.pass_on_unused:
            break
        # What came from the slot before is not in these rows yet.
        slot.refresh_from_db(fields=["walk_in", "registered"])
        if count := slot.left_walk_in:
            for slot_id, source, target in (
                (slot.pk, Place.POOL, Place.OUTSIDE),
                (following.pk, Place.OUTSIDE, Place.POOL),
            ):
                numbers.move(
                    slot_id=slot_id, source=source, target=target, count=count, reason=Reason.PASSED_ON, now=now
                )
            passed += count
    session.slots.filter(ends_at__lte=now, passed_on=False).update(passed_on=True)
    return passed


def pass_on_late(*, slot_id: int, now: datetime) -> int:
    """Passes on what has just been freed into a slot that may have ended already, so that it is not lost."""
    slot = Slot.objects.only("session_id", "ends_at").get(pk=slot_id)
    return pass_on(session_id=slot.session_id, now=now) if slot.ends_at <= now else 0


def locked(session_id: int) -> Session:
    """The session, its row locked to the end of the transaction: always the first lock that is taken."""
    return Session.objects.select_for_update(no_key=True, of=("self",)).select_related("department").get(pk=session_id)


def _days(template: Template, first: date, last: date) -> Iterator[date]:
    """The template's days without a holiday and without their session yet, both ends included."""
    holidays = Holiday.objects.filter(Q(department=None) | Q(department=template.department_id))
    off = set(holidays.filter(date__range=(first, last)).values_list("date", flat=True))
    there = set(template.sessions.filter(date__range=(first, last)).values_list("date", flat=True))
    day = first + timedelta(days=(template.weekday - first.weekday()) % 7)
    while day <= last:
        if day not in off and day not in there:
            yield day
        day += timedelta(days=7)


def _on_leave(expert: Expert, day: date) -> bool:
    return Leave.objects.filter(expert=expert, first_day__lte=day, last_day__gte=day).exists()


def _local(day: date, clock: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, clock)).astimezone(UTC)
