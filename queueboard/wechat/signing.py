"""What WeChat signs and encrypts, by wechatpy's own signer and cipher.

Around them is what they leave open: signatures are compared in constant time, have an age, and the sixteen characters
that make two equal messages differ come from the system's randomness (the key's own start is the cipher's first
block, so they are all that does).
"""

import secrets
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare
from wechatpy.crypto import PrpCrypto
from wechatpy.utils import WeChatSigner

AGE = timedelta(minutes=5)  # of a signature, into the past or the future: clocks differ


class Forged(Exception):
    """A request that WeChat has not signed for us, or not lately. The words are for the log."""


class _Cipher(PrpCrypto):
    def get_random_string(self) -> str:
        return secrets.token_urlsafe(12)


def sign(*parts: str) -> str:
    """The signature of these parts with our token, whatever their order."""
    signer = WeChatSigner()
    signer.add_data(settings.WECHAT["TOKEN"], *parts)
    return signer.signature


def check(query: Mapping[str, str], signature: str, *signed: str, now: datetime) -> str:
    """The signature that the query has under this name, over its timestamp, its nonce and `signed`. Raises Forged."""
    given, at, nonce = query.get(signature, ""), query.get("timestamp", ""), query.get("nonce", "")
    if not constant_time_compare(given, sign(at, nonce, *signed)):
        raise Forged("wrong signature")
    if not at.isdecimal() or abs(int(at) - now.timestamp()) > AGE.total_seconds():
        raise Forged("signed too long ago, or in the future")
    return given


def encrypts() -> bool:
    """Whether messages come and go encrypted: then plain ones are refused."""
    return bool(settings.WECHAT["AES_KEY"])


def decrypt(encrypted: str) -> str:
    """What a message whose signature holds has within. Raises Forged where it is not encrypted for us."""
    try:
        return _Cipher(_key()).decrypt(encrypted, settings.WECHAT["APP_ID"])
    except Exception as error:  # the library raises whatever comes
        raise Forged(f"encrypted with another key, or for another account: {type(error).__name__}") from None


def encrypt(text: str) -> str:
    return _Cipher(_key()).encrypt(text, settings.WECHAT["APP_ID"]).decode()


def is_key(key: str) -> bool:
    """Whether this can be an EncodingAESKey: 43 characters of Base64, which are 32 bytes."""
    try:
        return len(key) == 43 and len(b64decode(key + "=", validate=True)) == 32
    except NoBase64:
        return False


def _key() -> bytes:
    return b64decode(settings.WECHAT["AES_KEY"] + "=")
