"""Where views ask whether something must be solved first, and where what they refuse is counted (R3.7)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Slot
from booking.services import sources
from booking.services.sources import Kind, Source, What
from queueboard import devices
from queueboard.challenge import picture, rules, work
from queueboard.challenge.models import Picture, Spent
from queueboard.views.address import address_of

Purpose = Literal["code", "book"]

HEADER = "Challenge-Solution"
# Refusals that a person meets seldom, and a script that tries names, codes and limits often.
COUNTED = {
    "code_wrong", "limit_asking", "limit_per_account", "limit_per_address", "limit_per_day", "limit_per_department",
    "limit_per_device", "limit_per_phone", "limit_waiting", "name_differs", "too_many_codes",
}  # fmt: skip
EARLY = {Kind.DEVICE: 3, Kind.ADDRESS: 10}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was handed in: the solution of a proof of work, or the digits of a picture."""

    work: str = ""
    picture: str = ""
    digits: str = ""

    @classmethod
    def of_form(cls, sent: Mapping[str, str]) -> "Answer":
        return cls(sent.get("solution", ""), sent.get("picture", ""), sent.get("digits", ""))

    def __bool__(self) -> bool:
        return bool(self.work or self.digits)

    def right(self, purpose: Purpose, now: datetime) -> bool:
        if self.work:
            return work.solved(self.work, purpose, now=now)
        return picture.solved(self.picture, self.digits, purpose, now=now)


@contextmanager
def guarded(request: HttpRequest, purpose: Purpose, *, answer: Answer, slot_id: int | None = None) -> Iterator[None]:
    """What is done inside is refused where a rule fires and nothing is solved; what it is refused for is counted.

    Not inside a transaction. Staff is not asked. Raises BookingError `challenge` (with `purpose` and `challenge`).
    """
    if request.user.is_authenticated:
        yield
        return
    now = timezone.now()
    origin = _origin(request)
    if _fired(request, purpose, origin, slot_id, now) is not None and not answer.right(purpose, now):
        if answer:
            sources.count(origin, what=What.REFUSED, now=now)
        raise _challenged(purpose, bool(answer), now)
    with _counting(origin, now):
        yield
    if purpose == "code":
        sources.count(origin, what=What.CODE, now=now)


@contextmanager
def counted(request: HttpRequest) -> Iterator[None]:
    """Nothing is asked, but what is refused inside is counted. Not inside a transaction."""
    with _counting(_origin(request), timezone.now()):
        yield


def forget(*, now: datetime | None = None) -> int:
    """Deletes what would not count any more. Returns how many."""
    now = now or timezone.now()
    return sum(model.objects.filter(until__lte=now).delete()[0] for model in (Spent, Picture))


def _origin(request: HttpRequest) -> tuple[Source, ...]:
    return sources.of(device=devices.device_of(request), address=address_of(request))


@contextmanager
def _counting(origin: tuple[Source, ...], now: datetime) -> Iterator[None]:
    try:
        yield
    except BookingError as refused:
        if refused.code == "not_released":
            sources.count(origin, what=What.EARLY, now=now)
        elif refused.code in COUNTED:
            sources.count(origin, what=What.REFUSED, now=now)
        raise


def _fired(
    request: HttpRequest, purpose: Purpose, origin: tuple[Source, ...], slot_id: int | None, now: datetime
) -> rules.Rule | None:
    seen = sources.seen(origin, now=now)
    device = _place(Kind.DEVICE, seen[Kind.DEVICE]) if devices.device_of(request) else None
    address = _place(Kind.ADDRESS, seen[Kind.ADDRESS])
    early = address.early or (device is not None and device.early)
    return rules.fired(
        device=device,
        address=address,
        booking=purpose == "book",
        known=devices.known_for_a_while(request),
        since_release=_since_release(slot_id, now) if early and slot_id is not None else None,
    )


def _place(kind: Kind, seen: Counter[What]) -> rules.Place:
    tries = getattr(settings, f"CHALLENGE_TRIES_PER_{kind.name}") or None
    full = getattr(settings, f"BOOKINGS_PER_{kind.name}") or None
    return rules.Place(
        rules.Seen(tries=seen[What.CODE] + seen[What.REFUSED], early=seen[What.EARLY], booked=seen[What.BOOKED]),
        rules.Limits(tries=tries, early=EARLY[kind], booked=full and ceil(full / 2), full=full),
    )


def _since_release(slot_id: int, now: datetime) -> timedelta | None:
    """Below zero before it."""
    released_at = Slot.objects.filter(pk=slot_id).values_list("session__released_at", flat=True).first()
    return None if released_at is None else now - released_at


def _challenged(purpose: Purpose, wrong: bool, now: datetime) -> BookingError:
    if wrong:
        words = _("That was not the solution, or it came too late. Please try once more.")
    else:
        words = _("Many requests come from here at the moment, so there is one small step more.")
    return BookingError(
        words, code="challenge", status=428, purpose=purpose, challenge=work.ask(purpose, now=now)
    )  # fmt: skip
