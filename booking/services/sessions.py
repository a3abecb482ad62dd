"""Sessions: made ahead from templates (R1.1), unbooked numbers opened to walk-ins (R3.5) and passed on (R3.5b)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import splits
from booking.cuts import Cuts
from booking.errors import BookingError
from booking.estimates import Estimate, Period, estimate
from booking.models import (
    Ballot,
    Department,
    Expert,
    FreedNumber,
    QuotaMove,
    Room,
    Session,
    SessionRoom,
    Slot,
    Template,
    WaitlistEntry,
)
from booking.services import freed, numbers, quotas
from booking.wanted import local, missing, slot_spans, standing

Place = QuotaMove.Place
Reason = QuotaMove.Reason


def make_sessions(
    *, today: date, days: int | None = None, template_id: int | None = None, now: datetime | None = None
) -> list[Session]:
    """Makes what the active templates (or this one) ask for, from `today` on; what is there already is left alone.

    `days` ahead: default per department. With `now`, what has ended by then is not made. Returns the new sessions.
    Each is one transaction, and the database allows one per template and day: run twice, at once or killed halfway,
    every session is made once. One that was cancelled for a holiday, a leave or a changed template is made again once
    that is gone; one that was cancelled for itself is not.
    """
    made, cuts = [], Cuts()
    for asked in missing(today=today, days=days, template_id=template_id):
        template = asked.template
        if now is not None and asked.ends_at <= now:
            continue
        try:
            made.append(
                make_session(
                    department=template.department,
                    expert=template.expert,
                    titles=asked.titles,
                    starts_at=asked.starts_at,
                    ends_at=asked.ends_at,
                    numbers_in_all=template.numbers,
                    slot_minutes=template.slot_minutes,
                    prefix=template.prefix,
                    rooms=asked.rooms,
                    template=template,
                    now=now,
                    cuts=cuts,
                )
            )
        except IntegrityError:
            # Another run made it meanwhile.
            if not standing(template.sessions.filter(date=asked.day)).exists():
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
    session = Session(
        department=department,
        template=template,
        expert=expert,
        title=titles[0],
        title_en=titles[1],
        title_zh_hant=titles[2],
        starts_at=starts_at,
        ends_at=ends_at,
        numbers=numbers_in_all,
        prefix=prefix,
    )
    return make(draft(session, slot_minutes=slot_minutes, rooms=rooms, cuts=cuts), now=now)


@dataclass(frozen=True, slots=True)
class Draft:
    """A session with all that is needed to make it, worked out before the transaction: on SQLite that one holds the
    lock of all writers."""

    session: Session
    rooms: tuple[tuple[Room, Expert], ...]
    spans: tuple[tuple[datetime, datetime], ...]
    estimated: Estimate
    choice: splits.Choice | None


def draft(
    session: Session,
    *,
    slot_minutes: int | None = None,
    rooms: Sequence[tuple[Room, Expert]] = (),
    cuts: Cuts | None = None,
) -> Draft:
    """Of an unsaved session that has its department, its expert or title, its times and numbers: the rest follows."""
    department = session.department
    session.date = timezone.localtime(session.starts_at).date()
    session.registration_opens_at = opens_at(session)
    released_on = session.date - timedelta(days=department.release_days_ahead)
    session.released_at = local(released_on, department.release_time)
    spans = tuple(slot_spans(session.starts_at, session.ends_at, slot_minutes or department.slot_minutes))
    pooled = sorted({seated.pk for _room, seated in rooms})
    period = Period(
        department=department,
        expert_ids=tuple(pooled) if session.expert is None else (session.expert.pk,),
        rooms=max(1, len(pooled)) if session.expert is None else 1,
        opens_at=session.registration_opens_at,
        spans=spans,
    )
    estimated = estimate(period, cuts)
    free = splits.Given(total=session.numbers, booked=(0,) * len(spans), locked=(None,) * len(spans))
    choice = splits.choose(session.expert, period, estimated, free)
    return Draft(session=session, rooms=tuple(rooms), spans=spans, estimated=estimated, choice=choice)


def make(drafted: Draft, *, now: datetime | None = None) -> Session:
    """Saves a draft, all of it or nothing. Raises as `make_session`."""
    now = now or timezone.now()
    with transaction.atomic():
        session = drafted.session
        session.save(force_insert=True)
        minutes = 0 if session.expert is None else session.expert.ballot_minutes
        if minutes and session.released_at > now:
            Ballot.objects.create(session=session, minutes=minutes)
        SessionRoom.objects.bulk_create(
            SessionRoom(session=session, room=room, expert=seated) for room, seated in drafted.rooms
        )
        slots = [
            Slot.objects.create(session=session, index=index, starts_at=begin, ends_at=end)
            for index, (begin, end) in enumerate(drafted.spans)
        ]
        quotas.share_out(session, slots, drafted.estimated, drafted.choice, now=now)
    return session


def opens_at(session: Session) -> datetime:
    """When its walk-in registration opens (R1.2)."""
    return session.starts_at - timedelta(minutes=session.department.registration_opens_minutes)


def registration_opened(session: Session, now: datetime) -> bool:
    return session.pool_opened_at is not None or now >= session.registration_opens_at


def open_pool(*, session_id: int, now: datetime, actor: AbstractBaseUser | None = None) -> int:
    """Moves what is free to book or withheld to the walk-in pool of its slot (R3.5). Returns how many numbers.

    Also what is offered: the waitlist ends. Inside a transaction. A second call does nothing. Raises BookingError
    `session_over` after the session.
    """
    session = locked(session_id)
    if session.pool_opened_at is not None:
        return 0
    if session.state in Session.OVER:
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
    freed.end_list(session=session, state=WaitlistEntry.State.ENDED, now=now)
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


def shared(session_id: int) -> Session:
    """The session, locked against who changes it (see `locked`), and not against others who share it.

    Raises BookingError `no_session`.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM booking_session WHERE id = %s FOR SHARE", [session_id])
    joined = Session.objects.select_related("department", "expert", "ballot")
    session = joined.filter(pk=session_id).first()
    if session is None:
        raise BookingError(_("There is no such session."), code="no_session", status=404)
    return session
