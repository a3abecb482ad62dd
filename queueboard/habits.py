"""What an expert's past says about the waits of a session: read once, kept for a while (R5.2)."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import zip_longest

import numpy as np
from django.db.models import Avg
from django.utils import timezone

from booking import history
from booking.models import Expert, PastSession, PastVisit, Session
from queueboard import attendance
from queueboard.simulation import study
from queueboard.waiting.coming import Habits
from queueboard.waiting.known import Known
from queueboard.waiting.lengths import FIRST, NOTHING, RETURN, UNKNOWN, Past, learn

KEPT_SECONDS = 600  # the past hardly changes during a morning
SESSIONS = 80  # read of each expert
DEPARTMENT_DAYS = 60  # whose visits are the department's mean


_kept: dict[tuple[object, ...], tuple[float, Known]] = {}


def known(session: Session, experts: Sequence[Expert], slots: int) -> Known:
    """Of these experts, for this session. At most eight queries, once in ten minutes."""
    # By code, not by id: ids are given out anew where a test takes its rows back.
    codes = tuple(sorted(expert.code for expert in experts))
    key = (session.department.slug, codes, session.starts_at, slots)
    now = time.monotonic()
    # Other threads do the same meanwhile.
    for old in [each for each, (until, _) in list(_kept.items()) if until <= now]:
        _kept.pop(old, None)
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = now + KEPT_SECONDS, _read(session, experts, slots)
    return found[1]


def _read(session: Session, experts: Sequence[Expert], slots: int) -> Known:
    ids = [expert.pk for expert in experts]
    sessions = PastSession.objects.filter(expert__in=ids, starts_at__lt=session.starts_at).order_by("-starts_at")
    recent = list(sessions[: SESSIONS * max(1, len(ids))])
    visits: dict[int, list[PastVisit]] = defaultdict(list)
    seen = PastVisit.objects.filter(past_session__in=recent, seconds__gt=0).order_by("past_session", "position")
    for visit in seen:
        visits[visit.past_session_id].append(visit)
    absent, missed = attendance.absent_share(ids), attendance.missed_shares(ids)
    punctuality = attendance.punctuality(ids, session.starts_at)
    return Known(
        lengths=learn(_past(session, recent, visits), slots=slots, department_minutes=_department_minutes(session)),
        habits=Habits(
            absent=attendance.ABSENT if absent is None else absent,
            punctuality=study.PUNCTUALITY if punctuality is None else punctuality,
            back=1 - (attendance.NEVER_BACK if missed is None else missed[1]),
        ),
        late_starts=tuple(
            max(0.0, _minutes(min(started) - past.starts_at))
            for past in recent
            if past.morning == history.is_morning(session.starts_at)
            and (started := [v.started_at for v in visits[past.pk] if v.started_at is not None])
        ),
    )


def _past(session: Session, recent: Sequence[PastSession], visits: dict[int, list[PastVisit]]) -> Past:
    """`recent` newest first, as the ages are counted."""
    morning, weekday = history.is_morning(session.starts_at), timezone.localtime(session.starts_at).weekday()
    slot_minutes = session.department.slot_minutes
    rows: list[tuple[float, int, int, bool, float]] = []
    age = 0
    for past in recent:
        same_day = past.morning == morning and timezone.localtime(past.starts_at).weekday() == weekday
        for visit, minutes in _intervals(past, visits[past.pk]):
            began = 0.0 if visit.started_at is None else _minutes(visit.started_at - past.starts_at)
            kind = UNKNOWN if visit.first_visit is None else FIRST if visit.first_visit else RETURN
            slot = max(0, int(began // slot_minutes))
            rows.append((minutes, slot, kind, past.morning == morning, age if same_day else float("nan")))
        age += same_day
    if not rows:
        return NOTHING
    minutes_, slot_, kind_, alike, ages = zip(*rows, strict=True)
    return Past(
        minutes=np.array(minutes_), slot=np.array(slot_), kind=np.array(kind_), alike=np.array(alike),
        age=np.array(ages, dtype=float),
    )  # fmt: skip


def _intervals(past: PastSession, visits: Sequence[PastVisit]) -> Iterator[tuple[PastVisit, float]]:
    """Each visit with the minutes until the next one began, where its patient waited or nobody noted who came when;
    else with its own length."""
    for visit, following in zip_longest(visits, visits[1:]):
        length = (visit.seconds or 0) / 60
        if following is not None and visit.started_at is not None and following.started_at is not None:
            ended = visit.started_at + timedelta(minutes=length)
            if not past.has_arrivals or (following.arrived_at is not None and following.arrived_at <= ended):
                length = max(length, _minutes(following.started_at - visit.started_at))
        yield visit, length


def _department_minutes(session: Session) -> float:
    visits = PastVisit.objects.filter(
        past_session__expert__department=session.department_id,
        past_session__starts_at__gte=session.starts_at - timedelta(days=DEPARTMENT_DAYS),
        past_session__starts_at__lt=session.starts_at,
        seconds__gt=0,
    )
    mean = visits.aggregate(mean=Avg("seconds"))["mean"]
    return session.department.default_visit_minutes if mean is None else mean / 60


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60
