"""What a simulated morning is made of: the scenario, the draws, a policy's plan, and what came of it. Pure values.

Times are whole seconds from the session's planned start (negative before it), so that two engines can agree to the
last patient; ties happen, as they do at a window. NEVER stands for what does not happen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int32]
NEVER = np.int32(2**30)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A kind of morning: who comes, how long they take. Nothing in it depends on how the numbers are split.

    slots          (start, end) of each slot, one after the other; the first starts at 0
    opens          when registration opens (-3600: an hour before); it closes with the last slot
    numbers        N, what the session has to give out
    capacities     visits that fit in each slot (R2.3)
    walk_ins       expected walk-ins: before the start, then in each slot; they come as a Poisson stream
    bookings       patients who would like to book
    instead        share of those who find nothing to book and come as walk-ins
    visit_minutes  mean visit length of those that begin in each slot (what begins after the last counts to it)
    visit_cv       standard deviation / mean of a visit length (gamma distributed); 0: all the same
    start_delay    mean and standard deviation in minutes of the expert's late start (ward rounds; gamma distributed)
    absent         share of booked patients who never come
    punctuality    check-in minutes from the appointed time, as the quantiles at 0, 1/n .. 1, between them a line
    missed         share of patients who miss their first call
    never_back     share of those who then never report back
    back_minutes   mean of the time after which the others do (exponential)
    call_seconds   what a missed call costs the expert
    grace          seconds after the end of a slot in which a check-in is still in time (R4.7)
    """

    slots: tuple[Span, ...]
    opens: int = -3600
    numbers: int
    capacities: tuple[int, ...]
    walk_ins: tuple[float, ...]
    bookings: int
    instead: float = 0.0
    visit_minutes: tuple[float, ...]
    visit_cv: float = 0.5
    start_delay: tuple[float, float] = (0.0, 0.0)
    absent: float = 0.0
    punctuality: tuple[float, ...] = (0.0, 0.0)
    missed: float = 0.0
    never_back: float = 0.0
    back_minutes: float = 10.0
    call_seconds: int = 60
    grace: int = 0

    @property
    def ends(self) -> int:
        return self.slots[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mornings:
    """B mornings drawn from a scenario, the same whatever the policy: common random numbers.

    The j-th walk-in and the k-th who would like to book are the same person under every policy.

    walk_in_at        (B, W) registration, rising, NEVER where fewer came
    walk_in_length    (B, W) visit length as a multiple of the mean
    walk_in_back      (B, W) -1: answers the first call; else seconds from the missed call to reporting back, or NEVER
    booked_offset     (B, K) check-in from the appointed time; NEVER: a no-show
    booked_instead    (B, K) when they come as a walk-in if they find nothing to book; NEVER: they stay away
    booked_length, booked_back  (B, K) as for walk-ins
    delay             (B,) the expert's late start
    """

    walk_in_at: Seconds
    walk_in_length: NDArray[np.float64]
    walk_in_back: Seconds
    booked_offset: Seconds
    booked_instead: Seconds
    booked_length: NDArray[np.float64]
    booked_back: Seconds
    delay: Seconds


@dataclass(frozen=True, slots=True)
class Order:
    """The settings of the queue's order that can be searched too, as in `Plan`."""

    booked_first: bool = False
    early: int = 1800
    missed_behind: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a policy decides: how the numbers are cut into slots and split, and the order in the queue.

    `slots` are those of the queue, not always the scenario's: with the time fixed when booking each number is a slot of
    its own, with the place fixed at check-in alone all numbers are in one. `appointed` is when each bookable number's
    patient is told to come, slot by slot in the order of booking (a slot's start, unless times are fixed).
    `early`: seconds before the slot from which a check-in counts (R4.2). `missed_behind`: R4.8.
    """

    slots: tuple[Span, ...]
    bookable: tuple[int, ...]
    walk_in: tuple[int, ...]
    appointed: tuple[int, ...]
    booked_first: bool = False
    early: int = 1800
    missed_behind: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patients:
    """Everybody who may turn up in B mornings under one plan, one column a patient: booked ones first, in the order of
    their numbers, then those who found nothing to book, then the walk-ins.

    booked  (P,) whether the column is a booked patient
    slot    (P,) slot of the appointment; -1 for walk-ins, who get theirs when they register
    at      (B, P) check-in or registration; NEVER: does not come
    length  (B, P) visit length as a multiple of the mean
    back    (B, P) as in Mornings
    delay   (B,) the expert's late start
    """

    booked: NDArray[np.bool_]
    slot: Seconds
    at: Seconds
    length: NDArray[np.float64]
    back: Seconds
    delay: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it: one row a morning, one column a patient (the columns of `Patients`). NEVER: did not happen.

    slot      the ticket's slot; -1: none (did not come, came too late, or refused)
    arrived   check-in or registration of those who got a ticket
    refused   a walk-in for whom no number was left
    called    the first call
    started   start of the visit
    finished  its end
    late, passed  as decided at check-in (R4.6, R4.7)
    missed    missed the first call
    """

    slot: Seconds
    arrived: Seconds
    refused: NDArray[np.bool_]
    called: Seconds
    started: Seconds
    finished: Seconds
    late: NDArray[np.bool_]
    passed: NDArray[np.bool_]
    missed: NDArray[np.bool_]
