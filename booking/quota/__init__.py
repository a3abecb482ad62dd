"""R2: how many of a slot's numbers can be booked, and how many are kept for walk-ins.

Pure functions of values (no database, no clock, no settings), a file for each step: `sampled` is the study's estimate
of how fast walk-ins arrive (R2.1), `capacities` how many visits fit in a slot (R2.3), `split` cuts each slot's numbers
between the two and says why (R2.4). Ours (R2.2) foretells walk-ins in `arrivals` and visit lengths in `lengths`, with
how much of the past to use in `recency` and the distribution of counts in `negative_binomial`.
"""

from .arrivals import (
    ArrivalForecast,
    ArrivalPrior,
    Arrivals,
    RollingArrivals,
    department_prior,
    forecast_arrivals,
    rolling_arrivals,
    stated_prior,
)
from .capacities import CapacityReason, SlotCapacity, capacity
from .errors import QuotaError
from .lengths import (
    LengthForecast,
    LengthPrior,
    RollingLengths,
    Visits,
    department_length_prior,
    forecast_lengths,
    rolling_lengths,
    stated_length_prior,
)
from .recency import Score
from .sampled import Counts, minute_counts, rate_of_frequencies, sample_frequencies, sampled_rate
from .split import SlotPlan, allocate, plan

__all__ = [
    "ArrivalForecast",
    "ArrivalPrior",
    "Arrivals",
    "CapacityReason",
    "Counts",
    "LengthForecast",
    "LengthPrior",
    "QuotaError",
    "RollingArrivals",
    "RollingLengths",
    "Score",
    "SlotCapacity",
    "SlotPlan",
    "Visits",
    "allocate",
    "capacity",
    "department_length_prior",
    "department_prior",
    "forecast_arrivals",
    "forecast_lengths",
    "minute_counts",
    "plan",
    "rate_of_frequencies",
    "rolling_arrivals",
    "rolling_lengths",
    "sample_frequencies",
    "sampled_rate",
    "stated_length_prior",
    "stated_prior",
]
