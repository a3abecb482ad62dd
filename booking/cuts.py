"""A department's log cut by the slots of a session, and what each of its experts' past is to the estimators (R2.2).

Kept for the sessions that are estimated one after the other: a log is read once, and cut once for each timetable.
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from booking import history, quota
from booking.history import Flags, Log, Span
from booking.models import Department

# Of timetables that few sessions have the cuts are made anew.
TIMETABLES = 8


class Cut:
    """`log`: of a department. `intervals`: the time before the start, then each slot, in minutes from the start.

    A log of pooled sessions has arrivals that were meant for several experts. So rates are of a session of `unit`
    experts side by side, and a session of fewer is one of which a part is known.
    """

    def __init__(self, log: Log, intervals: tuple[Span, ...]) -> None:
        self.log, self.intervals, self.slots = log, intervals, intervals[1:]
        self.unit = int(log.came_for.max(initial=1, where=log.has_arrivals))
        self._walk_ins = history.walk_ins(log, intervals)
        share = np.where(log.has_arrivals, log.came_for / self.unit, 0.0)
        self._exposure = history.exposure(log, intervals) * share[:, None]
        self._slot = np.where(log.seconds > 0, history.slot_of(log, self.slots), -1)

    def arrivals(self, whose: Flags) -> quota.Arrivals:
        """The walk-ins of the sessions that `whose` (S,) marks."""
        return quota.Arrivals(self.log.days[whose], self._walk_ins[whose], self._exposure[whose])

    def visits(self, whose: Flags) -> quota.Visits:
        """Their visits that began in a slot."""
        kept = whose[self.log.session] & (self._slot >= 0)
        days, minutes = self.log.days[self.log.session[kept]], self.log.seconds[kept] / 60
        return quota.Visits(days, self._slot[kept], minutes, len(self.slots))

    def whose(self, expert_ids: Iterable[int]) -> Flags:
        return np.isin(self.log.expert_ids, list(expert_ids))

    @cached_property
    def by_expert(self) -> dict[int, tuple[quota.Arrivals, quota.Visits]]:
        """What each expert of the department is to a colleague."""
        experts = [int(pk) for pk in np.unique(self.log.expert_ids)]
        return {pk: (self.arrivals(own), self.visits(own)) for pk in experts for own in [self.whose([pk])]}


class Cuts:
    """The cuts of one department's half-days at a time."""

    def __init__(self) -> None:
        self._key: tuple[int, bool] | None = None
        self._log: Log | None = None
        self._cuts: dict[tuple[Span, ...], Cut] = {}

    def of(self, department: Department, intervals: tuple[Span, ...], *, morning: bool) -> Cut:
        if self._log is None or self._key != (department.pk, morning):
            # The last one goes before the next is read: there is room for one.
            self._log, self._cuts = None, {}
            self._log = history.read(morning=morning, limit=department.history_sessions, department_id=department.pk)
            self._key = (department.pk, morning)
        if intervals not in self._cuts:
            if len(self._cuts) >= TIMETABLES:
                self._cuts.clear()
            self._cuts[intervals] = Cut(self._log, intervals)
        return self._cuts[intervals]
