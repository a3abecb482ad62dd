"""Digits in a picture, for browsers without script."""

import secrets
from datetime import datetime, timedelta
from io import BytesIO

from captcha.image import ImageCaptcha
from django.core import signing
from django.db.models import F
from django.utils.crypto import constant_time_compare

from booking.models.hashes import keyed_hash
from queueboard.challenge.models import Picture

VALID = timedelta(minutes=10)
DIGITS, LENGTH = "23456789", 5  # without 0 and 1, which are read as letters
DRAWINGS = 5  # of one picture: it may be too hard to read, and to draw costs time
SIZE, INK, PAPER = (280, 96), (255, 255, 255), (32, 42, 48)  # the package draws dark ink thin as a shadow


def name(purpose: str) -> str:
    """The name of a new picture, signed: nothing is kept or drawn until it is looked at."""
    return signing.dumps([purpose, secrets.token_hex(16)], salt=__name__, compress=False)


def draw(signed: str, *, now: datetime) -> BytesIO | None:
    """The picture as PNG; each time another one, and only the last counts. None: the name is none (any more)."""
    opened = _opened(signed)
    if opened is None:
        return None
    _purpose, own = opened
    digits = _digits()
    answer = keyed_hash(own + digits)
    picture, made = Picture.objects.get_or_create(
        name=own, defaults={"answer_hash": answer, "until": now + VALID}
    )  # fmt: skip
    if not made:
        again = Picture.objects.filter(pk=picture.pk, answered=False, until__gt=now, drawn__lt=DRAWINGS)
        if not again.update(answer_hash=answer, drawn=F("drawn") + 1):
            return None
    return ImageCaptcha(*SIZE, font_sizes=(60, 66, 72)).generate(digits, bg_color=PAPER, fg_color=INK)


def solved(signed: str, typed: str, purpose: str, *, now: datetime) -> bool:
    """Whether these are the digits of the picture; it counts no more then, nor when they are not."""
    opened = _opened(signed)
    if opened is None or opened[0] != purpose:
        return False
    of_name = Picture.objects.filter(name=opened[1])
    if not of_name.filter(answered=False, until__gt=now).update(answered=True):
        return False
    return constant_time_compare(of_name.get().answer_hash, keyed_hash(opened[1] + "".join(typed.split())))


def _digits() -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(LENGTH))


def _opened(signed: str) -> tuple[str, str] | None:
    """The purpose and the name, where we signed them a short time ago."""
    try:
        purpose, own = signing.loads(signed, salt=__name__, max_age=VALID)
    except signing.BadSignature:
        return None
    return purpose, own
