"""A better split than the study's: searched among whole-number splits, judged on mornings that the search never saw.

The cost of a split is a weighted mean of the minutes that walk-ins and booked patients wait (R5.2). How many numbers
can be booked in all, and how many are for walk-ins, stays as it is: the shortest wait of all would be that of patients
turned away. What is searched is in which slots they are, and, where asked, the settings of the order (R4.2, R4.8).

Numbers are moved from slot to slot, many at once first, until no move is better beyond doubt on the same mornings for
all. Of many splits the best on one sample owes part of that to the sample: the best of those tried are compared on
fresh mornings, and what is reported of the one chosen comes from fresh ones again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from queueboard.simulation import batch, mornings, policies
from queueboard.simulation.report import GROUPS, Figure, ends_at, unseen, waits
from queueboard.simulation.scenario import NEVER, Mornings, Order, Plan, Scenario

SEARCHED = 400  # mornings behind each comparison of the search
CHECKED = 2000  # fresh ones behind the choice among the best, and as many others behind its figures
FINALISTS = 30
MOST_TRIED = 600  # splits; what bounds the time
STEPS = (4, 2, 1)  # numbers moved at once
PENALTY = 30.0  # minutes of cost for a minute beyond a limit, in the search alone
TOLERANCE = 0.5  # minutes: so much more than a limit is no breach of it; the search allows itself half of that
WORTH = 0.5  # minutes that a split has to save, of the weighted wait, to be worth a change
LEVELS = 10  # of the booked patients' wait, between the ends of the front
FRONT_GAP = 2.0  # minutes: points of the front that are closer in both waits are one

Progress = Callable[[int, int], None]
Lock = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan's mean waits, the overtime (minutes), and who came and was not seen, refused or not, per morning."""

    plan: Plan
    walk_in: Figure
    booked: Figure
    overtime: Figure
    lost: Figure

    def cost(self, weight: float) -> Figure:
        """The weighted mean wait; `weight` is the walk-ins'."""
        return Figure(weight * self.walk_in.groups + (1 - weight) * self.booked.groups)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not to get worse than under `plan`; `booked`: whether their wait counts among it."""

    plan: Plan
    booked: bool = True


@dataclass(frozen=True, slots=True)
class Optimum:
    """What the search came to, judged on the same fresh mornings as `start`, where it began.

    `better`: fresh mornings confirm that it keeps the limits and costs less than `start`, by more than WORTH beyond
    doubt, or that `start` does not keep them. Otherwise `judged` is `start`. `tried`: how many splits were looked at.
    """

    judged: Judged
    start: Judged
    better: bool
    tried: int

    @property
    def plan(self) -> Plan:
        return self.judged.plan


def alike(scenario: Scenario) -> float:
    """The weight with which a minute of any patient counts the same: the walk-ins' share of those expected to come."""
    walk_ins, booked = sum(scenario.walk_ins), scenario.bookings * (1 - scenario.absent)
    return walk_ins / (walk_ins + booked) if walk_ins + booked else 0.5


def order_of(plan: Plan) -> Order:
    return Order(booked_first=plan.booked_first, early=plan.early, missed_behind=plan.missed_behind)


def orders_around(order: Order) -> tuple[Order, ...]:
    """This order, and those with the other settings of R4.2: who goes first in a slot, whether being early counts."""
    others = (replace(order, booked_first=first, early=early) for first in (True, False) for early in (order.early, 0))
    return (order, *(other for other in dict.fromkeys(others) if other != order))


def ordered(plan: Plan, order: Order) -> Plan:
    """The same split under another order."""
    return replace(plan, booked_first=order.booked_first, early=order.early, missed_behind=order.missed_behind)


def judge(scenario: Scenario, plan: Plan, drawn: Mornings) -> Judged:
    """Plays one plan; mornings count in GROUPS groups one after the other (their number divides by it)."""
    who = mornings.patients(scenario, plan, drawn)
    outcome = batch.play(scenario, plan, who)
    called = outcome.called < NEVER
    wait = np.where(called, waits(plan, who, outcome), 0.0)
    over = np.maximum(ends_at(who, outcome) - scenario.ends, 0) / 60

    def mean_wait(columns: NDArray[np.bool_]) -> Figure:
        return Figure(_grouped(wait[:, columns]) / np.maximum(_grouped(called[:, columns]), 1))

    rows = len(called) // GROUPS
    return Judged(
        plan=plan,
        walk_in=mean_wait(~who.booked),
        booked=mean_wait(who.booked),
        overtime=Figure(_grouped(over[:, None]) / rows),
        lost=Figure(_grouped(unseen(who, outcome) | outcome.refused) / rows),
    )


def _grouped(table: NDArray) -> NDArray[np.float64]:
    """(GROUPS,) sums over the mornings and columns of each group."""
    return table.reshape(GROUPS, -1).sum(axis=1, dtype=np.float64)


def breach(
    judged: Judged,
    limit: Judged | None,
    *,
    booked: bool = True,
    ceiling: float = np.inf,
    tolerance: float = TOLERANCE,
) -> float:
    """By how many minutes a plan is beyond a limit, or the booked patients' wait beyond `ceiling`; 0: it keeps them.

    A patient lost counts as an hour.
    """
    more = [judged.booked.value - ceiling]
    if limit is not None:
        more += [(judged.overtime - limit.overtime).value, 60 * (judged.lost - limit.lost).value]
        more += [(judged.booked - limit.booked).value] if booked else []
    return sum(each for each in more if each > tolerance)


def optimise(
    scenario: Scenario,
    start: Plan,
    *,
    limits: Limits | None = None,
    weight: float | None = None,
    orders: Iterable[Order] = (),
    held: Sequence[int] = (),
    locked: Sequence[Lock] = (),
    seed: int = 1,
    progress: Progress | None = None,
) -> Optimum:
    """The best split that is found from `start` under `limits`; the same arguments always give the same.

    `weight`: the walk-ins' share of the cost, 0 to 1 (default: `alike`). `orders`: which may be chosen from (default:
    that of `start`). `held`: numbers that are booked in each slot, under which none goes (default none); `locked`:
    slots that keep their numbers. `progress` is told how many of how many splits have been tried.

    Raises ValueError for a weight outside 0 to 1, or a start that breaks what is held or locked.
    """
    weight = alike(scenario) if weight is None else weight
    search = _Search(scenario, start, tuple(orders), held, locked, weight, limits, seed, progress)
    search.run()
    if progress is not None:
        progress(MOST_TRIED, MOST_TRIED)

    def judged(plans: Iterable[Plan], number: int) -> Iterator[tuple[float, Judged]]:
        """How far beyond the limits each plan is, on the fresh mornings of this number, and what it did."""
        drawn = mornings.draw(scenario, CHECKED, np.random.default_rng([seed, number]))
        limit = None if limits is None else judge(scenario, limits.plan, drawn)
        for plan in plans:
            each = judge(scenario, plan, drawn)
            yield breach(each, limit, booked=search.booked), each

    finalists = judged((each.plan for each in search.best(FINALISTS)), 1)
    chosen = min(finalists, key=lambda pair: (pair[0], pair[1].cost(weight).value))[1].plan
    (beyond, best), (its, first) = judged((chosen, start), 2)
    fewer = best.cost(weight) - first.cost(weight)
    better = beyond < its or (beyond == its and fewer.value + fewer.margin < -WORTH)
    return Optimum(judged=best if better else first, start=first, better=better, tried=len(search.tried))


def front(
    scenario: Scenario,
    start: Plan,
    *,
    limits: Limits | None = None,
    orders: Iterable[Order] = (),
    held: Sequence[int] = (),
    locked: Sequence[Lock] = (),
    seed: int = 1,
    progress: Progress | None = None,
) -> list[Judged]:
    """What the walk-ins' wait can be traded for: plans none of which is better than another for walk-ins and booked
    patients at once, by rising wait of the walk-ins.

    Searched for the least wait of either, then of the walk-ins at LEVELS of the booked patients' between; judged on
    fresh mornings. Of `limits` all but the booked patients' wait is kept, which is what is traded. Arguments as of
    `optimise`; `progress` is told how many searches of how many are done.
    """
    kept = None if limits is None else replace(limits, booked=False)
    search = _Search(scenario, start, tuple(orders), held, locked, _WALK_INS, kept, seed, None)
    said = progress or (lambda done, steps: None)
    ends = []
    for done, weight in enumerate((_WALK_INS, 1 - _WALK_INS), start=1):
        search.anew(weight=weight)
        search.run()
        ends.append(search.found().booked.value)
        said(done, LEVELS + 2)
    for done, ceiling in enumerate(np.linspace(ends[0], ends[1], LEVELS + 2)[1:-1], start=3):
        search.anew(weight=_WALK_INS, ceiling=float(ceiling))
        search.run()
        said(done, LEVELS + 2)
    search.anew(weight=_WALK_INS)
    found = undominated(each for each in search.tried.values() if search.breach_of(each) == 0)
    fresh = mornings.draw(scenario, CHECKED, np.random.default_rng([seed, 1]))
    limit = None if kept is None else judge(scenario, kept.plan, fresh)
    judged = (judge(scenario, each.plan, fresh) for each in found)
    return thinned(undominated(each for each in judged if breach(each, limit, booked=False) == 0))


def undominated(judged: Iterable[Judged]) -> list[Judged]:
    """Those that none of the others beats for walk-ins and for booked patients, by rising wait of the walk-ins."""
    left: list[Judged] = []
    for each in sorted(judged, key=lambda one: (one.walk_in.value, one.booked.value)):
        if not left or each.booked.value < left[-1].booked.value:
            left.append(each)
    return left


def thinned(judged: Iterable[Judged]) -> list[Judged]:
    """Without those that are within FRONT_GAP of the one before in both waits."""
    left: list[Judged] = []
    for each in judged:
        if not left or max(abs(_apart(each, left[-1]))) >= FRONT_GAP:
            left.append(each)
    return left


def _apart(one: Judged, other: Judged) -> NDArray[np.float64]:
    return np.array([(one.walk_in - other.walk_in).value, (one.booked - other.booked).value])


_WALK_INS = 0.95  # weight of a search for the walk-ins' least wait: the booked patients' decides between equals

_Split = tuple[tuple[int, ...], tuple[int, ...], Order]


def _split(plan: Plan) -> _Split:
    return plan.bookable, plan.walk_in, order_of(plan)


@dataclass
class _Search:
    """What has been tried so far, all on the same mornings."""

    scenario: Scenario
    start: Plan
    orders: tuple[Order, ...]
    held: Sequence[int]
    locked: Sequence[Lock]
    weight: float
    limits: Limits | None
    seed: int
    progress: Progress | None
    tried: dict[_Split, Judged] = field(default_factory=dict)

    def __post_init__(self) -> None:
        slots = len(self.start.slots)
        self.held = tuple(self.held) or (0,) * slots
        self.locked = tuple(self.locked) or (None,) * slots
        self.orders = self.orders or (order_of(self.start),)
        if not 0 <= self.weight <= 1:
            raise ValueError("a weight is from 0 to 1")
        if not self._allowed(self.start.bookable, self.start.walk_in):
            raise ValueError("the split to start from breaks what is booked or locked")
        self.open = [slot for slot, lock in enumerate(self.locked) if lock is None]
        self.drawn = mornings.draw(self.scenario, SEARCHED, np.random.default_rng([self.seed, 0]))
        self.limit = None if self.limits is None else judge(self.scenario, self.limits.plan, self.drawn)
        self.booked = self.limits is not None and self.limits.booked
        self.room, self.ceiling = MOST_TRIED, np.inf

    def anew(self, *, weight: float, ceiling: float = np.inf) -> None:
        """The next search is for this; what has been tried is known."""
        self.weight, self.ceiling, self.room = weight, ceiling, len(self.tried) + MOST_TRIED

    def run(self) -> None:
        """From the start, from the limit where it is one of those searched, and from the best known by then."""
        self.descend(self.start)
        if self.limits is not None and self._searched(self.limits.plan):
            self.descend(self.limits.plan)
        self.descend(self.found().plan)

    def best(self, count: int) -> list[Judged]:
        """Those with the least breach, then cost, of all tried."""
        ranked = sorted(self.tried.values(), key=lambda each: (self.breach_of(each), each.cost(self.weight).value))
        return ranked[:count]

    def found(self) -> Judged:
        return self.best(1)[0]

    def descend(self, plan: Plan) -> None:
        """Takes each move that is better, until none is or MOST_TRIED is reached."""
        best = self._judged(plan)
        for step in STEPS:
            moved = True
            while moved:
                moved = False
                for candidate in self._moves(best.plan, step):
                    if len(self.tried) >= self.room:
                        return
                    judged = self._judged(candidate)
                    if self._better(judged, best):
                        best, moved = judged, True
                        break

    def _moves(self, plan: Plan, step: int) -> Iterator[Plan]:
        """Numbers move from one slot to another: bookable ones, walk-in ones, or some of each against each other;
        then the other orders."""
        for source in self.open:
            for target in self.open:
                if source == target:
                    continue
                for booked, walk_in in ((step, 0), (0, step), (step, -step)):
                    split = _moved(plan.bookable, source, target, booked), _moved(plan.walk_in, source, target, walk_in)
                    if self._allowed(*split):
                        yield ordered(policies.plan(plan.slots, *split), order_of(plan))
        for order in self.orders:
            if order != order_of(plan):
                yield ordered(plan, order)

    def _allowed(self, bookable: Sequence[int], walk_in: Sequence[int]) -> bool:
        """Never negative, never under what is booked, locked slots as they are."""
        return all(
            pair == lock if lock is not None else pair[0] >= held and pair[1] >= 0
            for pair, held, lock in zip(zip(bookable, walk_in, strict=True), self.held, self.locked, strict=True)
        )

    def _searched(self, plan: Plan) -> bool:
        """Whether a plan shares out the same numbers in the same slots, in an order that may be chosen."""
        return (
            (plan.slots, sum(plan.bookable), sum(plan.walk_in))
            == (self.start.slots, sum(self.start.bookable), sum(self.start.walk_in))
            and order_of(plan) in self.orders
            and self._allowed(plan.bookable, plan.walk_in)
        )

    def _better(self, one: Judged, other: Judged) -> bool:
        """Beyond doubt. A step may lead past a limit by a little: beside a wall that trembles nothing else moves."""
        saved = one.cost(self.weight) - other.cost(self.weight)
        more = PENALTY * (self.breach_of(one) - self.breach_of(other))
        return saved.value + saved.margin + more < 0

    def breach_of(self, judged: Judged) -> float:
        return breach(judged, self.limit, booked=self.booked, ceiling=self.ceiling, tolerance=TOLERANCE / 2)

    def _judged(self, plan: Plan) -> Judged:
        key = _split(plan)
        if key not in self.tried:
            self.tried[key] = judge(self.scenario, plan, self.drawn)
            if self.progress is not None:
                self.progress(len(self.tried), MOST_TRIED)
        return self.tried[key]


def _moved(numbers: tuple[int, ...], source: int, target: int, count: int) -> tuple[int, ...]:
    moved = list(numbers)
    moved[source] -= count
    moved[target] += count
    return tuple(moved)
