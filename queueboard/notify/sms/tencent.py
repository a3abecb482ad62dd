"""Tencent Cloud SMS: SendSms (2021-01-11), signed with TC3-HMAC-SHA256.

Chosen because phone and code travel in the body: no address of a request, and so no log of one, ever holds them. The
texts are templates that the hospital has had approved, numbered as in PARAMETERS (docs/notices.md).
"""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from django.conf import settings

from queueboard.notify.interface import Dead, Later, Notice, Refused, Unavailable

ACTION, VERSION, SERVICE, ALGORITHM = "SendSms", "2021-01-11", "sms", "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
SIGNED = "content-type;host;x-tc-action"
TIMEOUT = (5, 10)  # seconds to connect and to answer

# {1}, {2}, ... of the approved template of each kind.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "phone_code": ("code", "minutes"),
    "appointment_booked": ("patient", "expert", "day", "start", "come", "token"),
    "appointment_cancelled": ("patient", "expert", "day", "start"),
    "appointment_moved": ("patient", "expert", "day", "start", "come", "token"),
    "appointment_called_off": ("patient", "expert", "day", "start"),
    "expert_substituted": ("patient", "expert", "day", "start", "away", "token"),
    "session_time_changed": ("patient", "expert", "day", "start", "was", "come", "token"),
    "session_room_changed": ("patient", "expert", "day", "room", "token"),
    "hold_expired": ("patient", "expert", "day", "start"),
    "reminder": ("patient", "expert", "day", "start", "come", "token"),
    "refund_done": ("patient", "amount", "expert", "day"),
    "suspended": ("patient", "until"),
    "suspension_lifted": ("patient",),
    "ballot_won": ("patient", "expert", "day", "start", "token"),
    "ballot_lost": ("patient", "expert", "day", "token"),
    "waitlist_offered": ("patient", "expert", "day", "start", "until", "token"),
    "waitlist_lapsed": ("patient", "expert", "day"),
    "ahead": ("number", "expert", "ahead", "token"),
    "called": ("number", "room"),
    "call_taken_back": ("number",),
    "room_changed": ("number", "room"),
    "handed_over": ("number", "expert", "token"),
    "turn_changed": ("number", "expert", "turn", "token"),
    "time_changed": ("patient", "expert", "come", "token"),
    "set_out": ("patient", "expert", "come", "token"),
    "session_stopped": ("patient", "expert"),
    "session_goes_on": ("patient", "expert"),
}

# A number that no message reaches, now or later.
_DEAD = (
    "InvalidParameterValue.IncorrectPhoneNumber",
    "FailedOperation.PhoneNumberInBlacklist",
    "UnsupportedOperation.UnsupportedRegion",
    "UnsupportedOperation.UnsuportedRegion",  # as the provider also spells it
)
# Too many to one number: seconds until one more may pass.
_LATER = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600,
    "LimitExceeded.PhoneNumberDailyLimit": 24 * 3600,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 24 * 3600,
    "LimitExceeded.DeliveryFrequencyLimit": 60,
}
# The template, its parameters or the sign do not fit: sending them again changes nothing.
_REFUSED = ("FailedOperation.", "InvalidParameter", "MissingParameter", "UnsupportedOperation.")
# As FailedOperation, but put right by whoever tops the account up.
_EMPTY = "FailedOperation.InsufficientBalanceInSmsPackage"


class Tencent:
    def __init__(self) -> None:
        own = settings.TENCENT_SMS
        self._id, self._key = own["SECRET_ID"], own["SECRET_KEY"]
        self._app, self._sign, self._region = own["APP_ID"], own["SIGN_NAME"], own["REGION"]
        self._url = own["URL"]
        self._templates: dict[str, str] = own["TEMPLATES"]
        self._session = requests.Session()
        self._session.trust_env = False

    def send(self, phone: str, notice: Notice) -> str:
        template = self._templates.get(f"{notice.kind}.{notice.language}", self._templates.get(notice.kind))
        if template is None:
            raise Refused(f"no template for {notice.kind}")
        return self._asked(
            {
                "PhoneNumberSet": [phone if phone.startswith("+") else f"+86{phone}"],
                "SmsSdkAppId": self._app,
                "SignName": self._sign,
                "TemplateId": template,
                "TemplateParamSet": [notice.values.get(name, "") for name in PARAMETERS[notice.kind]],
            }
        )

    def _asked(self, wanted: dict[str, object]) -> str:
        body = json.dumps(wanted, ensure_ascii=False).encode()
        try:
            answer = self._session.post(self._url, data=body, headers=self._headers(body), timeout=TIMEOUT)
            said = answer.json()["Response"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            # Not its words: they may quote what was sent.
            raise Unavailable(f"no answer ({type(error).__name__})") from None
        if "Error" in said:
            raise _refusal(said["Error"]["Code"])
        status = said["SendStatusSet"][0]
        if status["Code"] != "Ok":
            raise _refusal(status["Code"])
        return str(status["SerialNo"])

    def _headers(self, body: bytes) -> dict[str, str]:
        now = int(time.time())
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Host": urlsplit(self._url).netloc,
            "X-TC-Action": ACTION,
            "X-TC-Version": VERSION,
            "X-TC-Region": self._region,
            "X-TC-Timestamp": str(now),
        }
        return headers | {"Authorization": self._authorization(headers, body, now)}

    def _authorization(self, headers: dict[str, str], body: bytes, now: int) -> str:
        signed = {name.lower(): value.lower() for name, value in headers.items()}
        listed = "".join(f"{name}:{signed[name]}\n" for name in SIGNED.split(";"))
        request = "\n".join(("POST", "/", "", listed, SIGNED, hashlib.sha256(body).hexdigest()))
        date = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        scope = f"{date}/{SERVICE}/tc3_request"
        to_sign = "\n".join((ALGORITHM, str(now), scope, hashlib.sha256(request.encode()).hexdigest()))
        key = f"TC3{self._key}".encode()
        for part in (date, SERVICE, "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        return f"{ALGORITHM} Credential={self._id}/{scope}, SignedHeaders={SIGNED}, Signature={signature}"


def _refusal(code: str) -> Exception:
    """What a code of the provider means for this message and for the others."""
    if code in _DEAD:
        return Dead(code)
    if code in _LATER:
        return Later(code, _LATER[code])
    if code != _EMPTY and code.startswith(_REFUSED):
        return Refused(code)
    # Rate limits of the account, wrong keys, an empty account, its own errors: for all, and put right in time.
    return Unavailable(code)
