"""When something must be solved before a code is sent or a number is booked (R3.7). Values in, a value out.

Most people never see it: it is asked of whoever comes from where much comes from.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

FIRST = timedelta(seconds=1)  # after the release: no hand is so fast without having waited for it


class Rule(StrEnum):
    """What has fired."""

    TRIES = "tries"  # many codes asked for, or many tries refused, from one device or address
    BOOKED = "booked"  # half of what a device or address may book in a day is booked
    STRANGER = "stranger"  # a browser never seen before, or one that takes no cookie, at a busy address
    EARLY = "early"  # in the first second after the release, after tries before it


@dataclass(frozen=True, slots=True)
class Seen:
    """What has come from one device or address."""

    tries: int = 0  # codes asked for and tries refused, of late
    early: int = 0  # tries before the release of what they wanted, of late
    booked: int = 0  # today


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many on it is asked; None: never."""

    tries: int | None
    early: int | None
    booked: int | None
    full: int | None = None  # nothing more can be booked: that is said at once


@dataclass(frozen=True, slots=True)
class Place:
    """A device or an address, and what it may do unasked."""

    seen: Seen
    limits: Limits

    def busy(self, share: float = 1) -> bool:
        """Whether as much has come from it as it may, or this share of that."""
        return _reached(self.seen.tries, self.limits.tries, share) or self.booked_much(share)

    def booked_much(self, share: float = 1) -> bool:
        full = _reached(self.seen.booked, self.limits.full)
        return not full and _reached(self.seen.booked, self.limits.booked, share)

    @property
    def early(self) -> bool:
        return _reached(self.seen.early, self.limits.early)


def fired(
    *, device: Place | None, address: Place, booking: bool, known: bool = True, since_release: timedelta | None = None
) -> Rule | None:
    """The first rule that fires; None: nothing is asked.

    `device`: None where no cookie says. `known`: whether its cookie is older than the moment. `since_release`: of what
    is wanted, where that is a number.
    """
    places = [place for place in (device, address) if place is not None]
    if any(_reached(place.seen.tries, place.limits.tries) for place in places):
        return Rule.TRIES
    if not booking:
        return None
    if any(place.booked_much() for place in places):
        return Rule.BOOKED
    if not known and address.busy(1 / 2):
        return Rule.STRANGER
    first = since_release is not None and timedelta(0) <= since_release < FIRST
    if first and any(place.early for place in places):
        return Rule.EARLY
    return None


def _reached(count: int, limit: int | None, share: float = 1) -> bool:
    return limit is not None and count >= share * limit
