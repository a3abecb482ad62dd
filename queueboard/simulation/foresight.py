"""What the live queue would foretell in a simulated morning, and patients who do as they are told (R5.2, R5.3).

The predictor is the one of the live queue; it knows of the simulated expert what past mornings of that expert show.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from queueboard import rules
from queueboard.simulation.events import Morning, clock
from queueboard.simulation.scenario import NEVER, Outcome, Patients, Plan, Scenario
from queueboard.waiting import coming, leaving, lengths, times
from queueboard.waiting.known import Known, still_late

QUANTILES = 21
TICK = 120  # seconds between two looks at the phone
JOURNEY_SD = float(np.log(leaving.WAY_SPREAD) / times.Z90)  # of the logarithm of a journey, so that it is as stated

Waits = NDArray[np.float64]


def known(scenario: Scenario, plan: Plan, patients: Patients, outcome: Outcome) -> Known:
    """What the log of these mornings, the newest last, says of the expert."""
    rows, columns = np.nonzero(outcome.finished < NEVER)
    started, finished = outcome.started[rows, columns], outcome.finished[rows, columns]
    order = np.lexsort((started, rows))
    rows, started, finished = rows[order], started[order], finished[order]
    past = lengths.Past(
        minutes=(finished - started) / 60,
        slot=np.searchsorted([end for _, end in scenario.slots], started, side="right"),
        kind=np.full(len(rows), lengths.UNKNOWN),
        alike=np.ones(len(rows), dtype=bool),
        age=(len(patients.at) - 1 - rows).astype(np.float64),
    )
    booked_at = patients.at[:, patients.booked]
    slot_starts = np.array([start for start, _ in plan.slots])[patients.slot[patients.booked]]
    kept = booked_at < NEVER
    offsets = (booked_at - slot_starts)[kept] / 60
    return Known(
        lengths=lengths.learn(past, slots=len(scenario.slots), department_minutes=float(past.minutes.mean())),
        habits=coming.Habits(
            absent=1 - float(kept.mean()),
            punctuality=tuple(np.quantile(offsets, np.linspace(0, 1, QUANTILES)).tolist()),
            back=1 - scenario.never_back,
        ),
        late_starts=tuple((patients.delay / 60).tolist()),
    )


@dataclass
class Foreseen(Morning):
    """A morning whose waits can be foretold at any instant."""

    known: Known

    def foresee(self, now: int) -> tuple[list[rules.Ticket], Waits]:
        """Those who wait, in order, and the minutes until each is called: (n + 1, 2), as `times.predict`."""
        line = rules.order(self.tickets.values(), self.policy)
        return line, self._predict([lengths.UNKNOWN] * len(line), now, self._coming(now))

    def turns(self, slot: int, now: int) -> Waits:
        """The same for a booked patient of the slot who checks in now, with 0, 1 .. others of the slot before."""
        place, others = self._place_of(slot, now), self._absent()[slot]
        ahead = [each for each in self._coming(now, besides=slot) if each.place <= place]
        return self._predict([lengths.UNKNOWN] * (place + others), now, ahead)[place:]

    def _predict(self, queue: list[int], now: int, others: list[coming.Coming]) -> Waits:
        waits_for_start = not self.calls
        return times.predict(
            queue,
            lengths=self.known.lengths,
            pace=self._pace(),
            now=now / 60,
            slot_ends=[end / 60 for _, end in self.scenario.slots],
            under_way=[] if self.present is None else [(lengths.UNKNOWN, (now - self.began) / 60)],
            pause=max(0.0, -now / 60) if waits_for_start else 0.0,
            late_start=still_late(self.known.late_starts, now / 60) if waits_for_start else (0.0, 0.0),
            coming=others,
        )

    def _pace(self) -> lengths.Pace:
        seen = sorted(
            (began, ended)
            for began, ended in zip(self.out["started"], self.out["finished"], strict=True)
            if began < NEVER and (self.present is None or began != self.began)
        )
        ends = [end for _, end in self.scenario.slots]
        visits = [
            (times.slot_at(began, ends), lengths.UNKNOWN, (ended - began) / 60)
            for began, ended in seen
            if ended > began
        ]
        return lengths.todays(self.known.lengths, visits)

    def _absent(self) -> list[int]:
        """Of each slot, how many booked patients have not come."""
        here = set(self.column.values())
        absent = [0] * len(self.plan.slots)
        for column in np.flatnonzero(self.patients.booked).tolist():
            absent[self.patients.slot[column]] += column not in here
        return absent

    def _place_of(self, slot: int, now: int) -> int:
        start, end = self.plan.slots[slot]
        made_up = rules.Ticket(
            number=len(self.tickets) + 1, slot=slot, slot_start=clock(start), booked=True, arrived=clock(now),
            late=now > end + self.scenario.grace, passed=rules.is_passed(slot, self.tickets.values()),
        )  # fmt: skip
        return rules.order([*self.tickets.values(), made_up], self.policy).index(made_up)

    def _coming(self, now: int, besides: int | None = None) -> list[coming.Coming]:
        absent = [0 if slot == besides else count for slot, count in enumerate(self._absent())]
        missed = [number for number, ticket in self.tickets.items() if ticket.state == rules.State.MISSED]
        return coming.expected(
            self.tickets.values(),
            self.policy,
            self.known.habits,
            places=[self._place_of(slot, now) if count else 0 for slot, count in enumerate(absent)],
            slot_starts=[clock(start) for start, _ in self.plan.slots],
            absent=absent,
            out_since={number: clock(self.out["called"][self.column[number]]) for number in missed},
            now=clock(now),
        )


Ways = NDArray[np.float64]


@dataclass
class Advised(Foreseen):
    """A morning in which some booked patients look at their phone and set out when it says so (R5.3).

    way      (P,) usual minutes from home
    journey  (P,) minutes that it takes on the day, the door included
    follows  (P,) whether the patient does as told; the others come as they are used to
    """

    way: Ways
    journey: Ways
    follows: NDArray[np.bool_]
    at_home: list[int] = field(default_factory=list)

    def turns_up(self, column: int, at: int) -> None:
        """Followers leave home later: the phone is looked at from the opening of registration on."""
        if column == LOOK or not self.follows[column]:
            super().turns_up(column, at)
        elif at < NEVER:
            if not self.at_home:
                super().turns_up(LOOK, self.scenario.opens)
            self.at_home.append(column)

    def comes(self, column: int, now: int) -> None:
        """Whoever checks in, and every two minutes a look at the phones."""
        if column != LOOK:
            super().comes(column, now)
            return
        for slot in sorted({int(self.patients.slot[column]) for column in self.at_home}):
            self._tell(slot, now)
        if self.at_home:
            super().turns_up(LOOK, now + TICK)

    def _tell(self, slot: int, now: int) -> None:
        start, end = (second / 60 for second in self.plan.slots[slot])
        turns = self.turns(slot, now)
        here = set(self.column.values())
        own = np.flatnonzero(self.patients.booked & (self.patients.slot == slot)).tolist()
        not_here = [column for column in own if column not in here]
        for rank, column in enumerate(not_here):
            if column not in self.at_home:
                continue
            there = leaving.be_there(now=now / 60, slot_start=start, slot_end=end, turn=tuple(turns[rank]))
            if leaving.set_out(there, float(self.way[column])) <= now / 60:
                self.at_home.remove(column)
                super().turns_up(column, now + round(60 * float(self.journey[column])))


LOOK = -1  # no patient's column


def advised(known: Known, share: float, rng: np.random.Generator) -> Callable[..., Morning]:
    """Makes mornings in which that share of the booked patients follow the advice; everybody's way is 10 to 60 minutes.

    For `events.play`. The same state of `rng` gives the same ways and journeys.
    """
    seed = int(rng.integers(2**63))

    def morning(scenario: Scenario, plan: Plan, patients: Patients, row: int) -> Morning:
        own = np.random.default_rng([seed, row])
        people = len(patients.booked)
        way = own.uniform(10, 60, people)
        journey = way * np.exp(JOURNEY_SD * own.standard_normal(people)) + leaving.AT_DOOR
        follows = (own.random(people) < share) & patients.booked
        return Advised(scenario, plan, patients, row, known, way, journey, follows)

    return morning
