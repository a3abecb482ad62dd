"""One request to WeChat's interface, and what may become of it. No error holds a token, a secret or an openid."""

import json
import logging
from typing import Any

import requests
from django.conf import settings

log = logging.getLogger(__name__)
TIMEOUT = (3, 5)  # seconds to connect and to answer


class WeChatError(Exception):
    """What WeChat did not do; `code` is its own. The words are for the log and for staff, never for patients."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(f"{words} ({code})" if code else words)
        self.code = code


class Unavailable(WeChatError):
    """No answer, or "busy": whether it was done is not known. To be asked again."""


class Limited(Unavailable):
    """So many calls are not allowed. To be asked again after `seconds`."""

    def __init__(self, words: str, code: int = 0, *, seconds: float) -> None:
        super().__init__(words, code)
        self.seconds = seconds


class TooOften(WeChatError):
    """Too many messages to this one user. Others are not affected; to be tried again after `seconds`."""

    seconds = 600.0


class Refused(WeChatError):
    """WeChat said no, and will again."""


class Gone(Refused):
    """Nobody is there: the openid is none, or its owner does not follow the account any more."""


def post(path: str, body: dict[str, Any], *, token: str = "") -> dict[str, Any]:
    """What WeChat answers, its `errcode` included. Raises Unavailable."""
    try:
        response = requests.post(
            settings.WECHAT["URL"] + path,
            params={"access_token": token} if token else None,
            # WeChat shows a \u6392 as it stands.
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT,
        )
        response.raise_for_status()
        answer = json.loads(response.content)
    except (requests.RequestException, ValueError) as error:
        # Without its cause: an error of the library tells the address, and the token with it.
        raise Unavailable(f"{path}: {type(error).__name__}") from None
    if not isinstance(answer, dict):
        raise Unavailable(f"{path}: no object")
    return answer
