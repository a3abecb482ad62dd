"""One morning, event by event, in the order that `queueboard.rules` gives: the simulator that is the live queue.

What happens in one second happens in this order: a visit ends; slots that have ended pass their walk-in numbers on
(R3.5b); who checks in or registers, column by column; who reports back after a missed call, column by column; then the
next is called (R4.4). The session is over once its end has come and nobody waits or is served (R1.4): who comes later,
or never reported back, is not seen. Nobody is called before the expert has come. A missed call takes `call_seconds`,
and the time until the patient reports back runs from its end; the second call is answered.

Not simulated: priorities and return visits (R4.9), pauses, more than one room.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import numpy as np

from queueboard import rules
from queueboard.simulation.scenario import NEVER, Outcome, Patients, Plan, Scenario

Progress = Callable[[int], None]

_START = datetime(2000, 1, 1, tzinfo=UTC)
_TURNS_UP, _REPORTS_BACK = 0, 1


def play(
    scenario: Scenario,
    plan: Plan,
    patients: Patients,
    progress: Progress | None = None,
    morning: "Callable[[Scenario, Plan, Patients, int], Morning] | None" = None,
) -> Outcome:
    """All mornings, one after the other. `progress` is told how many have been played; `morning` makes each, where it
    is to be more than a `Morning`."""
    rows = []
    for row in range(len(patients.at)):
        rows.append((morning or Morning)(scenario, plan, patients, row).play())
        if progress is not None:
            progress(row + 1)
    return Outcome(
        **{
            name: np.array([row[name] for row in rows], dtype=_TYPES.get(name, np.int32)).reshape(patients.at.shape)
            for name in Outcome.__slots__
        }
    )


_TYPES: dict[str, type] = {"refused": np.bool_, "late": np.bool_, "passed": np.bool_, "missed": np.bool_}


def visit_seconds(scenario: Scenario, length: float, began: int) -> int:
    """How long a visit takes: its multiple of the mean of the slot in which it begins, to the nearest second."""
    slot = 0
    while slot < len(scenario.slots) - 1 and began >= scenario.slots[slot][1]:
        slot += 1
    return math.floor(length * (scenario.visit_minutes[slot] * 60) + 0.5)


@dataclass
class Morning:
    """The state of one morning; columns of patients are the keys of everything.

    Whoever wants to look at it does so in `moment`, which is told of every instant after all that happens in it: then
    `tickets` are by number, `column` says whose they are, and `present` is who is in service, `began` since when.
    """

    scenario: Scenario
    plan: Plan
    patients: Patients
    row: int

    def play(self) -> dict[str, list]:
        columns = self.patients.at.shape[1]
        self.out: dict[str, list] = {name: [int(NEVER)] * columns for name in Outcome.__slots__}
        self.out |= {name: [False] * columns for name in _TYPES} | {"slot": [-1] * columns}
        self.pool = self._pool()
        self.tickets: dict[int, rules.Ticket] = {}
        self.column: dict[int, int] = {}
        self.calls = 0
        self.coming: list[tuple[int, int, int]] = []
        for column, at in enumerate(self.patients.at[self.row].tolist()):
            self.turns_up(column, at)
        self.policy = policy = rules.Policy(
            booked_first=self.plan.booked_first,
            early=timedelta(seconds=self.plan.early),
            missed_behind=self.plan.missed_behind,
            last_slot=len(self.plan.slots) - 1,
        )
        self.present: rules.Ticket | None = None
        self.began = 0
        free = int(self.patients.delay[self.row])
        while True:
            waiting = any(ticket.state == rules.State.WAITING for ticket in self.tickets.values())
            # The next moment at which something can change: somebody comes, or the expert can call.
            now = min(self.coming[0][0] if self.coming else int(NEVER), free if waiting else int(NEVER))
            if now == NEVER or (not waiting and now > max(free, self.scenario.ends)):
                break
            self._pass_on(now)
            while self.coming and self.coming[0][0] <= now:
                _, kind, column = heappop(self.coming)
                self.comes(column, now) if kind == _TURNS_UP else self._reports_back(column, now, policy)
            if free <= now:
                line = rules.order(self.tickets.values(), policy)
                self.present = None
                if line:
                    free = self._call(line[0], now)
            self.moment(now)
        return self.out

    def turns_up(self, column: int, at: int) -> None:
        """The patient will check in or register at that second."""
        if at < NEVER:
            heappush(self.coming, (at, _TURNS_UP, column))

    def moment(self, now: int) -> None:
        """All of this second has happened. Nothing more does here."""

    def _pool(self) -> list[int]:
        """Numbers not booked are in the pool since registration opened (R3.5)."""
        booked = self.patients.slot[self.patients.booked].tolist()
        both = zip(self.plan.bookable, self.plan.walk_in, strict=True)
        return [bookable + walk_in - booked.count(slot) for slot, (bookable, walk_in) in enumerate(both)]

    def _pass_on(self, now: int) -> None:
        for slot, (_, end) in enumerate(self.plan.slots[:-1]):
            if end <= now:
                self.pool[slot + 1] += self.pool[slot]
                self.pool[slot] = 0

    def comes(self, column: int, now: int) -> None:
        """The patient of that column checks in, registers or is refused."""
        booked = bool(self.patients.booked[column])
        slot = int(self.patients.slot[column]) if booked else self._walk_in_slot(now)
        if slot is None:
            self.out["refused"][column] = True
            return
        start, end = self.plan.slots[slot]
        late = booked and rules.is_late(clock(now), clock(end), timedelta(seconds=self.scenario.grace))
        passed = booked and rules.is_passed(slot, self.tickets.values())
        number = len(self.tickets) + 1
        self.column[number] = column
        self.tickets[number] = rules.Ticket(
            number=number,
            slot=slot,
            slot_start=clock(start),
            booked=booked,
            arrived=clock(now),
            late=late,
            passed=passed,
        )
        for name, value in (("slot", slot), ("arrived", now), ("late", late), ("passed", passed)):
            self.out[name][column] = value

    def _walk_in_slot(self, now: int) -> int | None:
        """The earliest slot, not ended, that has walk-in numbers left (R4.1)."""
        for slot, (_, end) in enumerate(self.plan.slots):
            if end > now and self.pool[slot] > 0:
                self.pool[slot] -= 1
                return slot
        return None

    def _reports_back(self, column: int, now: int, policy: rules.Policy) -> None:
        number = next(number for number, own in self.column.items() if own == column)
        behind = rules.behind_after_miss(self.tickets.values(), policy)
        self.tickets[number] = replace(
            self.tickets[number], state=rules.State.WAITING, turned_up=clock(now), behind=behind
        )

    def _call(self, ticket: rules.Ticket, now: int) -> int:
        """Calls; returns when the expert is free again."""
        self.calls += 1
        column = self.column[ticket.number]
        back = int(self.patients.back[self.row, column])
        called = replace(ticket, called_no=self.calls)
        if ticket.misses == 0:
            self.out["called"][column] = now
        if ticket.misses == 0 and back >= 0:
            self.out["missed"][column] = True
            self.tickets[ticket.number] = replace(called, state=rules.State.MISSED, misses=1)
            free = now + self.scenario.call_seconds
            if back < NEVER:
                heappush(self.coming, (free + back, _REPORTS_BACK, column))
            return free
        free = now + visit_seconds(self.scenario, float(self.patients.length[self.row, column]), now)
        self.tickets[ticket.number] = self.present = replace(called, state=rules.State.DONE)
        self.began = now
        self.out["started"][column], self.out["finished"][column] = now, free
        return free


def clock(second: int) -> datetime:
    """The instant so many seconds from the planned start, as the rules want it."""
    return _START + timedelta(seconds=second)
