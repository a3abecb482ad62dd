"""Alipay's gateway as its documents describe it: RSA2 on requests, answers and notices."""

import json
import secrets
from base64 import b64decode, b64encode
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature

from tests.fakes.provider import Fake, check, private_pem, public_pem, signed

APP_ID = "2021000000000001"


class FakeAlipay(Fake):
    name = "alipay"

    def settings(self) -> dict[str, str]:
        return {
            "APP_ID": APP_ID,
            "KEY": private_pem(self.ours, old=True),
            "PUBLIC_KEY": public_pem(self.theirs),
            "URL": f"{self.url}/gateway.do",
        }

    def answer(self, method, path, headers, body):
        sent = dict(parse_qsl(urlsplit(path).query if method == "GET" else body.decode()))
        name = sent.get("method", "").replace(".", "_") + "_response"
        try:
            check(self.ours, _content(sent, "sign"), b64decode(sent["sign"]))
        except (InvalidSignature, KeyError, ValueError):
            return self._said("error_response", {"code": "40002", "sub_code": "isv.invalid-signature"})
        self.asked.append(sent["method"])
        wanted = json.loads(sent["biz_content"])
        if sent["method"] == "alipay.trade.wap.pay":
            assert sent["notify_url"].startswith("https://")
            trade = {"asked": _fen(wanted["total_amount"]), "state": "WAIT_BUYER_PAY", "paid": 0}
            self.trades.setdefault(wanted["out_trade_no"], trade | {"until": wanted["time_expire"]})
            return 200, {}, b"the cashier"
        return self._said(name, {"code": "10000", "msg": "Success"} | self._do(sent["method"], wanted))

    def _do(self, method, wanted):
        number, trade = wanted["out_trade_no"], self.trades.get(wanted["out_trade_no"])
        if trade is None:
            return {
                "code": "40004",
                "msg": "Business Failed",
                "sub_code": "ACQ.TRADE_NOT_EXIST",
                "sub_msg": "交易不存在",
            }
        if method == "alipay.trade.query":
            return self._trade(number)
        refund = self.refunds.get(wanted["out_request_no"])
        if method == "alipay.trade.refund":
            return self._refund(wanted, trade)
        if refund is None or not refund["done"]:
            return {}
        return {"refund_status": "REFUND_SUCCESS", "refund_amount": _yuan(refund["amount"]), "trade_no": trade["id"]}

    def _refund(self, wanted, trade):
        if self.refusals:
            self.refusals -= 1
            return {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH", "sub_msg": "卖家余额不足"}
        if _fen(wanted["refund_amount"]) != trade["paid"]:
            return {"code": "40004", "sub_code": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "sub_msg": "金额"}
        refund = self.refunds.setdefault(wanted["out_request_no"], {"amount": trade["paid"], "done": False})
        changed = not refund["done"] and not self.slow
        if changed:
            refund["done"], trade["state"] = True, "TRADE_CLOSED"
        return {"fund_change": "Y" if changed else "N", "trade_no": trade["id"]}

    def pay(self, number, amount=None):
        trade = self.trades[number]
        trade |= {
            "paid": amount or trade["asked"],
            "state": "TRADE_SUCCESS",
            "id": f"2026{secrets.randbelow(10**12):012}",
        }

    def notice(self, number, key=None, **changed):
        """Headers and body; `key` of a forger, `changed` fields."""
        fields = {
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(16),
            "app_id": APP_ID,
            "charset": "utf-8",
            "passback_params": "",
            "subject": "预约 2026-11-16",
            **self._trade(number),
            **changed,
        }
        signature = b64encode(signed(key or self.theirs, _content(fields))).decode()
        body = urlencode(fields | {"sign_type": "RSA2", "sign": signature}).encode()
        return {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, body

    def _trade(self, number):
        trade = self.trades[number]
        shown = {"out_trade_no": number, "trade_status": trade["state"], "total_amount": _yuan(trade["asked"])}
        if trade["paid"]:
            shown |= {"trade_no": trade["id"], "total_amount": _yuan(trade["paid"])}
        return shown

    def _said(self, name, answer):
        text = json.dumps(answer, ensure_ascii=False)
        signature = b64encode(signed(self.theirs, text.encode())).decode()
        body = f'{{"{name}":{text},"sign":"{signature}"}}'.encode()
        return 200, {"Content-Type": "text/html;charset=utf-8"}, body


def _content(fields, *without):
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in without).encode()


def _yuan(fen):
    return f"{fen / 100:.2f}"


def _fen(yuan):
    return round(float(yuan) * 100)
