"""Many things done one after the other, each in a transaction of its own."""

import logging
from collections.abc import Callable, Iterable

from django.db import DatabaseError, transaction

from booking.errors import BookingError

log = logging.getLogger(__name__)


def each(ids: Iterable[int], act: Callable[[int], bool]) -> int:
    """Runs `act` on each and counts those that it did something to; one that fails does not keep the others from
    their turn."""
    done = 0
    for pk in list(ids):
        try:
            with transaction.atomic():
                done += act(pk)
        except (BookingError, DatabaseError):
            log.exception("%s failed for %s", getattr(act, "__name__", "task"), pk)
    return done
