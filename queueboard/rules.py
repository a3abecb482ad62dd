"""The order of a queue and the steps of a ticket (RULES.md, R4). Pure: no ORM, no clock, no settings.

`order` is the one place that says who comes next. It steps call by call, as the session will: who is due after three
calls, or after every second one, stands where those calls will put them. Calling the first of the list therefore
leaves the others in exactly the order they were shown in. What depends on the moment is decided once, by `is_late`,
`is_passed` and `behind_after_miss`, and stored on the ticket (R4.11). `overtakers` names what made a position worse
(R4.12).
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a ticket stands in its life. Only WAITING is in the order."""

    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    MISSED = "missed"  # called, and not there
    AWAY = "away"  # sent for a test, to come back as a return visit
    DONE = "done"
    LEFT = "left"  # gave up, or cancelled after check-in
    HANDED_OVER = "handed_over"  # goes on as a ticket of another session
    NOT_SEEN = "not_seen"  # was there when the session closed (R1.4)


class Priority(StrEnum):
    """What the order needs of R4.9. Which line of the hospital's list it was is in the log, not here."""

    NONE = ""
    PRIORITY = "priority"  # first within the own slot
    EMERGENCY = "emergency"  # first of all


class Place(StrEnum):
    """Why a waiting ticket stands where it stands: the word that the desk shows beside it."""

    EMERGENCY = "emergency"
    ON_TIME_PASSED = "on_time_passed"  # R4.6
    BACK = "back"  # R4.8, after a first miss
    RETURN_VISIT = "return_visit"
    PRIORITY = "priority"  # from here on in the own slot
    WALK_IN = "walk_in"
    EARLY = "early"  # booked, and counted as if checked in `Policy.early` before the slot
    LATE = "late"  # R4.7, late but not passed
    SLOT = "slot"  # booked, in time
    LATE_PASSED = "late_passed"  # R4.7, at the end of the last slot
    MISSED_TWICE = "missed_twice"  # R4.8, at the end of the last slot


TURNED_UP = frozenset({Place.ON_TIME_PASSED, Place.BACK})
TAIL = frozenset({Place.LATE_PASSED, Place.MISSED_TWICE})
AHEAD_OF_SLOTS = TURNED_UP | {Place.EMERGENCY, Place.RETURN_VISIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket as the order sees it. Datetimes are aware. Calls are numbered through the session from 1; a recall is
    the same call, a missed call counts.

    number          ticket number, unique in the session, issued in order
    slot            index of the ticket's slot, 0 first
    slot_start      start of that slot
    booked          booked ahead; else a walk-in
    arrived         check-in (booked) or registration (walk-in)
    state           see `State`
    late            first check-in was after the end of the slot plus the grace: `is_late`, decided then
    passed          a ticket of a later slot had been called before this check-in: `is_passed`, decided then
    misses          missed calls so far, those of a return visit included
    turned_up       when a missed patient last reported back; None before that
    behind          a walk-in back after a first miss is due once this many calls have been made: `behind_after_miss`,
                    decided on reporting back; of no meaning for others
    returned        when last back with a result; None on a first visit
    returned_after  calls made in the session at that moment: `calls_made`
    priority        see `Priority`
    called_no       number of this ticket's last call; 0 means never called
    return_call     `returned` was set when that call was made. Left as it is when the patient comes back another time:
                    the interval of return visits still runs from that call
    """

    number: int
    slot: int
    slot_start: datetime
    booked: bool
    arrived: datetime
    state: State = State.WAITING
    late: bool = False
    passed: bool = False
    misses: int = 0
    turned_up: datetime | None = None
    behind: int = 0
    returned: datetime | None = None
    returned_after: int = 0
    priority: Priority = Priority.NONE
    called_no: int = 0
    return_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that the order depends on.

    booked_first   within a slot, booked before walk-ins (the study's simulation), not first come, first served (R4.2)
    early          a booked patient checking in longer than this before the slot counts as having come then (R4.2)
    missed_behind  so many waiting go before a walk-in who is back after a first miss (R4.8)
    return_every   so many others are called between return visits (R4.9)
    last_slot      index of the session's last slot, at whose end R4.7 and R4.8 put people
    """

    booked_first: bool = False
    early: timedelta = timedelta(minutes=30)
    missed_behind: int = 3
    return_every: int = 2
    last_slot: int


# --- the order


def order(tickets: Iterable[Ticket], policy: Policy) -> list[Ticket]:
    """Those still to be seen (WAITING), in the order in which they are called if nothing else happens (R4.2-R4.9).

    `tickets` are all of the session's, in any order: intervals run from calls already made. Each call takes the first
    of: an emergency; who turned up again and is due; a return visit that is due; the slots in order, at the end of the
    last one those of R4.7 and R4.8. Where only people are left who are not due, they are called all the same, the
    turned-up before the return visits: an expert is never idle while someone waits (R4.3).

    Raises ValueError for a number that comes twice, and for a slot that the session does not have.
    """
    tickets = list(tickets)
    _refuse_nonsense(tickets, policy)
    waiting = [(ticket, place(ticket, policy)) for ticket in tickets if ticket.state == State.WAITING]
    emergencies = _queue((t for t, at in waiting if at is Place.EMERGENCY), lambda t: t.arrived)
    turned_up = _queue((t for t, at in waiting if at in TURNED_UP), turned_up_at)
    returns = _queue((t for t, at in waiting if at is Place.RETURN_VISIT), lambda t: t.returned)
    in_slots = sorted((_slot_key(t, at, policy), t) for t, at in waiting if at not in AHEAD_OF_SLOTS)
    slots = deque(ticket for _, ticket in in_slots)

    line: list[Ticket] = []
    calls = calls_made(tickets)
    last_return = max((ticket.called_no for ticket in tickets if ticket.return_call), default=0)
    while len(line) < len(waiting):
        back = next((ticket for ticket in turned_up if ticket.booked or ticket.behind <= calls), None)
        if emergencies:
            chosen = emergencies.popleft()
        elif back is not None:
            turned_up.remove(back)
            chosen = back
        elif returns and calls - max(last_return, returns[0].returned_after) >= policy.return_every:
            chosen = returns.popleft()
        else:
            chosen = next(queue for queue in (slots, turned_up, returns) if queue).popleft()
        line.append(chosen)
        calls += 1
        if chosen.returned is not None:
            last_return = calls
    return line


def place(ticket: Ticket, policy: Policy) -> Place:
    """Why the ticket stands where it stands while it waits, from the ticket alone: the first word that fits (R4.8b)."""
    missed_since_return = ticket.called_no > ticket.returned_after
    if ticket.priority == Priority.EMERGENCY:
        return Place.EMERGENCY
    if ticket.returned is not None and not missed_since_return:
        return Place.RETURN_VISIT
    if ticket.misses:
        return Place.BACK if ticket.misses == 1 else Place.MISSED_TWICE
    if ticket.booked and ticket.passed:
        return Place.LATE_PASSED if ticket.late else Place.ON_TIME_PASSED
    if ticket.priority == Priority.PRIORITY:
        return Place.PRIORITY
    if not ticket.booked:
        return Place.WALK_IN
    if ticket.late:
        return Place.LATE
    return Place.EARLY if ticket.arrived < ticket.slot_start - policy.early else Place.SLOT


def turned_up_at(ticket: Ticket) -> datetime:
    """When a patient of R4.6, R4.7 or R4.8 turned up: reported back after a miss, else checked in."""
    return ticket.turned_up or ticket.arrived


def _queue(tickets: Iterable[Ticket], since: Callable[[Ticket], datetime | None]) -> deque[Ticket]:
    return deque(sorted(tickets, key=lambda ticket: (since(ticket) or ticket.arrived, ticket.number)))


def _slot_key(ticket: Ticket, at: Place, policy: Policy) -> tuple[int, bool, bool, bool, datetime, datetime, int]:
    if at in TAIL:
        return policy.last_slot, True, False, False, turned_up_at(ticket), ticket.arrived, ticket.number
    behind_booked = policy.booked_first and not ticket.booked
    counts_from = counted_arrival(ticket, policy)
    return ticket.slot, False, at is not Place.PRIORITY, behind_booked, counts_from, ticket.arrived, ticket.number


def counted_arrival(ticket: Ticket, policy: Policy) -> datetime:
    """R4.2: checking in long before one's slot counts as `Policy.early` before it; a registration counts as it is."""
    return max(ticket.arrived, ticket.slot_start - policy.early) if ticket.booked else ticket.arrived


def _refuse_nonsense(tickets: Sequence[Ticket], policy: Policy) -> None:
    if len({ticket.number for ticket in tickets}) < len(tickets):
        raise ValueError("a ticket number comes twice")
    if any(not 0 <= ticket.slot <= policy.last_slot for ticket in tickets):
        raise ValueError(f"a ticket's slot is not one of the session's, 0 to {policy.last_slot}")


# --- what is decided once, when it happens


def calls_made(tickets: Iterable[Ticket]) -> int:
    """Calls made in the session so far; the next call's `called_no` is one more."""
    return max((ticket.called_no for ticket in tickets), default=0)


def is_late(now: datetime, slot_end: datetime, grace: timedelta) -> bool:
    """Whether a first check-in now is late: after the end of the slot plus the grace (the very end is in time)."""
    return now > slot_end + grace


def is_passed(slot: int, tickets: Iterable[Ticket]) -> bool:
    """Whether a ticket of a later slot than this one has been called already; `tickets` are all of the session's."""
    return any(ticket.slot > slot and ticket.called_no > 0 for ticket in tickets)


def behind_after_miss(tickets: Iterable[Ticket], policy: Policy) -> int:
    """R4.8: after which call a walk-in who now reports back from a first miss is due, to be stored as `behind`.

    `tickets` are all of the session's, with the one that reports back not WAITING yet. Never before a walk-in who
    reported back earlier, even where some of those that the other was put behind have left since.
    """
    tickets = list(tickets)
    waiting = [ticket for ticket in tickets if ticket.state == State.WAITING]
    others = [t.behind for t in waiting if not t.booked and place(t, policy) is Place.BACK]
    return max([calls_made(tickets) + min(policy.missed_behind, len(waiting)), *others])


def first_callable(line: Iterable[Ticket], now: datetime, limit: timedelta | None) -> Ticket | None:
    """R4.3: whom of an `order` to call now; with a limit, nobody longer before their slot but an emergency."""
    if limit is None:
        return next(iter(line), None)
    return next((t for t in line if t.priority == Priority.EMERGENCY or t.slot_start - limit <= now), None)


# --- why a position got worse


class Reason(StrEnum):
    """What the patient reads when others went ahead (R4.12). It tells the rule, and nothing about the other."""

    PRIORITY = "priority"  # a patient seen first on medical or legal grounds
    EMERGENCY = "priority"  # an alias: a phone must not be able to tell the two apart
    ON_TIME_PASSED = "on_time_passed"  # a patient who was on time had been passed
    BACK = "back"  # a patient called earlier came back
    RETURN_VISIT = "return_visit"  # a patient came back with a result: one after every so many others
    EARLIER_SLOT = "earlier_slot"  # a patient of an earlier slot checked in
    BOOKED_FIRST = "booked_first"  # a patient with an appointment checked in, and they go first in a slot here
    EARLY_CHECK_IN = "early_check_in"  # you came early: others came before the time that your check-in counts from
    HANDED_OVER_IN = "handed_over"  # another expert's patient, who has waited longer, was handed over
    UNDONE = "undone"  # a call, or another step, was taken back
    OWN_PRIORITY = "own_priority"  # your own priority was changed
    OWN_MISS = "own_miss"  # you missed a call: you come after the next few
    OWN_RETURN = "own_return"  # you are a return visit: one after every so many others
    KEEPS_TIME = "keeps_time"  # you are at the end of the last slot: a patient who keeps time goes first
    SLOT = "slot"  # a patient of your slot whose check-in counts before yours


@dataclass(frozen=True, slots=True)
class Worse:
    """By how many places a position got worse, and why: each reason once, the first in the queue first."""

    by: int
    reasons: tuple[Reason, ...]


def overtakers(before: Iterable[Ticket], after: Iterable[Ticket], policy: Policy) -> dict[int, Worse]:
    """Whose position got worse by one event, by ticket number (R4.12). Both are all of the session's tickets.

    Only who waited before and waits now can be worse off. Whoever is ahead now and was not before is a reason, those
    included whom the event merely brought closer (an emergency counts as one of the calls that a return visit awaits).
    """
    was = {ticket.number: ticket for ticket in before}
    now = {ticket.number: ticket for ticket in after}
    line = order(now.values(), policy)
    stood = {ticket.number: at for at, ticket in enumerate(order(was.values(), policy))}
    undone = calls_made(now.values()) < calls_made(was.values())
    worse = {}
    for at, ticket in enumerate(line):
        by = at - stood.get(ticket.number, at)
        if by <= 0:
            continue
        newly_ahead = (other for other in line[:at] if stood.get(other.number, at) > stood[ticket.number])
        if was[ticket.number].priority != ticket.priority:
            reasons = [Reason.OWN_PRIORITY]
        elif undone:
            reasons = [Reason.UNDONE]
        else:
            reasons = [_reason(other, was.get(other.number), ticket, policy) for other in newly_ahead]
        worse[ticket.number] = Worse(by, tuple(dict.fromkeys(reasons)))
    return worse


def _reason(other: Ticket, other_was: Ticket | None, own: Ticket, policy: Policy) -> Reason:
    """The rule by which `other` now stands ahead of `own` and did not before (`other_was`; None: no ticket yet)."""
    if other_was is not None and other_was.state in ONLY_UNDO_LEADS_BACK:
        return Reason.UNDONE
    theirs, mine = place(other, policy), place(own, policy)
    if theirs in REASON_OF_PLACE:
        return REASON_OF_PLACE[theirs]
    if mine in REASON_OF_OWN_PLACE:
        return REASON_OF_OWN_PLACE[mine]
    if other.slot < own.slot:
        return Reason.EARLIER_SLOT
    newly_priority = other_was is not None and other_was.priority != other.priority
    if theirs is Place.PRIORITY and (mine is not Place.PRIORITY or newly_priority):
        return Reason.PRIORITY
    if policy.booked_first and other.booked and not own.booked:
        return Reason.BOOKED_FIRST
    if other_was is None:
        return Reason.HANDED_OVER_IN if other.arrived < own.arrived else Reason.EARLY_CHECK_IN
    return Reason.SLOT


REASON_OF_PLACE = {
    Place.EMERGENCY: Reason.EMERGENCY,
    Place.ON_TIME_PASSED: Reason.ON_TIME_PASSED,
    Place.BACK: Reason.BACK,
    Place.RETURN_VISIT: Reason.RETURN_VISIT,
}
REASON_OF_OWN_PLACE = {
    Place.BACK: Reason.OWN_MISS,
    Place.RETURN_VISIT: Reason.OWN_RETURN,
    Place.LATE_PASSED: Reason.KEEPS_TIME,
    Place.MISSED_TWICE: Reason.KEEPS_TIME,
}
ONLY_UNDO_LEADS_BACK = {State.CALLED, State.SERVING, State.LEFT, State.HANDED_OVER, State.NOT_SEEN}


# --- the steps of a ticket


class RuleError(Exception):
    """A step that the rules refuse. `code` is for clients; the sentence for people belongs to the services."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Action:
    """A step: the states it may start from, and the one it leads to (None: the state stays)."""

    allowed: frozenset[State]
    to: State | None


def _action(to: State | None, *allowed: State) -> Action:
    return Action(frozenset(allowed), to)


ACTIONS: dict[str, Action] = {
    "call": _action(State.CALLED, State.WAITING),
    "call_chosen": _action(State.CALLED, State.WAITING, State.MISSED),
    "recall": _action(None, State.CALLED),
    "start": _action(State.SERVING, State.CALLED),
    "finish": _action(State.DONE, State.CALLED, State.SERVING, State.AWAY),
    "miss": _action(State.MISSED, State.CALLED),
    "put_back": _action(State.WAITING, State.MISSED),
    "send_for_test": _action(State.AWAY, State.CALLED, State.SERVING),
    "return_visit": _action(State.WAITING, State.DONE, State.AWAY),
    "set_priority": _action(None, State.WAITING, State.CALLED, State.MISSED, State.AWAY),
    "leave": _action(State.LEFT, State.WAITING, State.CALLED, State.MISSED, State.AWAY),
    "hand_over": _action(State.HANDED_OVER, State.WAITING, State.MISSED),
    "not_seen": _action(State.NOT_SEEN, State.WAITING, State.CALLED, State.MISSED, State.AWAY),
}

# What an action may do to a ticket. An undo goes the same way backwards, so it needs no table of its own.
TRANSITIONS: dict[State, frozenset[State]] = {
    state: frozenset(action.to for action in ACTIONS.values() if action.to is not None and state in action.allowed)
    for state in State
}


def check_action(action: str, state: State) -> State:
    """The state after this action. Raises RuleError("action_refused"), and KeyError for an action that is none."""
    step = ACTIONS[action]
    if state not in step.allowed:
        raise RuleError("action_refused", action=action, state=state)
    return state if step.to is None else step.to


def check_transition(start: State, end: State, *, undo: bool = False) -> None:
    """Raises RuleError("transition_refused") where no action leads from start to end (with `undo`: the other way)."""
    origin, result = (end, start) if undo else (start, end)
    if result not in TRANSITIONS[origin]:
        raise RuleError("transition_refused", start=start, end=end)
