"""Sessions that have been made and are not as their weekly template asks for now (R1.1). Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from booking.models import QuotaMove, Session, Template
from booking.wanted import Calendar, NoSession, Span, Wanted, wanted


@dataclass(frozen=True, slots=True)
class Differing:
    """`what`: in which of "department", "expert", "title", "times", "slots", "numbers", "prefix", "rooms" it differs.

    `asked`: what the template asks for on that day, or why nothing. `by_hand`: somebody changed it after it was made,
    locked its split or added numbers, which would be lost.
    """

    session: Session
    asked: Wanted | NoSession
    what: tuple[str, ...]
    by_hand: bool

    @property
    def can_follow(self) -> bool:
        """Whether it can become as asked with everybody keeping their slot."""
        if not isinstance(self.asked, Wanted) or {"department", "slots"} & set(self.what):
            return False
        return (self.session.expert_id is None) == (self.asked.template.expert_id is None)


def differing(template: Template, *, now: datetime) -> list[Differing]:
    """The template's sessions whose registration has not opened, where they differ; in their order."""
    sessions = ahead(template, now)
    if not sessions:
        return []
    days = [session.date for session in sessions]
    calendar = Calendar(min(days), max(days))
    found = (of(template, session, calendar) for session in sessions)
    return [each for each in found if each is not None]


def ahead(template: Template, now: datetime) -> list[Session]:
    """The template's sessions whose registration has not opened."""
    added = Sum("slots__moves__count", filter=Q(slots__moves__reason=QuotaMove.Reason.ADDED), default=0)
    planned = template.sessions.filter(state=Session.State.PLANNED, pool_opened_at=None, starts_at__gt=now)
    together = planned.select_related("department", "expert").prefetch_related("slots", "rooms__room", "rooms__expert")
    return list(together.annotate(added=added).order_by("starts_at"))


def one(session: Session) -> Differing | None:
    """Of one session, as it is now; None: it is as its template asks, or has none."""
    templates = Template.objects.select_related("department", "expert").prefetch_related("rooms__room", "rooms__expert")
    template = None if session.template_id is None else templates.filter(pk=session.template_id).first()
    return None if template is None else of(template, session, Calendar(session.date, session.date))


def of(template: Template, session: Session, calendar: Calendar) -> Differing | None:
    """None: it is as asked, or a holiday or a leave keeps the template from asking, which has a page of its own."""
    asked = wanted(template, session.date, calendar)
    slots = sorted(session.slots.all(), key=lambda slot: slot.index)
    by_hand = is_by_hand(session)
    if isinstance(asked, NoSession):
        passes = asked in (NoSession.HOLIDAY, NoSession.LEAVE)
        return None if passes else Differing(session, asked, (), by_hand)
    seats = {
        (seat.room_id, seat.expert_id)
        for seat in session.rooms.all()
        # Somebody who is away and was left there has been dealt with.
        if not calendar.is_away(seat.expert_id, session.date)
    }
    same = {
        "department": session.department_id == template.department_id,
        "expert": session.expert_id == template.expert_id,
        "title": (session.title, session.title_en, session.title_zh_hant) == asked.titles,
        "times": (session.starts_at, session.ends_at) == (asked.starts_at, asked.ends_at),
        "slots": _lengths((slot.starts_at, slot.ends_at) for slot in slots) == _lengths(asked.spans),
        "numbers": session.numbers == template.numbers,
        "prefix": session.prefix == template.prefix,
        "rooms": seats == {(room.pk, expert.pk) for room, expert in asked.rooms},
    }
    what = tuple(name for name, equal in same.items() if not equal)
    return Differing(session, asked, what, by_hand) if what else None


def is_by_hand(session: Session) -> bool:
    """Of one read by `ahead`."""
    return session.by_hand or any(slot.locked for slot in session.slots.all()) or bool(getattr(session, "added", 0))


def _lengths(spans: Iterable[Span]) -> list[timedelta]:
    """Of all slots but the last, which is as long as the session leaves it; and how many there are."""
    lengths = [end - begin for begin, end in spans]
    return [*lengths[:-1], timedelta(0)] if lengths else []
