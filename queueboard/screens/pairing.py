"""Codes given to screens, and screens connected by them: one transaction each."""

import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from stdnum import luhn

from booking.models.hashes import keyed_hash
from queueboard.errors import QueueError
from queueboard.models import Board, Device, Kiosk, ScreenCode
from queueboard.screens.cookie import hash_of

VALID = timedelta(minutes=10)
WAITING_PER_ADDRESS = 30  # a hospital's screens may share one address
WAITING = 2000  # so that a code that is made up is hardly ever one that a screen shows
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a screen shows until somebody connects it."""

    code: str
    expires_at: datetime


def code_for(*, secret: str, address: str, now: datetime | None = None) -> Waiting:
    """The code of the screen with this secret: the same for ten minutes, then another one.

    Raises QueueError `too_many_screens` where more wait at this address, or anywhere, than can be meant.
    """
    now = now or timezone.now()
    mine = hash_of(secret)
    known = ScreenCode.objects.filter(secret_hash=mine, expires_at__gt=now).first()
    if known is not None:
        return Waiting(known.code, known.expires_at)
    forget_codes(now=now)
    here = keyed_hash(address)
    if ScreenCode.objects.filter(address_hash=here).count() >= WAITING_PER_ADDRESS:
        raise _too_many()
    if ScreenCode.objects.count() >= WAITING:
        raise _too_many()
    while True:
        try:
            with transaction.atomic():
                made = ScreenCode.objects.create(
                    code=_new_code(), secret_hash=mine, address_hash=here, expires_at=now + VALID
                )
        except IntegrityError:  # the code is another screen's, or this screen asked twice in one moment
            known = ScreenCode.objects.filter(secret_hash=mine).first()
            if known is None:
                continue
            made = known
        return Waiting(made.code, made.expires_at)


def connect(
    *, code: str, place: Board | Kiosk, name: str, actor: AbstractBaseUser | None, now: datetime | None = None
) -> Device:
    """The screen that shows this code is the hospital's from now on, and goes to its place.

    Raises QueueError `unknown_code`, also for the second of two who type the same one.
    """
    now = now or timezone.now()
    typed = "".join(each for each in code if each.isdigit())
    with transaction.atomic():
        waiting = ScreenCode.objects.filter(code=typed, expires_at__gt=now).first()
        claimed = waiting is not None and ScreenCode.objects.filter(pk=waiting.pk, code=typed).delete()[0]
        # One that asked while it was being connected has a code that it goes away from.
        if waiting is None or not claimed or Device.objects.filter(secret_hash=waiting.secret_hash).exists():
            raise QueueError(
                _("No screen shows this code. Each is valid for ten minutes and for one screen: please look again."),
                code="unknown_code",
                status=404,
            )
        return Device.objects.create(
            name=name,
            board=place if isinstance(place, Board) else None,
            kiosk=place if isinstance(place, Kiosk) else None,
            secret_hash=waiting.secret_hash,
            connected_by_id=actor.pk if actor else None,
            connected_at=now,
        )


def revoke(*, device_id: int, now: datetime | None = None) -> bool:
    """The screen goes dark: it shows a code again. Returns whether it was connected until now."""
    connected = Device.objects.filter(pk=device_id, revoked_at=None)
    return connected.update(revoked_at=now or timezone.now()) == 1


def note_seen(*, device: Device, version: str, width: int, height: int, now: datetime | None = None) -> None:
    """A screen has said that it is on, which version of its page it shows, and how large it is."""
    Device.objects.filter(pk=device.pk).update(
        seen_at=now or timezone.now(), version=version, width=width, height=height
    )


def forget_codes(*, now: datetime | None = None) -> int:
    """Deletes codes that are over. Returns how many."""
    return ScreenCode.objects.filter(expires_at__lte=now or timezone.now()).delete()[0]


def _new_code() -> str:
    """Six digits, the last of which checks the others: one digit mistyped is never the code of another screen."""
    digits = f"{randomness.randbelow(10 ** (DIGITS - 1)):0{DIGITS - 1}d}"
    return digits + luhn.calc_check_digit(digits)


def _too_many() -> QueueError:
    words = _("Too many screens wait to be connected. This one tries again by itself.")
    return QueueError(words, code="too_many_screens", status=429)
