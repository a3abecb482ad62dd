"""WeChat Pay's API v3 as its documents describe it: signed both ways, notices encrypted."""

import json
import re
import secrets
import time
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.fakes.provider import Fake, check, private_pem, public_pem, signed

AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(.*?)",nonce_str="(.*?)",signature="(.*?)",timestamp="(.*?)",serial_no="(.*?)"'
)
KEY_ID = "PUB_KEY_ID_0116000000002026112400000000000001"


class FakeWeChat(Fake):
    name = "wechat"
    api_key = "v3-key-of-thirty-two-characters!"

    def settings(self) -> dict[str, str]:
        return {
            "MCHID": "1900000109",
            "APPID": "wx8888888888888888",
            "KEY": private_pem(self.ours),
            "CERT_SERIAL": "444F4864EA9B34415",
            "API_V3_KEY": self.api_key,
            "PUBLIC_KEY": public_pem(self.theirs),
            "PUBLIC_KEY_ID": KEY_ID,
            "URL": self.url,
        }

    def answer(self, method, path, headers, body):
        body = body.decode()
        if path.startswith("/checkmweb"):
            return 200, {}, b"the cashier"
        try:
            self._signed_by_us(method, path, headers["Authorization"], body)
        except (InvalidSignature, AttributeError, ValueError):
            return self._said(401, {"code": "SIGN_ERROR", "message": "wrong signature"})
        self.asked.append(f"{method} {path.split('?')[0]}")
        return self._said(*self._do(method, path.split("?")[0], json.loads(body) if body else {}))

    def _do(self, method, path, sent):
        if path == "/v3/pay/transactions/h5":
            assert sent["scene_info"]["payer_client_ip"]
            assert sent["notify_url"].startswith("https://")
            trade = {"asked": sent["amount"]["total"], "state": "NOTPAY", "paid": 0, "until": sent["time_expire"]}
            self.trades.setdefault(sent["out_trade_no"], trade)
            return 200, {"h5_url": f"{self.url}/checkmweb?prepay_id=wx{sent['out_trade_no']}"}
        if path.startswith("/v3/pay/transactions/out-trade-no/"):
            number = path.split("/")[-1]
            if number not in self.trades:
                return 404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}
            return 200, self._order(number)
        if method == "GET":
            refund = self.refunds.get(path.split("/")[-1])
            return (200, refund["shown"]) if refund else (404, {"code": "RESOURCE_NOT_EXISTS", "message": "不存在"})
        return self._refund(sent)

    def _refund(self, sent):
        trade = self.trades[sent["out_trade_no"]]
        if self.refusals:
            self.refusals -= 1
            return 403, {"code": "NOT_ENOUGH", "message": "余额不足"}
        if sent["amount"]["refund"] != trade["paid"]:
            return 400, {"code": "PARAM_ERROR", "message": "金额"}
        refund = self.refunds.setdefault(
            sent["out_refund_no"],
            {"amount": trade["paid"], "done": False, "id": f"5030{secrets.randbelow(10**12):012}"},
        )
        if not self.slow:
            refund["done"], trade["state"] = True, "REFUND"
        refund["shown"] = {
            "refund_id": refund["id"],
            "out_refund_no": sent["out_refund_no"],
            "status": "SUCCESS" if refund["done"] else "PROCESSING",
            "amount": {"refund": refund["amount"], "total": trade["paid"], "currency": "CNY"},
        }
        return 200, refund["shown"]

    def pay(self, number, amount=None):
        trade = self.trades[number]
        trade |= {"paid": amount or trade["asked"], "state": "SUCCESS", "id": f"4200{secrets.randbelow(10**12):012}"}

    def notice(self, number, key=None, api_key=None, **changed):
        """Headers and body; `key`, `api_key` of a forger, `changed` fields of the order."""
        order = json.dumps(self._order(number) | changed).encode()
        nonce, associated = secrets.token_hex(6), "transaction"
        sealed = AESGCM((api_key or self.api_key).encode()).encrypt(nonce.encode(), order, associated.encode())
        body = json.dumps(
            {
                "id": secrets.token_hex(16),
                "event_type": "TRANSACTION.SUCCESS",
                "resource_type": "encrypt-resource",
                "resource": {
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": b64encode(sealed).decode(),
                    "nonce": nonce,
                    "associated_data": associated,
                    "original_type": "transaction",
                },
            }
        ).encode()
        return {"Content-Type": "application/json"} | self._signature(body, key), body

    def _order(self, number):
        trade = self.trades[number]
        order = {"mchid": "1900000109", "out_trade_no": number, "trade_state": trade["state"]}
        if trade["paid"]:
            order |= {"transaction_id": trade["id"], "amount": {"total": trade["paid"], "currency": "CNY"}}
        return order

    def _signed_by_us(self, method, path, authorization, body):
        _mchid, nonce, signature, at, _serial = AUTHORIZATION.fullmatch(authorization).groups()
        check(self.ours, f"{method}\n{path}\n{at}\n{nonce}\n{body}\n".encode(), b64decode(signature))

    def _signature(self, body, key=None):
        at, nonce = str(int(time.time())), secrets.token_hex(16)
        signature = signed(key or self.theirs, f"{at}\n{nonce}\n".encode() + body + b"\n")
        return {
            "Wechatpay-Signature": b64encode(signature).decode(),
            "Wechatpay-Timestamp": at,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": KEY_ID,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def _said(self, status, answer):
        body = json.dumps(answer, ensure_ascii=False).encode()
        return status, {"Content-Type": "application/json; charset=utf-8"} | self._signature(body), body
