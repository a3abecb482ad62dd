"""The keys of what is encrypted in the database and of its look-up hashes (docs/settings.md).

The first is in use, the others still read. Each is derived from a secret in the way of django-fernet-encrypted-fields.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ITERATIONS = 100_000


@dataclass(frozen=True, slots=True)
class DataKey:
    """One key: `fernet` encrypts, `lookup` keys the hashes."""

    fernet: Fernet
    lookup: bytes

    def reads(self, stored: str) -> bool:
        """Whether this was encrypted with it."""
        return _decrypted(self.fernet, stored) is not None

    def hash(self, text: str) -> str:
        return hmac.new(self.lookup, text.encode(), hashlib.sha256).hexdigest()


Secrets = tuple[str, str, str]  # secret, salt, look-up key; the latter two are derived from the first where empty


def secrets(own: list[str], *, secret_keys: list[str], salt: str, lookup: str) -> list[Secrets]:
    """What settings.DATA_KEYS holds: `own` keys, or the secret keys where there are none.

    Where earlier versions had a `salt` or `lookup` key of their own, what they encrypted is read too.
    """
    found = [(key, "", "") for key in own]
    return found + [(key, salt, lookup) for key in secret_keys if key and (not own or salt or lookup)]


def known() -> tuple[DataKey, ...]:
    """All keys, the one in use first."""
    return _derived(tuple(settings.DATA_KEYS))


def box() -> MultiFernet:
    """Encrypts with the key in use, decrypts with any."""
    return _box(tuple(settings.DATA_KEYS))


def sealed(text: str) -> str:
    """The text, encrypted with the key in use."""
    return box().encrypt(text.encode()).decode()


def opened(stored: str) -> str | None:
    """The reverse with any key; None where none of them reads it."""
    return _decrypted(box(), stored)


def _decrypted(with_: Fernet | MultiFernet, stored: str) -> str | None:
    try:
        return with_.decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


@lru_cache(maxsize=8)
def _box(secrets: tuple[Secrets, ...]) -> MultiFernet:
    return MultiFernet([key.fernet for key in _derived(secrets)])


@lru_cache(maxsize=8)
def _derived(secrets: tuple[Secrets, ...]) -> tuple[DataKey, ...]:
    if not secrets:
        raise ImproperlyConfigured("There is no key of the data: set SECRET_KEY or DATA_KEYS.")
    return tuple(_key(*each) for each in secrets)


@lru_cache(maxsize=8)
def _key(secret: str, salt: str, lookup: str) -> DataKey:
    salt = salt or hashlib.sha256(b"field" + secret.encode()).hexdigest()
    lookup = lookup or hashlib.sha256(b"lookup" + secret.encode()).hexdigest()
    derived = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt.encode(), ITERATIONS)
    return DataKey(Fernet(base64.urlsafe_b64encode(derived)), lookup.encode())
