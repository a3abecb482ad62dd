"""At the start rather than at the first patient: a provider that is offered has all it needs."""

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from booking.models import Payment


@register
def providers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An error for each provider of PAYMENT_PROVIDERS that is none, or lacks a setting or its library."""
    found: list[CheckMessage] = []
    for name in settings.PAYMENT_PROVIDERS:
        if name not in Payment.Provider.values:
            found.append(Error(f"PAYMENT_PROVIDERS names {name}, which is no provider.", id="booking.E001"))
        elif name != Payment.Provider.DEMO:
            found += [Error(f"Payments by {name} need {each}.", id="booking.E002") for each in _missing(name)]
    return found


def _missing(name: str) -> list[str]:
    prefix = {"wechat": "WECHATPAY", "alipay": "ALIPAY"}[name]
    missing = [f"{prefix}_{key}" for key, value in getattr(settings, prefix).items() if not value]
    if not settings.SITE_URL.startswith("http"):
        missing.append("SITE_URL")
    if name == "alipay" and find_spec("alipay") is None:
        missing.append("its library: pip install -r requirements-alipay.txt")
    return missing
