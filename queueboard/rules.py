"""The order of a queue and the steps of a ticket (RULES.md, R4). Pure: values in, values out; no ORM, clock or settings.

`order` is the one place that says who comes next. It steps call by call, as the session will: who is due after three
calls, or after every second one, stands where those calls will put them. Calling the first of the list therefore leaves
the others in exactly the order they were shown in. What depends on the moment is decided once, by `is_late`, `is_passed`
and `behind_after_miss`, and stored on the ticket (R4.11). `overtakers` names what made a position worse (R4.12).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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

    `tickets` are all of the session's, in any order, as intervals run from calls already made. Each call takes the first
    of: an emergency; who turned up again and is due; a return visit that is due; the slots in order, at the end of the
    last one those of R4.7 and R4.8. Where nobody is left but people who are not due, they are called all the same, the
    turned-up before the return visits: an expert is never idle while someone waits (R4.3).

    Raises ValueError for a number that comes twice, and for a slot that the session does not have.
    """
    tickets = list(tickets)
    _refuse_nonsense(tickets, policy)
    calls = calls_made(tickets)
    last_return = max((ticket.called_no for ticket in tickets if ticket.return_call), default=0)
    emergencies, turned_up, returns, slots = _groups(tickets, policy)

    line: list[Ticket] = []
    while emergencies or turned_up or returns or slots:
        due = next((i for i, ticket in enumerate(turned_up) if not ticket.booked and ticket.behind > calls), None)
        return_due = bool(returns) and calls - max(last_return, returns[0].returned_after) >= policy.return_every
    return line
