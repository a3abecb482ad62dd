"""What is known of an expert before the session begins (R5.2). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from queueboard.waiting.coming import Habits
from queueboard.waiting.lengths import Lengths


@dataclass(frozen=True, slots=True)
class Known:
    """`late_starts`: minutes from the planned start to the first visit, of each past session of the same half-day."""

    lengths: Lengths
    habits: Habits
    late_starts: tuple[float, ...]


def still_late(late_starts: Sequence[float], since_start: float) -> tuple[float, float]:
    """Mean and standard deviation of how much later an expert who has not come yet still comes.

    From the past sessions in which it was later than this; where there was none, the expert may come at once.
    `since_start`: minutes since the planned start, negative before it.
    """
    left = [late - max(0.0, since_start) for late in late_starts if late > since_start]
    return (float(np.mean(left)), float(np.std(left))) if left else (0.0, 0.0)
