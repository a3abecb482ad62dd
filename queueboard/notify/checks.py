"""At the start rather than at the first patient: the ways that are enabled have all they need."""

from datetime import time
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from booking import quiet
from queueboard import notify
from queueboard.notify.kinds import KINDS
from queueboard.notify.people import ALWAYS, CODES, OTHERWISE
from queueboard.notify.push import keys
from queueboard.notify.sms import PROVIDERS


@register
def ways(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An error for each setting that cannot be; a warning for what will be told nobody."""
    found: list[CheckMessage] = [
        Error(f"NOTICE_WAYS names {name}, which is no way.", id="queueboard.E001")
        for name in settings.NOTICE_WAYS
        if name not in notify.enabled()
    ]
    try:
        quiet.hours()
    except ValueError:
        found.append(Error("QUIET_HOURS is not like 21:00-07:00.", id="queueboard.E002"))
    try:
        time.fromisoformat(settings.REMIND_AT)
    except ValueError:
        found.append(Error("REMIND_AT is no time like 18:00.", id="queueboard.E006"))
    if settings.SMS_NOTICES not in (ALWAYS, OTHERWISE, CODES):
        found.append(Error("SMS_NOTICES is none of always, otherwise, codes.", id="queueboard.E003"))
    if settings.SMS_PROVIDER not in PROVIDERS:
        found.append(Error(f"SMS_PROVIDER names {settings.SMS_PROVIDER}, which is none.", id="queueboard.E004"))
    elif settings.SMS_PROVIDER == "tencent" and notify.SMS in notify.enabled():
        found += _tencent()
    if "push" in notify.enabled():
        found += _push()
    return found


def _push() -> list[CheckMessage]:
    try:
        keys.private()
    except ValueError:
        words = "Web push needs VAPID_PRIVATE_KEY: manage.py make_vapid_keys makes one."
        return [Error(words, id="queueboard.E007")]
    if settings.SITE_URL and not settings.VAPID_CONTACT:
        words = "VAPID_CONTACT is not set (mailto: or https:): some push services refuse what comes from nobody."
        return [Warning(words, id="queueboard.W002")]
    return []


def _tencent() -> list[CheckMessage]:
    own = settings.TENCENT_SMS
    missing = [f"TENCENT_SMS_{key}" for key, value in own.items() if not value]
    found: list[CheckMessage] = [Error(f"SMS by tencent need {each}.", id="queueboard.E005") for each in missing]
    told = {name.partition(".")[0] for name in own["TEMPLATES"]}
    needed = {"phone_code"} if settings.SMS_NOTICES == CODES else set(KINDS)
    if lacking := sorted(needed - told):
        words = f"TENCENT_SMS_TEMPLATES has none for {', '.join(lacking)}: these are told nobody by SMS."
        found.append(Warning(words, id="queueboard.W001"))
    return found
