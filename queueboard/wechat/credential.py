"""The access token: one for all processes, in the database, and one process asks for the next while the others wait.

It is the "stable" one, which asking again does not make void, and which other programs of the hospital that use the
same account neither get nor spoil.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from queueboard.wechat.models import WeChatToken
from queueboard.wechat.transport import Refused, Unavailable, post

EARLY = timedelta(minutes=4)  # in its last five minutes WeChat gives a new one, and the old one goes on to work
CLAIM = timedelta(seconds=15)  # longer than the request can take
AFTER_FAILURE = timedelta(seconds=2)
PATIENCE = 10.0  # seconds to wait for another process
LOOK = 0.05  # seconds between looks at what it got
BUSY = (-1, 45009, 45011)


@dataclass(frozen=True, slots=True)
class Token:
    """`serial` tells it from the one before, so that many who find it void ask for one new one."""

    value: str = field(repr=False)
    serial: int


def current() -> Token:
    """The access token. Raises Unavailable, Refused."""
    row, _made = WeChatToken.objects.get_or_create(app_id=settings.WECHAT["APP_ID"])
    if row.value and row.expires_at and row.expires_at - EARLY > timezone.now():
        return Token(row.value, row.serial)
    return _next(row.serial)


def renewed(void: Token) -> Token:
    """The token after this one, which WeChat does not take any more. Raises as `current`."""
    return _next(void.serial)


def _next(serial: int) -> Token:
    give_up = time.monotonic() + PATIENCE
    rows = WeChatToken.objects.filter(app_id=settings.WECHAT["APP_ID"])
    while True:
        now = timezone.now()
        free = rows.filter(Q(asking_until=None) | Q(asking_until__lte=now), serial=serial)
        if free.update(asking_until=now + CLAIM):
            return _asked(serial)
        row = rows.get()
        if row.serial != serial and row.value:
            return Token(row.value, row.serial)
        if time.monotonic() > give_up:
            raise Unavailable("no access token: another process asks for it")
        time.sleep(LOOK)


def _asked(serial: int) -> Token:
    rows = WeChatToken.objects.filter(app_id=settings.WECHAT["APP_ID"], serial=serial)
    asked = timezone.now()
    try:
        value, lasts = _ask()
    except Exception:
        rows.update(asking_until=timezone.now() + AFTER_FAILURE)
        raise
    rows.update(value=value, serial=serial + 1, expires_at=asked + lasts, asking_until=None)
    return Token(value, serial + 1)


def _ask() -> tuple[str, timedelta]:
    own = settings.WECHAT
    wanted = {"grant_type": "client_credential", "appid": own["APP_ID"], "secret": own["SECRET"]}
    answer = post("/cgi-bin/stable_token", wanted | {"force_refresh": False})
    if "access_token" in answer:
        return answer["access_token"], timedelta(seconds=answer["expires_in"])
    code = answer.get("errcode", 0)
    # 40164 tells the address that is not on the account's list, which is what its owner must know.
    raise (Unavailable if code in BUSY else Refused)(f"no access token: {answer.get('errmsg')}", code)
