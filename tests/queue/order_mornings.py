"""Random mornings: check-ins, calls, misses, returns and the rest happen to a queue one after the other.

The tickets are made here as the rules say they are to be, so that every one that a test sees is one that can be.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from queueboard.rules import Policy, Priority, State, Ticket, behind_after_miss, calls_made, is_late, is_passed, order
from tests.queue.order_cases import LAST_SLOT, at

S = State
SLOT = timedelta(hours=1)
OPENS, BEGINS, GRACE = at("07:00"), at("08:00"), timedelta(0)

# What can happen, the frequent more often. `pick` of an event chooses among those it can happen to.
KINDS = [
    *("check_in",) * 4,
    *("register",) * 4,
    *("next",) * 6,
    *("miss",) * 3,
    *("put_back",) * 3,
    *("send_for_test",) * 2,
    *("return_visit",) * 3,
    *("call_chosen", "leave", "emergency", "priority", "no_priority", "handed_in", "start", "finish", "undo"),
]
events = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 30), st.integers(0, 12).map(lambda m: timedelta(minutes=m))),
    min_size=20,
    max_size=80,
)
policies = st.builds(
    Policy,
    booked_first=st.booleans(),
    early=st.sampled_from([timedelta(0), timedelta(minutes=30)]),
    missed_behind=st.integers(0, 4),
    return_every=st.integers(0, 3),
    last_slot=st.just(LAST_SLOT),
)


@dataclass
class Morning:
    policy: Policy
    now: datetime = OPENS
    tickets: dict[int, Ticket] = field(default_factory=dict)
    before_last: dict[int, Ticket] | None = None  # for an undo
    number: int = 0

    def happen(self, kind: str, pick: int, after: timedelta) -> bool:
        """Let it happen, if there is anybody to whom it can."""
        self.now += after
        before = dict(self.tickets)
        if not getattr(self, kind)(pick):
            return False
        self.before_last = None if kind == "undo" else before
        return True

    def all(self) -> list[Ticket]:
        return list(self.tickets.values())

    def line(self) -> list[Ticket]:
        return order(self.all(), self.policy)

    def check_in(self, pick):
        return self._new(pick % (LAST_SLOT + 1), booked=True, arrived=self.now)

    def register(self, pick):
        """The earliest slot that has a number left: chance decides which of those not ended that is."""
        this_slot = min(max((self.now - BEGINS) // SLOT, 0), LAST_SLOT)
        return self._new(min(this_slot + pick % 3, LAST_SLOT), booked=False, arrived=self.now)

    def handed_in(self, pick):
        waited = min(timedelta(minutes=3 * pick), self.now - OPENS)
        return self._new(pick % (LAST_SLOT + 1), booked=pick % 2 == 0, arrived=self.now - waited)

    def _new(self, slot, *, booked, arrived):
        begins = BEGINS + slot * SLOT
        late = booked and is_late(arrived, begins + SLOT, GRACE)
        passed = booked and is_passed(slot, self.all())
        self.number += 1
        self.tickets[self.number] = Ticket(
            number=self.number, slot=slot, slot_start=begins, booked=booked, arrived=arrived, late=late, passed=passed
        )
        return True

    def next(self, _pick):
        """R4.4: finishes who is in service and calls the first."""
        line = self.line()
        return bool(line) and self._call(line[0])

    def call_chosen(self, pick):
        return self._to_one(pick, {S.WAITING, S.MISSED}, self._call)

    def _call(self, ticket):
        for other in self.all():
            if other.state in {S.CALLED, S.SERVING}:
                self.tickets[other.number] = replace(other, state=S.DONE)
        return self._set(
            ticket,
            state=S.CALLED,
            called_no=calls_made(self.all()) + 1,
            return_call=ticket.returned is not None,
        )

    def start(self, pick):
        return self._to_one(pick, {S.CALLED}, lambda t: self._set(t, state=S.SERVING))

    def finish(self, pick):
        return self._to_one(pick, {S.CALLED, S.SERVING}, lambda t: self._set(t, state=S.DONE))

    def miss(self, pick):
        return self._to_one(pick, {S.CALLED}, lambda t: self._set(t, state=S.MISSED, misses=t.misses + 1))

    def send_for_test(self, pick):
        return self._to_one(pick, {S.CALLED, S.SERVING}, lambda t: self._set(t, state=S.AWAY))

    def leave(self, pick):
        return self._to_one(pick, {S.WAITING, S.MISSED, S.AWAY}, lambda t: self._set(t, state=S.LEFT))

    def put_back(self, pick):
        behind = behind_after_miss(self.all(), self.policy)
        back = {"state": S.WAITING, "turned_up": self.now, "behind": behind}
        return self._to_one(pick, {S.MISSED}, lambda t: self._set(t, **back))

    def return_visit(self, pick):
        back = {"state": S.WAITING, "returned": self.now, "returned_after": calls_made(self.all())}
        return self._to_one(pick, {S.AWAY, S.DONE}, lambda t: self._set(t, **back))

    def emergency(self, pick):
        return self._to_one(pick, {S.WAITING}, lambda t: self._set(t, priority=Priority.EMERGENCY))

    def priority(self, pick):
        return self._to_one(pick, {S.WAITING}, lambda t: self._set(t, priority=Priority.PRIORITY))

    def no_priority(self, pick):
        return self._to_one(pick, {S.WAITING}, lambda t: self._set(t, priority=Priority.NONE))

    def undo(self, _pick):
        """R4.10: the last step only, as nothing has followed from it."""
        if self.before_last is None:
            return False
        self.tickets = self.before_last
        return True

    def _to_one(self, pick, states, step):
        candidates = [ticket for ticket in self.all() if ticket.state in states]
        return bool(candidates) and step(candidates[pick % len(candidates)])

    def _set(self, ticket, **changes):
        self.tickets[ticket.number] = replace(ticket, **changes)
        return True


def lived(policy: Policy, happenings) -> Morning:
    """The morning after all that happened."""
    morning = Morning(policy)
    for event in happenings:
        morning.happen(*event)
    return morning
