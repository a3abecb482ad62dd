"""The keys by which push services know us (VAPID, RFC 8292). Browsers subscribe to the public half."""

import os
from base64 import urlsafe_b64encode
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from py_vapid import Vapid02


def new() -> str:
    """A private key as settings have it: 32 bytes in base64url."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _written(key.private_numbers().private_value.to_bytes(32, "big"))


def write(path: Path) -> None:
    """A new one into a file that only its owner reads. Raises FileExistsError where there is one, and OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(new() + "\n")


def public() -> str:
    """What a browser subscribes to: the uncompressed point in base64url; "" where there is no key."""
    return _public(settings.VAPID_PRIVATE_KEY) if settings.VAPID_PRIVATE_KEY else ""


def private() -> Vapid02:
    """Raises ValueError where the setting is no key."""
    return _private(settings.VAPID_PRIVATE_KEY)


@cache
def _private(written: str) -> Vapid02:
    return Vapid02.from_raw(written.encode())


@cache
def _public(written: str) -> str:
    point = _private(written).public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return _written(point)


def _written(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
