"""How patients are told: one small interface, and its ways (docs/notices.md)."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from queueboard.notify.interface import Dead, Later, Notice, NotSent, Refused, Unavailable, Way

SMS = "sms"
_WAYS = {
    "push": "queueboard.notify.push.way.Push",
    SMS: "queueboard.notify.sms.Sms",
    "wechat": "queueboard.wechat.way.WeChat",
}

__all__ = ["SMS", "Dead", "Later", "NotSent", "Notice", "Refused", "Unavailable", "Way", "enabled", "way"]


def enabled() -> list[str]:
    """The ways by which notices go out."""
    return [name for name in settings.NOTICE_WAYS if name in _WAYS]


@cache
def way(name: str) -> Way:
    """The way of this name, made once."""
    return import_string(_WAYS[name])()
