"""What the simulator says of a split that a manager thinks about, beside the present one and the study's (R2.5, R7).

The morning is the session as it will be (queueboard.own_past); the order is the department's. All splits see the same
mornings, so that a small difference shows after a few hundred of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from booking import quota
from booking.models import Session, Slot
from queueboard import own_past
from queueboard.simulation.policies import Policy
from queueboard.simulation.scenario import Plan, Scenario

if TYPE_CHECKING:
    from queueboard.simulation.report import Figure, Report

MORNINGS = 400
SEED = 1

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Reports by split (`now`, `study` where one is possible, `typed` where one was), and where the morning comes from
    (see own_past)."""

    reports: "dict[str, Report]"
    sources: dict[str, str]

    def change(self, figure: str) -> "Figure":
        """How much more the typed split has of it than the present one, morning by morning."""
        return self.reports["typed"].figures[figure] - self.reports["now"].figures[figure]


def ask(session: Session, slots: Sequence[Slot], typed: Sequence[int] | None) -> Answer:
    """Plays MORNINGS of the session under each split. `typed`: bookable numbers of each of `slots` (its slots, in
    order), at most what the slot has. Raises BookingError `quota_no_slots`."""
    # Compiled code: it takes a moment to load, and no other page needs it.
    from queueboard.simulation.report import simulate

    own = own_past.of_session(session)
    splits: dict[str, Pairs] = {"now": [(slot.bookable, slot.walk_in) for slot in slots]}
    if typed is not None:
        both = zip(slots, typed, strict=True)
        splits["typed"] = [(bookable, slot.numbers - bookable) for slot, bookable in both]
    by_study = studys(own.scenario, slots)
    if by_study is not None:
        splits["study"] = by_study
    reports = simulate(own.scenario, _policies(session, splits), count=MORNINGS, seed=SEED)
    return Answer(reports=reports, sources=own.sources)


def studys(scenario: Scenario, slots: Sequence[Slot]) -> Pairs | None:
    """The study's split (R2.4) as if nothing were locked; None where more is booked than the session has."""
    before_start, *walk_ins = scenario.walk_ins
    booked = [slot.booked + slot.withheld for slot in slots]
    try:
        return quota.allocate(scenario.capacities, walk_ins, before_start, scenario.numbers, booked=booked)
    except quota.QuotaError:
        return None


def _policies(session: Session, splits: Mapping[str, Pairs]) -> dict[str, Policy]:
    rules = session.department

    def of(pairs: Pairs) -> Policy:
        def plan(scenario: Scenario) -> Plan:
            spans = zip(scenario.slots, pairs, strict=True)
            return Plan(
                slots=scenario.slots,
                bookable=tuple(bookable for bookable, _ in pairs),
                walk_in=tuple(walk_in for _, walk_in in pairs),
                appointed=tuple(start for (start, _), (bookable, _) in spans for _ in range(bookable)),
                booked_first=rules.booked_first,
                early=60 * rules.early_minutes,
                missed_behind=rules.missed_behind,
            )

        return plan

    return {name: of(pairs) for name, pairs in splits.items()}
