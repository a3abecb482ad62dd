"""What a screen shows of a wait stays where it is until there is a reason (R5.2). Pure.

A wait is shown as a time of day. It is computed anew at every event and once a minute, and each time comes out a
little different. What was shown stays while the new figure is within a margin of it, a third of the range's width and
at least a minute, and moves all the way once it is not. So figures that tremble within the margin never move what is
shown, and figures that drift move it in steps. A time that has passed is never kept.
"""

from collections.abc import Mapping, Sequence

Times = tuple[float, float]  # median and 90th percentile, minutes on any one clock

SHARE = 1 / 3
AT_LEAST = 1.0  # minutes


def held(new: Times, shown: Times | None, now: float) -> Times:
    """What to show now, from the newly computed times and those shown last (None: none yet), on the same clock."""
    if shown is None:
        return new
    margin = max(AT_LEAST, SHARE * (new[1] - new[0]))
    median, p90 = (
        old if old >= now and abs(fresh - old) <= margin else fresh for fresh, old in zip(new, shown, strict=True)
    )
    return median, max(median, p90)


def held_in_line(names: Sequence[str], new: Sequence[Times], shown: Mapping[str, Times], now: float) -> list[Times]:
    """The same for a whole queue in its order: nobody is shown an earlier time than who is called before them."""
    line: list[Times] = []
    last = (now, now)
    for name, fresh in zip(names, new, strict=True):
        median, p90 = held(fresh, shown.get(name), now)
        last = (max(last[0], median), max(last[1], p90))
        line.append(last)
    return line
