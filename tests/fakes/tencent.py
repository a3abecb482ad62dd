"""Tencent Cloud SMS as its documents describe it: SendSms 2021-01-11, TC3-HMAC-SHA256, its own codes."""

import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime

from tests.fakes.http import Served

SECRET_ID, SECRET_KEY, APP_ID, SIGN_NAME = "AKIDexample", "secret-of-the-example", "1400006666", "示范医院"
AUTHORIZATION = re.compile(r"TC3-HMAC-SHA256 Credential=(.+?)/(.+?), ?SignedHeaders=(.+?), ?Signature=([0-9a-f]{64})")
MOBILE = re.compile(r"\+861[0-9]{10}|\+(?!86)[0-9]{6,15}")


class FakeTencent(Served):
    def __init__(self) -> None:
        self.reset()
        super().__init__()

    def reset(self) -> None:
        self.down = False
        self.status = 200
        self.error = ""  # refuses the whole request with this code
        self.codes: dict[str, str] = {}  # by phone: what this number is answered
        self.sent: list[dict] = []
        self.templates = {"1001": 2, "1002": 4, "1003": 2}  # approved ones and their variables

    def settings(self) -> dict:
        return {
            "SECRET_ID": SECRET_ID,
            "SECRET_KEY": SECRET_KEY,
            "APP_ID": APP_ID,
            "SIGN_NAME": SIGN_NAME,
            "TEMPLATES": {"phone_code": "1001", "ahead": "1002", "called": "1003"},
            "REGION": "ap-guangzhou",
            "URL": self.url,
        }

    def answer(self, method, path, headers, body):
        assert (method, path) == ("POST", "/"), "nothing that names anybody stands in an address"
        if self.status != 200:
            return self.status, {}, b"<html>bad gateway</html>"
        code = self.error or self._wrong_with(headers, body)
        if code:
            return self._said({"Error": {"Code": code, "Message": "as the code says"}})
        wanted = json.loads(body)
        return self._said({"SendStatusSet": [self._do(phone, wanted) for phone in wanted["PhoneNumberSet"]]})

    def _wrong_with(self, headers, body) -> str:
        found = AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
        if found is None:
            return "AuthFailure.InvalidAuthorization"
        secret_id, scope, signed, signature = found.groups()
        if secret_id != SECRET_ID:
            return "AuthFailure.SecretIdNotFound"
        stamp = int(headers["X-TC-Timestamp"])
        if abs(time.time() - stamp) > 300:
            return "AuthFailure.SignatureExpire"
        date = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"
        names = signed.split(";")
        if scope != f"{date}/sms/tc3_request" or names != sorted(names) or not {"content-type", "host"} <= set(names):
            return "AuthFailure.InvalidAuthorization"
        canonical = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in names)
        request = f"POST\n/\n\n{canonical}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        to_sign = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"TC3{SECRET_KEY}".encode()
        for part in (date, "sms", "tc3_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), signature):
            return "AuthFailure.SignatureFailure"
        if (headers.get("X-TC-Action"), headers.get("X-TC-Version")) != ("SendSms", "2021-01-11"):
            return "InvalidAction"
        return "" if headers.get("X-TC-Region") else "MissingParameter"

    def _do(self, phone, wanted) -> dict:
        code = self._code(phone, wanted)
        serial = ""
        if code == "Ok":
            serial = f"5000:{len(self.sent)}"
            self.sent.append(
                {"phone": phone, "template": wanted["TemplateId"], "parameters": wanted["TemplateParamSet"]}
            )
        return {"SerialNo": serial, "PhoneNumber": phone, "Fee": int(code == "Ok"), "Code": code, "Message": code}

    def _code(self, phone, wanted) -> str:
        if (wanted["SmsSdkAppId"], wanted["SignName"]) != (APP_ID, SIGN_NAME):
            return "FailedOperation.SignatureIncorrectOrUnapproved"
        if wanted["TemplateId"] not in self.templates:
            return "FailedOperation.TemplateIncorrectOrUnapproved"
        if len(wanted["TemplateParamSet"]) != self.templates[wanted["TemplateId"]]:
            return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        if not MOBILE.fullmatch(phone):
            return "InvalidParameterValue.IncorrectPhoneNumber"
        return self.codes.get(phone, "Ok")

    def _said(self, answer):
        body = json.dumps({"Response": {**answer, "RequestId": "a0aabda6-cf91-4f3e-a81f-9198114a2279"}})
        return 200, {"Content-Type": "application/json"}, body.encode()
