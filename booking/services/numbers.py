"""Numbers move from place to place, each move with its row in the ledger (R2.7)."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import QuotaMove, Slot

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
    Place.BOOKABLE: F("bookable") - F("booked") - F("withheld"),
    Place.POOL: F("walk_in") - F("registered"),
    Place.BOOKED: F("booked"),
    Place.WITHHELD: F("withheld"),
    Place.REGISTERED: F("registered"),
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
    deltas: dict[str, int] = {}
    for place, sign in ((Place(source), -count), (Place(target), count)):
        for column in (_QUOTA.get(place), _USED.get(place)):
            if column:
                deltas[column] = deltas.get(column, 0) + sign
    slots = Slot.objects.filter(pk=slot_id)
    if source in _LEFT:
        slots = slots.alias(left_here=_LEFT[Place(source)]).filter(left_here__gte=count)
    if not slots.update(**{column: F(column) + delta for column, delta in deltas.items() if delta}):
        raise none_left(slot_id)
    slot = Slot.objects.only("bookable", "booked", "withheld", "walk_in", "registered").get(pk=slot_id)
    return QuotaMove.objects.create(
        slot_id=slot_id,
        source=source,
        target=target,
        count=count,
        bookable_left=slot.left_bookable,
        walk_in_left=slot.left_walk_in,
        reason=reason,
        note=note,
        appointment_id=appointment_id,
        actor=actor,  # type: ignore[misc]  # the stubs know the default user only
        at=now,
    )


def none_left(slot_id: int) -> BookingError:
    return BookingError(_("No number is left in this slot."), code="none_left", slot=slot_id)
