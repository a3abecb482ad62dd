"""The calls of WeChat's interface that we make. None of them is made inside a transaction, or while WeChat waits for
an answer of ours."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from queueboard.wechat import credential
from queueboard.wechat.models import WeChatLimit
from queueboard.wechat.transport import Gone, Limited, Refused, TooOften, Unavailable, post

log = logging.getLogger(__name__)
VOID = (40001, 40014, 42001)  # the access token is none, or has expired
SYSTEM_BUSY = -1
GONE = (40003, 43004)
# A call's limit: of the day, which a manager can also reset in the account's own pages, and of the minute.
PAUSES = {45009: timedelta(hours=1), 45011: timedelta(minutes=1)}
TOO_OFTEN = 43117


def send_template(openid: str, *, template: str, data: dict[str, str], url: str, once: str) -> str:
    """Sends a template message; returns its number. Under the same `once` (32 characters) it is shown once within ten
    minutes. Raises Unavailable, Limited, TooOften, Gone, Refused.
    """
    values = {name: {"value": value} for name, value in data.items()}
    wanted = {"touser": openid, "template_id": template, "url": url, "data": values, "client_msg_id": once}
    return str(_call("/cgi-bin/message/template/send", wanted).get("msgid", ""))


def scene_qr(code: str, lasts: timedelta) -> str:
    """The address that a QR code shows so that WeChat tells us who has scanned `code`. Raises as `send_template`."""
    wanted = {
        "expire_seconds": int(lasts.total_seconds()),
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": code}},
    }
    return _call("/cgi-bin/qrcode/create", wanted)["url"]


def make_menu(buttons: list[dict[str, Any]]) -> None:
    """Puts the menu of the account in the place of the one before. Raises Unavailable, Limited, Refused."""
    _call("/cgi-bin/menu/create", {"button": buttons})


def _call(path: str, body: dict[str, Any]) -> dict[str, Any]:
    _not_paused(path, timezone.now())
    token = credential.current()
    answer = post(path, body, token=token.value)
    if answer.get("errcode") in VOID:
        log.info("WeChat's access token is void (%s), asking for another", answer["errcode"])
        answer = post(path, body, token=credential.renewed(token).value)
    if answer.get("errcode") == SYSTEM_BUSY:
        answer = post(path, body, token=credential.current().value)
    return _done(path, answer, timezone.now())


def _done(path: str, answer: dict[str, Any], now: datetime) -> dict[str, Any]:
    code = answer.get("errcode", 0)
    words = f"{path}: {answer.get('errmsg')}"
    if not code:
        return answer
    if code in PAUSES:
        WeChatLimit.objects.update_or_create(call=path, defaults={"until": now + PAUSES[code]})
        raise Limited(words, code, seconds=PAUSES[code].total_seconds())
    if code == TOO_OFTEN:
        raise TooOften(words, code)
    if code == SYSTEM_BUSY or code in VOID:
        raise Unavailable(words, code)
    raise (Gone if code in GONE else Refused)(words, code)


def _not_paused(path: str, now: datetime) -> None:
    pause = WeChatLimit.objects.filter(call=path, until__gt=now).first()
    if pause is not None:
        seconds = (pause.until - now).total_seconds()
        raise Limited(f"{path}: not before {timezone.localtime(pause.until):%H:%M}", seconds=seconds)
