"""How long a visit takes: today's finished visits, with the experts' past as what was known before."""

import math
import time
from collections.abc import Iterable, Sequence

from django.db.models import Avg, Count, StdDev

from booking.models import Expert, PastVisit, Session

KEPT_SECONDS = 60  # the past hardly changes during a morning
PAST_WEIGHS_AS = 10  # so many visits of today weigh as much as the past
USUAL_CV = 0.6  # standard deviation over mean of a visit where there is no history

_past: dict[tuple[str, ...], tuple[float, tuple[float, float] | None]] = {}


def visit_length(session: Session, experts: Sequence[Expert], today: Iterable[float]) -> tuple[float, float]:
    """Mean and standard deviation in minutes of a visit of this session.

    `experts` sit in its rooms, `today` are the minutes of its visits finished so far. Without a past the
    department's default stands in for it.
    """
    default = session.department.default_visit_minutes
    mean, sd = past_length(experts) or (default, USUAL_CV * default)
    lengths = list(today)
    weight = PAST_WEIGHS_AS + len(lengths)
    shrunk = (PAST_WEIGHS_AS * mean + sum(lengths)) / weight
    spread = PAST_WEIGHS_AS * (sd**2 + (mean - shrunk) ** 2) + sum((length - shrunk) ** 2 for length in lengths)
    return shrunk, math.sqrt(spread / weight)


def past_length(experts: Sequence[Expert]) -> tuple[float, float] | None:
    """Mean and standard deviation in minutes of these experts' past visits; None without any. One query a minute."""
    # By code, not by id: ids are given out anew where a test takes its rows back.
    codes = tuple(sorted(expert.code for expert in experts))
    now = time.monotonic()
    kept = _past.get(codes)
    if kept is not None and kept[0] > now:
        return kept[1]
    visits = PastVisit.objects.filter(past_session__expert__code__in=codes, seconds__gt=0)
    found = visits.aggregate(mean=Avg("seconds"), sd=StdDev("seconds"), count=Count("pk"))
    past = (found["mean"] / 60, (found["sd"] or 0.0) / 60) if found["count"] else None
    _past[codes] = (now + KEPT_SECONDS, past)
    return past
