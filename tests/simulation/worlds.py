"""Random scenarios, plans and patients for the engines, small and full of ties."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from queueboard.simulation.scenario import NEVER, Patients, Plan, Scenario

MINUTE = 60


@st.composite
def worlds(draw) -> tuple[Scenario, Plan, Patients]:
    """A scenario, a plan with slots of its own, and who comes: a few mornings of up to a dozen patients, at instants
    that are often the same."""
    edges = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=4)))
    slots = tuple((10 * MINUTE * a, 10 * MINUTE * b) for a, b in pairwise([0, *edges]))
    count = len(slots)
    small = st.integers(0, 3)
    bookable = tuple(draw(st.lists(small, min_size=count, max_size=count)))
    walk_in = tuple(draw(st.lists(small, min_size=count, max_size=count)))
    minutes = st.sampled_from([0.0, 1.0, 3.0, 7.5, 30.0])
    scenario = Scenario(
        slots=slots,
        opens=-10 * MINUTE,
        numbers=sum(bookable) + sum(walk_in),
        capacities=(1,) * count,
        walk_ins=(1.0,) * (count + 1),
        bookings=sum(bookable),
        visit_minutes=tuple(draw(st.lists(minutes, min_size=count, max_size=count))),
        call_seconds=draw(st.sampled_from([0, 30, 60])),
        grace=draw(st.sampled_from([0, 5 * MINUTE])),
    )
    plan = Plan(
        slots=slots,
        bookable=bookable,
        walk_in=walk_in,
        appointed=tuple(start for (start, _), n in zip(slots, bookable, strict=True) for _ in range(n)),
        booked_first=draw(st.booleans()),
        early=draw(st.sampled_from([0, 10 * MINUTE, 30 * MINUTE])),
        missed_behind=draw(st.integers(0, 3)),
    )
    own = [slot for slot, n in enumerate(bookable) for _ in range(n)]
    own = own[: draw(st.integers(0, len(own)))]
    columns = len(own) + draw(st.integers(0, 8))
    mornings = draw(st.integers(1, 3))
    last = slots[-1][1] // MINUTE

    def table(values, kind):
        cells = draw(st.lists(values, min_size=mornings * columns, max_size=mornings * columns))
        return np.array(cells, dtype=kind).reshape(mornings, columns)

    instants = st.integers(-2, last // 5 + 2).map(lambda n: 5 * MINUTE * n) | st.just(int(NEVER))
    back = st.sampled_from([-1, -1, 0, 4 * MINUTE, 20 * MINUTE, int(NEVER)])
    delay = st.sampled_from([0, 5 * MINUTE, 25 * MINUTE])
    return (
        scenario,
        plan,
        Patients(
            booked=np.arange(columns) < len(own),
            slot=np.array(own + [-1] * (columns - len(own)), dtype=np.int32),
            at=table(instants, np.int32),
            length=table(st.sampled_from([0.0, 0.5, 1.0, 1.7]), np.float64),
            back=table(back, np.int32),
            delay=np.array(draw(st.lists(delay, min_size=mornings, max_size=mornings)), dtype=np.int32),
        ),
    )
