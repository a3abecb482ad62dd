"""R2: how many of a slot's numbers can be booked, and how many are kept for walk-ins.

Pure functions of values (no database, no clock, no settings), a file for each step: `sampled` is the study's estimate
of how fast walk-ins arrive (R2.1), `capacities` how many visits fit in a slot (R2.3), `split` cuts each slot's numbers
between the two and says why (R2.4).
"""

from .capacities import CapacityReason, SlotCapacity, capacity
from .errors import QuotaError
from .sampled import Counts, minute_counts, rate_of_frequencies, sample_frequencies, sampled_rate
from .split import SlotPlan, allocate, plan

__all__ = [
    "CapacityReason",
    "Counts",
    "QuotaError",
    "SlotCapacity",
    "SlotPlan",
    "allocate",
    "capacity",
    "minute_counts",
    "plan",
    "rate_of_frequencies",
    "sample_frequencies",
    "sampled_rate",
]
