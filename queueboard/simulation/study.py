"""The study's morning (R7.1): what it prints, and what has to be assumed because it does not."""

from typing import Any

from queueboard.simulation.scenario import Scenario

HOUR = 3600

# One doctor's 143 kept appointments, 2016: 5% came 46 min early or more, half 8 min early or more, 23% late, 5% by 12
# min or more. Between these a line, and half of each tail beyond the outer two.
PUNCTUALITY = (-90.0, -46.0, -30.0, -22.0, -17.0, -14.0, -12.0, -10.5, -9.5, -8.7, -8.0, -7.0, -6.0, -4.5, -3.0, -1.0,
               1.0, 3.0, 6.0, 12.0, 40.0)  # fmt: skip
# The study: 21% came 30 to 120 min early, 28% were 30 to 120 min late.
STUDY_PUNCTUALITY = (-120.0, -75.0, -30.0, -22.0, -14.0, -6.0, 2.0, 30.0, 62.0, 90.0, 120.0)

PRINTED: dict[str, Any] = {
    "slots": tuple((hour * HOUR, (hour + 1) * HOUR) for hour in range(4)),  # 08:00-12:00, hourly
    "opens": -HOUR,  # 07:00
    "capacities": (2, 12, 10, 18),  # its table 2; the last slot takes the rest
    "bookings": 21,  # 212 in ten mornings
    "absent": 0.0,  # no no-shows
}

# Not printed: `numbers` and the later walk-ins make the mornings about as full as it tells, visits last 5 to 6 minutes,
# and the first hour's two visits say how late the expert starts.
ASSUMED: dict[str, Any] = {
    "numbers": 42,
    "walk_ins": (9.0, 6.0, 4.0, 2.0, 0.0),  # the first is the study's
    "visit_minutes": (5.5, 5.0, 6.0, 5.5),
    "visit_cv": 0.5,
    "start_delay": (48.0, 6.0),
    "punctuality": PUNCTUALITY,
}


def scenario(**assumptions: Any) -> Scenario:
    """The study's morning, with these fields of `Scenario` in place of what is printed or assumed."""
    return Scenario(**(PRINTED | ASSUMED | assumptions))


# Where a document says what each kind of figure rests on (see queueboard.own_past).
SOURCES = dict.fromkeys(("visits", "walk_ins", "start_delay", "absent", "punctuality", "missed"), "study")
