"""At the start rather than at the first patient: an official account that is set up has all it needs."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from queueboard import wechat
from queueboard.notify.kinds import KINDS
from queueboard.wechat import NEEDED, signing


@register
def official_account(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An error for each setting that lacks where others are there, or cannot be; a warning for what is told nobody."""
    own = settings.WECHAT
    if not any(own[key] for key in (*NEEDED, "AES_KEY")):
        return [_error("NOTICE_WAYS names wechat")] if wechat.NAME in settings.NOTICE_WAYS else []
    missing = [f"WECHAT_{key}" for key in NEEDED if not own[key]]
    missing += [] if settings.SITE_URL.startswith("http") else ["SITE_URL"]
    found: list[CheckMessage] = [_error(f"It needs {each}") for each in missing]
    if own["AES_KEY"] and not signing.is_key(own["AES_KEY"]):
        found.append(_error("WECHAT_AES_KEY is not an EncodingAESKey of 43 characters"))
    return found + _templates(own["TEMPLATES"])


def _templates(templates: dict[str, Any]) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        _error(f"WECHAT_TEMPLATES has {name}, which is not as docs/wechat.md says")
        for name, each in templates.items()
        if name.partition(".")[0] not in KINDS or not isinstance(each, dict) or {*each} != {"id", "data"}
    ]
    if wechat.NAME not in settings.NOTICE_WAYS:
        words = "No notice goes out by WeChat: NOTICE_WAYS does not name wechat."
        return [*found, Warning(words, id="queueboard.W021")] if templates else found
    # A code confirms a phone: it goes to no other place.
    lacking = sorted(set(KINDS) - {"phone_code"} - {name.partition(".")[0] for name in templates})
    if lacking:
        words = f"WECHAT_TEMPLATES has none for {', '.join(lacking)}: these are told nobody by WeChat."
        found.append(Warning(words, id="queueboard.W022"))
    return found


def _error(words: str) -> Error:
    return Error(f"The WeChat official account is not set up. {words}.", id="queueboard.E021")
