"""What browsers give us, checked before it is kept: a browser is not to make this server ask just anybody."""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from queueboard.errors import QueueError
from queueboard.notify import delivery
from queueboard.notify.models import Address

WAY = "push"
LONGEST_ENDPOINT = 1000
# Strict, so that whoever asks there reads the same host from it: no user, no backslash, nothing after "#".
ENDPOINT = re.compile(r"((https?)://([a-z0-9.-]+)(?::([0-9]{1,5}))?)/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*")
PER_VISIT = 5  # browsers that are told of one visit; the oldest gives way


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser at its push service, and the keys that only it can decrypt with, in base64url."""

    endpoint: str
    p256dh: str
    auth: str

    @property
    def value(self) -> str:
        """As it is kept in an address."""
        return f"{self.endpoint} {self.p256dh} {self.auth}"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc


def read(given: Any) -> Subscription:
    """What `PushSubscription.toJSON()` gave. Raises QueueError `bad_subscription`, `unknown_push_service`."""
    keys = given.get("keys") if isinstance(given, Mapping) else None
    if not isinstance(keys, Mapping):
        raise _bad()
    endpoint, p256dh, auth = given.get("endpoint"), keys.get("p256dh"), keys.get("auth")
    if not (isinstance(endpoint, str) and isinstance(p256dh, str) and isinstance(auth, str)):
        raise _bad()
    point = _bytes(p256dh)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise _bad() from error
    if len(point) != 65 or len(_bytes(auth)) != 16:
        raise _bad()
    _known(endpoint)
    return Subscription(endpoint, p256dh, auth)


def _known(endpoint: str) -> None:
    """Only services of settings.PUSH_SERVICES are ever asked: the browsers' makers each have their own, and no others.

    An entry is a host (with a leading dot: any beneath it), by HTTPS on its usual port; or a whole origin.
    """
    found = ENDPOINT.fullmatch(endpoint) if len(endpoint) <= LONGEST_ENDPOINT else None
    if found is None:
        raise _bad()
    origin, scheme, host, port = found.groups()
    if origin in settings.PUSH_SERVICES:
        return
    named = any(host == each or (each.startswith(".") and host.endswith(each)) for each in settings.PUSH_SERVICES)
    if scheme != "https" or port not in (None, "443") or not named:
        words = _("The push service of this browser is not one that we know.")
        raise QueueError(words, code="unknown_push_service", status=400)


def keep(*, token: str, given: Any, language: str, now: datetime | None = None) -> Address:
    """Whoever holds this link is told in this browser from now on. Twice is once; a dead one is alive again.

    Raises QueueError as `read`.
    """
    subscription, now = read(given), now or timezone.now()
    with transaction.atomic():
        own = Address.objects.select_for_update(no_key=True).filter(way=WAY, token=token)
        address = own.filter(value_hash__in=Address.hashes_of(subscription.endpoint)).first()
        if address is None:
            address = Address(way=WAY, token=token, made_at=now)
        address.value, address.line = subscription.value, subscription.host
        address.language, address.dead_at = language, None
        address.save()
        alive = Address.objects.filter(way=WAY, token=token, dead_at=None)
        newest = alive.order_by("-pk").values_list("pk", flat=True)[:PER_VISIT]
        delivery.withdraw(alive.exclude(pk__in=list(newest)), now)
    return address


def drop(*, token: str, endpoint: Any, now: datetime | None = None) -> int:
    """This browser is told of this visit no more. Returns how many addresses went."""
    if not isinstance(endpoint, str):
        raise _bad()
    own = Address.objects.filter(way=WAY, token=token, value_hash__in=Address.hashes_of(endpoint))
    return delivery.withdraw(own, now or timezone.now())


def _bytes(written: str) -> bytes:
    try:
        return urlsafe_b64decode(written + "=" * (-len(written) % 4)) if len(written) <= 200 else b""
    except (binascii.Error, ValueError):
        return b""


def _bad() -> QueueError:
    return QueueError(_("This is not a subscription of a browser."), code="bad_subscription", status=400)
