"""When a booked patient should set out (R5.3): in time for nine of ten, without a long wait. Pure."""

# Of ten journeys one takes longer than so many times the usual minutes; stated, not measured.
WAY_SPREAD = 1.3
# Where nobody has been asked for the way, the time to be there is told and nothing is said of setting out.
AT_DOOR = 5.0  # minutes from the door to having checked in
BE_EARLY = 10.0  # minutes before the slot, while nobody can know the day's queue
BEFORE_END = 10.0  # minutes before the end of the slot: later is late (R4.7)


def be_there(*, now: float, slot_start: float, slot_end: float, turn: tuple[float, float]) -> float:
    """The time to have checked in, on the clock of the arguments (minutes).

    turn   median and 90th percentile of the minutes from now until who checks in now would be called

    Not before the slot starts; not before one's turn can come (the 10th percentile, as far below the median as the 90th
    is above it on the logarithmic scale); and before the slot ends, since who comes later is late.
    """
    median, p90 = turn
    soonest = now + (median**2 / p90 if p90 > 0 else 0.0)
    return max(now, min(max(slot_start, soonest), slot_end - BEFORE_END))


def set_out(there: float, way_minutes: float) -> float:
    """When to leave so that nine of ten have checked in by then: the way with its spread, and the door."""
    return there - AT_DOOR - WAY_SPREAD * way_minutes
