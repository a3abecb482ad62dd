"""Numbers move from place to place, each move with its row in the ledger (R2.7)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.utils.translation import gettext_lazy as _

from booking import kept
from booking.errors import BookingError
from booking.models import QuotaMove

Place = QuotaMove.Place
Reason = QuotaMove.Reason

_QUOTA = {
    Place.BOOKABLE: "bookable",
    Place.BOOKED: "bookable",
    Place.WITHHELD: "bookable",
    Place.POOL: "walk_in",
    Place.REGISTERED: "walk_in",
}
_USED = {Place.BOOKED: "booked", Place.WITHHELD: "withheld", Place.REGISTERED: "registered"}
_LEFT = {
    Place.BOOKABLE: "bookable - booked - withheld",
    Place.POOL: "walk_in - registered",
    Place.BOOKED: "booked",
    Place.WITHHELD: "withheld",
    Place.REGISTERED: "registered",
}


def move(
    *,
    slot_id: int,
    source: str,
    target: str,
    reason: str,
    now: datetime,
    count: int = 1,
    actor: AbstractBaseUser | None = None,
    appointment_id: int | None = None,
    note: str = "",
) -> QuotaMove:
    """Moves `count` numbers of a slot and writes the ledger row with the balances after it.

    One conditional UPDATE is guard and claim at once, so that two claims of the last number cannot both succeed.
    Must run inside a transaction. Raises BookingError `none_left` where `source` holds fewer than `count`.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("numbers move inside a transaction only")
    balances = _counted(slot_id, Place(source), Place(target), count)
    if balances is None:
        raise none_left(slot_id)
    bookable_left, walk_in_left = balances
    return QuotaMove.objects.create(
        slot_id=slot_id,
        source=source,
        target=target,
        count=count,
        bookable_left=bookable_left,
        walk_in_left=walk_in_left,
        reason=reason,
        note=note,
        appointment_id=appointment_id,
        actor=actor,  # type: ignore[misc]  # the stubs know the default user only
        at=now,
    )


def _counted(slot_id: int, source: Place, target: Place, count: int) -> tuple[int, int] | None:
    """The slot's balances after the move, counted in one statement; None: `source` holds fewer than `count`."""
    deltas: dict[str, int] = {}
    for place, change in ((source, -count), (target, count)):
        for column in (_QUOTA.get(place), _USED.get(place)):
            if column:
                deltas[column] = deltas.get(column, 0) + change
    changed = {column: change for column, change in deltas.items() if change}
    sets = ", ".join(f"{column} = {column} + %s" for column in changed)
    statement, values = f"UPDATE booking_slot SET {sets} WHERE id = %s", [*changed.values(), slot_id]
    if source in _LEFT:
        statement, values = f"{statement} AND {_LEFT[source]} >= %s", [*values, count]
    found = kept.rows(f"{statement} RETURNING {_LEFT[Place.BOOKABLE]}, {_LEFT[Place.POOL]}", values)
    return next(iter(found), None)  # type: ignore[arg-type]


def none_left(slot_id: int) -> BookingError:
    return BookingError(_("No number is left in this slot."), code="none_left", slot=slot_id)
