"""What added numbers do (R3.2b): where they go, and how long the session then lasts. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking import overtime
from booking.models import Session, Slot, waited_for
from booking.services import freed


@dataclass(frozen=True, slots=True)
class Added:
    """`over`, `over_now`: minutes past the end if every number comes, with them and without."""

    slot: Slot
    count: int
    for_walk_ins: bool
    waiting: int  # wait for a number of the slot: it is offered to them first
    drawn_at: datetime | None  # with the session's others; None: there is no draw, or it has closed
    released_at: datetime | None  # None: free to book at once
    over: int
    over_now: int


def of(session: Session, slot: Slot, count: int, *, now: datetime) -> Added:
    """Of so many more in a slot of the session."""
    ballot = waited_for(session)
    return Added(
        slot=slot,
        count=count,
        for_walk_ins=session.pool_opened_at is not None,
        waiting=0 if session.pool_opened_at is not None else freed.waited_for(slot.pk, session).count(),
        drawn_at=ballot.closes_at if ballot is not None and ballot.closes_at > now else None,
        released_at=session.released_at if session.released_at > now else None,
        over=overtime.minutes_over(session, added={slot.pk: count}),
        over_now=overtime.minutes_over(session),
    )


def words(added: Added) -> list[str]:
    """In sentences."""
    figures = {"slot": added.slot, "count": added.count, "all": added.slot.numbers + added.count}
    if added.for_walk_ins:
        where = ngettext(
            "%(slot)s: %(count)d number more for walk-ins, %(all)d in all.",
            "%(slot)s: %(count)d numbers more for walk-ins, %(all)d in all.",
            added.count,
        )
    elif added.waiting:
        where = ngettext(
            "%(slot)s: %(count)d number more, offered first to those who wait (%(waiting)d), %(all)d in all.",
            "%(slot)s: %(count)d numbers more, offered first to those who wait (%(waiting)d), %(all)d in all.",
            added.count,
        )
        figures["waiting"] = added.waiting
    elif added.drawn_at is not None:
        where = ngettext(
            "%(slot)s: %(count)d number more, drawn with the session's others at %(when)s, %(all)d in all.",
            "%(slot)s: %(count)d numbers more, drawn with the session's others at %(when)s, %(all)d in all.",
            added.count,
        )
        figures["when"] = date_format(timezone.localtime(added.drawn_at), "DATETIME_FORMAT")
    elif added.released_at is not None:
        where = ngettext(
            "%(slot)s: %(count)d number more, free to book for everybody from %(when)s on, %(all)d in all.",
            "%(slot)s: %(count)d numbers more, free to book for everybody from %(when)s on, %(all)d in all.",
            added.count,
        )
        figures["when"] = date_format(timezone.localtime(added.released_at), "DATETIME_FORMAT")
    else:
        where = ngettext(
            "%(slot)s: %(count)d number more, free to book for everybody at once, %(all)d in all.",
            "%(slot)s: %(count)d numbers more, free to book for everybody at once, %(all)d in all.",
            added.count,
        )
    return [where % figures, _over(added), _("Those booked keep their numbers and their times.")]


def _over(added: Added) -> str:
    if not added.over:
        return _("If every number comes, the session still ends in time.")
    figures = {"over": added.over, "now": added.over_now}
    if not added.over_now:
        return _("If every number comes, the session ends %(over)d min late; without them in time.") % figures
    return _("If every number comes, the session ends %(over)d min late; without them %(now)d min.") % figures
