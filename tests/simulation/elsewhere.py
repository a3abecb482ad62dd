"""Our mornings in Ciw and in SimPy: one expert who starts late, classes of patients, each first come first served.

Classes are (slot, booked) in the order of `booked_first`. Who gets which slot's number is read from our own outcome:
it depends on the registrations alone. Neither knows the rules for who was passed or missed a call (R4.6 to R4.8).
Times are seconds from the opening of registration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import ciw
import simpy

from queueboard.simulation import events
from queueboard.simulation.scenario import NEVER, Outcome, Patients, Scenario

FOREVER = 10.0**6


@dataclass(frozen=True)
class Line:
    """The patients of one class in the order in which they come: columns, arrivals, visit lengths."""

    columns: list[int]
    arrivals: list[int]
    lengths: list[float]


def lines(scenario: Scenario, patients: Patients, outcome: Outcome, row: int) -> list[Line]:
    """Everybody who got a ticket that morning, by class, the first class first; no class without patients."""
    made = []
    for slot in range(len(scenario.slots)):
        for booked in (True, False):
            chosen = (outcome.slot[row] == slot) & (patients.booked == booked) & (outcome.arrived[row] < NEVER)
            columns = sorted(chosen.nonzero()[0].tolist(), key=lambda column: (outcome.arrived[row, column], column))
            arrivals = [int(outcome.arrived[row, column]) - scenario.opens for column in columns]
            made.append(Line(columns, arrivals, patients.length[row, columns].tolist()))
    return [line for line in made if line.columns]


def waits_by_column(found: Sequence[Line], waits: Iterator[Iterator[float]]) -> dict[int, float]:
    """Waits by class in the order of arrival, put to the columns of the patients."""
    by_line = zip(found, waits, strict=True)
    return {column: wait for line, own in by_line for column, wait in zip(line.columns, own, strict=True)}


# --- Ciw


class Visits(ciw.dists.Distribution):
    """The lengths of a class, one after the other, by the slot in which a visit begins."""

    def __init__(self, scenario: Scenario, lengths: Sequence[float]) -> None:
        self.scenario, self.lengths = scenario, iter(lengths)

    def sample(self, t=None, ind=None) -> int:
        return events.visit_seconds(self.scenario, next(self.lengths), int(t) + self.scenario.opens)


def ciw_network(arrivals: Sequence, visits: Sequence, starts: float) -> ciw.network.Network:
    """One expert from `starts` on; the distributions of each class, the first class first."""
    names = [f"{place:02d}" for place in range(len(arrivals))]
    return ciw.create_network(
        arrival_distributions={name: [each] for name, each in zip(names, arrivals, strict=True)},
        service_distributions={name: [each] for name, each in zip(names, visits, strict=True)},
        priority_classes={name: place for place, name in enumerate(names)},
        number_of_servers=[ciw.Schedule(numbers_of_servers=[0, 1], shift_end_dates=[starts, FOREVER])],
    )


def in_ciw(scenario: Scenario, found: Sequence[Line], delay: int) -> ciw.network.Network:
    """The morning of these patients."""
    arrivals = [
        ciw.dists.Sequential([float(b - a) for a, b in pairwise([0, *line.arrivals])] + [float("inf")])
        for line in found
    ]
    visits = [Visits(scenario, line.lengths) for line in found]
    return ciw_network(arrivals, visits, float(delay - scenario.opens))


def play_in_ciw(network: ciw.network.Network) -> ciw.Simulation:
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(FOREVER / 2)
    return simulation


def ciw_records(network: ciw.network.Network) -> list:
    """Plays it; one record a patient."""
    return play_in_ciw(network).get_all_records()


def ciw_waits(network: ciw.network.Network, classes: int) -> Iterator[Iterator[float]]:
    records = sorted(ciw_records(network), key=lambda record: record.id_number)
    for place in range(classes):
        yield (record.waiting_time for record in records if record.customer_class == f"{place:02d}")


# --- SimPy


def simpy_waits(scenario: Scenario, found: Sequence[Line], delay: int) -> list[list[float]]:
    """Plays the morning; waits by class."""
    world = simpy.Environment()
    expert = simpy.PriorityResource(world)
    waits = [[0.0] * len(line.columns) for line in found]

    def ward_round() -> Iterator:
        with expert.request(priority=-1) as turn:
            yield turn
            yield world.timeout(delay - scenario.opens)

    def patient(place: int, who: int, length: float, arrival: int) -> Iterator:
        yield world.timeout(arrival)
        with expert.request(priority=place) as turn:
            yield turn
            waits[place][who] = world.now - arrival
            yield world.timeout(events.visit_seconds(scenario, length, world.now + scenario.opens))

    world.process(ward_round())
    for place, line in enumerate(found):
        for who, (length, arrival) in enumerate(zip(line.lengths, line.arrivals, strict=True)):
            world.process(patient(place, who, length, arrival))
    world.run()
    return waits
