"""What every step of R2 refuses: values that are no number of a morning, with a code."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Nothing in a morning is larger; sums and quotients of what is below it stay finite.
LARGEST = 1e12


class QuotaError(ValueError):
    """Input from which no quota can be computed. `code` is for programs, the message for logs.

    Codes: `no_history`, `bad_history`, `bad_interval`, `bad_setting`, `bad_visits`, `bad_numbers`, `lengths_differ`,
    `no_slots`, `too_few_numbers`, `all_locked`, `locked_under_booked`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


# --- Checks shared by all steps


def snap(value: float) -> float:
    """Drop the dust of binary fractions, so that 0.1 + 0.2 walk-ins count as 0.3 and 7.0000000001 needs 7 numbers."""
    return round(value, 9)


def whole(value: Any, what: str, code: str) -> int:
    try:
        number = int(value)
        exact = number == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or not 0 <= number <= LARGEST:
        raise QuotaError(f"{what} must be a whole number from 0 to {LARGEST:.0e}, not {value!r}", code)
    return number


def amount(value: Any, what: str, code: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= LARGEST:
        raise QuotaError(f"{what} must be a number from 0 to {LARGEST:.0e}, not {value!r}", code)
    return number


def amounts(values: Iterable[Any], what: str, code: str) -> NDArray[np.float64]:
    """Each as by `amount`, all at once where they are an array of numbers already."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        return np.array([amount(value, what, code) for value in values])
    bad = values[~((values >= 0) & (values <= LARGEST))]
    if bad.size:
        amount(bad[0], what, code)
    return values.astype(np.float64)


def one_per_slot(slots: int, **columns: Sequence[object]) -> None:
    if slots == 0:
        raise QuotaError("a session has at least one slot", "no_slots")
    for name, column in columns.items():
        if len(column) != slots:
            raise QuotaError(f"{name}: {len(column)} entries for {slots} slots", "lengths_differ")
