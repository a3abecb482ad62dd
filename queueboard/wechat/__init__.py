"""The hospital's WeChat official account (docs/wechat.md)."""

from django.conf import settings

NAME = "wechat"  # of this way, in the database and in `queueboard.chat`
NEEDED = ("APP_ID", "SECRET", "TOKEN")


def is_set_up() -> bool:
    """Whether the hospital has an official account that we serve; else nothing of it shows."""
    return bool(settings.SITE_URL) and all(settings.WECHAT[key] for key in NEEDED)
