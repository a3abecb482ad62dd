"""Tickets for the tests of the order: a morning of four slots of an hour, 08:00 to 12:00, registration from 07:00."""

from datetime import date, datetime, timedelta, timezone

from queueboard.rules import Policy, State, Ticket, order

CHINA = timezone(timedelta(hours=8))
DAY = date(2018, 11, 5)
LAST_SLOT = 3
POLICY = Policy(last_slot=LAST_SLOT)
BOOKED_FIRST = Policy(last_slot=LAST_SLOT, booked_first=True)


def at(clock: str) -> datetime:
    """The moment "09:05" of that morning in Wuhan."""
    return datetime.fromisoformat(f"{DAY} {clock}").replace(tzinfo=CHINA)


def booked(number: int, slot: int, arrived: str, **fields: object) -> Ticket:
    return _ticket(number, slot, arrived, booked=True, **fields)


def walk_in(number: int, slot: int, arrived: str, **fields: object) -> Ticket:
    return _ticket(number, slot, arrived, booked=False, **fields)


def called(number: int, slot: int = 0, *, call: int, state: State = State.DONE, **fields: object) -> Ticket:
    """A walk-in of 07:00 who has been called already, as the session's call number `call`."""
    return walk_in(number, slot, "07:00", called_no=call, state=state, **fields)


def _ticket(number, slot, arrived, *, turned_up=None, returned=None, **fields):
    return Ticket(
        number=number,
        slot=slot,
        slot_start=at(f"{8 + slot:02}:00"),
        arrived=at(arrived),
        turned_up=turned_up and at(turned_up),
        returned=returned and at(returned),
        **fields,
    )


def numbers(tickets, policy: Policy = POLICY) -> list[int]:
    """The order, as ticket numbers."""
    return [ticket.number for ticket in order(tickets, policy)]
