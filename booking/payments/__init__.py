"""Who takes the money: one small interface, and its providers (docs/payments.md)."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from booking.payments.interface import Bill, Forged, Provider, ProviderError, Record, Refused, Told, Unavailable

_PROVIDERS = {
    "demo": "booking.payments.demo.Demo",
    "wechat": "booking.payments.wechat.WeChat",
    "alipay": "booking.payments.alipay.Alipay",
}

__all__ = [
    "Bill",
    "Forged",
    "Provider",
    "ProviderError",
    "Record",
    "Refused",
    "Told",
    "Unavailable",
    "enabled",
    "provider",
]


def enabled() -> list[str]:
    """The providers that patients can choose, in the order in which they are offered."""
    return [name for name in settings.PAYMENT_PROVIDERS if name in _PROVIDERS]


@cache
def provider(name: str) -> Provider:
    """The provider of this name, also one that is no longer offered: what it has received may have to go back."""
    return import_string(_PROVIDERS[name])()
