"""A simulated morning of an expert, from the hospital's own records; where they are silent, stated figures (R7)."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import history
from booking.errors import BookingError
from booking.estimates import Estimate, Period, estimate
from booking.models import Department, Expert, PastSession, Session
from booking.services import quotas, sessions
from queueboard import attendance
from queueboard.simulation import study
from queueboard.simulation.scenario import Order, Scenario

DEFAULT_CV = 0.5


@dataclass(frozen=True, slots=True)
class OwnPast:
    """A scenario and where it comes from: for each kind of figure `expert`, `department`, `default` (the department's
    stated one) or `stated` (measured elsewhere, or assumed)."""

    scenario: Scenario
    sources: dict[str, str]
    estimated: Estimate


def of_session(session: Session) -> OwnPast:
    """The morning that a planned session will be. Raises BookingError `quota_no_slots`."""
    return _scenario(quotas.period_of(session), session.numbers + quotas.added_numbers(session.pk))


def of_period(period: Period, numbers: int, estimated: Estimate) -> OwnPast:
    """The morning of a session, saved or not, with so many numbers, of which this is estimated already."""
    return _scenario(period, numbers, estimated=estimated)


def order_of(department: Department) -> Order:
    """The department's settings of the queue's order, as the simulator takes them."""
    return Order(
        booked_first=department.booked_first,
        early=60 * department.early_minutes,
        missed_behind=department.missed_behind,
    )


def of_expert(expert: Expert, *, walk_ins_per_hour: float | None = None) -> OwnPast:
    """The expert's next planned session, else one like the last that is on record; with so many walk-ins an hour in
    place of what is known of them.

    Raises BookingError `no_history` where there is neither.
    """
    planned = expert.sessions.filter(state=Session.State.PLANNED, starts_at__gt=timezone.now())
    following = planned.order_by("starts_at").select_related("department").first()
    if following is not None:
        return _scenario(quotas.period_of(following), following.numbers, walk_ins_per_hour)
    last = PastSession.objects.filter(expert=expert).order_by("starts_at").last()
    if last is None:
        raise BookingError(_("The expert has neither a planned nor a past session."), code="no_history")
    department, week = expert.department, timedelta(days=7)
    starts_at, ends_at = last.starts_at + week, last.ends_at + week
    period = Period(
        department=department,
        expert_ids=(expert.pk,),
        rooms=1,
        opens_at=starts_at - timedelta(minutes=department.registration_opens_minutes),
        spans=tuple(sessions.slot_spans(starts_at, ends_at, department.slot_minutes)),
    )
    past = _past(period)
    seen = np.count_nonzero(past.started != history.UNKNOWN) / len(past)
    return _scenario(period, max(1, round(seen)), walk_ins_per_hour)


def _past(period: Period) -> history.Log:
    limit, morning = period.department.history_sessions, history.is_morning(period.starts_at)
    return history.read(morning=morning, limit=limit, expert_ids=period.expert_ids)


def _scenario(
    period: Period, numbers: int, walk_ins_per_hour: float | None = None, estimated: Estimate | None = None
) -> OwnPast:
    estimated = estimated or estimate(period)
    walk_ins = (estimated.before_start, *estimated.walk_ins)
    if walk_ins_per_hour is not None:
        before = (period.starts_at - period.opens_at) / timedelta(hours=1)
        walk_ins = tuple(walk_ins_per_hour * hours for hours in (before, *((b - a) / 60 for a, b in period.minutes)))
    past = _past(period)
    lengths = past.seconds[past.seconds > 0]
    cv = float(lengths.std() / lengths.mean()) if len(lengths) else DEFAULT_CV
    delay = _start_delay(past)
    kept = attendance.punctuality(period.expert_ids, period.starts_at)
    absent = attendance.absent_share(period.expert_ids)
    missed = attendance.missed_shares(period.expert_ids)
    scenario = Scenario(
        slots=tuple((round(60 * start), round(60 * end)) for start, end in period.minutes),
        opens=-round((period.starts_at - period.opens_at).total_seconds()),
        numbers=numbers,
        capacities=tuple(slot.chosen for slot in estimated.capacities),
        walk_ins=walk_ins,
        bookings=max(0, numbers - round(sum(walk_ins))),
        # Rooms side by side are one room in which visits are so many times shorter.
        visit_minutes=tuple(slot.visit_minutes / period.rooms for slot in estimated.capacities),
        visit_cv=cv,
        start_delay=delay or (0.0, 0.0),
        absent=attendance.ABSENT if absent is None else absent,
        punctuality=study.PUNCTUALITY if kept is None else kept,
        missed=attendance.MISSED if missed is None else missed[0],
        never_back=attendance.NEVER_BACK if missed is None else missed[1],
        grace=60 * period.department.late_grace_minutes,
    )
    sources = {
        "visits": estimated.basis["visits"]["source"],
        "walk_ins": estimated.basis["walk_ins"]["source"] if walk_ins_per_hour is None else "stated",
        "start_delay": "expert" if delay else "stated",
        "absent": "stated" if absent is None else "expert",
        "punctuality": "stated" if kept is None else "expert",
        "missed": "stated" if missed is None else "expert",
    }
    return OwnPast(scenario=scenario, sources=sources, estimated=estimated)


def _start_delay(past: history.Log) -> tuple[float, float] | None:
    """Mean and standard deviation of the minutes from the planned start to the first visit."""
    seen = past.started != history.UNKNOWN
    sessions, begin = np.unique(past.session[seen], return_index=True)
    if not len(sessions):
        return None
    late = np.maximum(np.minimum.reduceat(past.started[seen], begin), 0) / 60
    return float(late.mean()), float(late.std())
