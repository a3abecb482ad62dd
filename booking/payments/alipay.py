"""Alipay: payment in a phone's browser, notices and answers signed with RSA2.

The SDK builds and signs requests and checks signatures. It is not asked to send them: it ignores the port of an
address, and what it raises about an answer that is not 200 is a TypeError.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

import requests
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import AlipayTradeFastpayRefundQueryRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from django.conf import settings
from django.utils import timezone

from booking.payments.interface import Bill, Forged, Paid, Record, Refused, Return, Told, Unavailable

TIMEOUT = (5, 10)  # seconds to connect and to answer; together well under the claim of an outbox row
_TRADES = {
    "WAIT_BUYER_PAY": Paid.NO,
    "TRADE_SUCCESS": Paid.YES,
    "TRADE_FINISHED": Paid.YES,
    "TRADE_CLOSED": Paid.OVER,
}


class Alipay:
    def __init__(self) -> None:
        own = settings.ALIPAY
        config = AlipayClientConfig()
        config.server_url = self._url = own["URL"]
        config.app_id = self._app_id = own["APP_ID"]
        config.app_private_key = own["KEY"]
        config.alipay_public_key = self._public_key = own["PUBLIC_KEY"]
        self._client = DefaultAlipayClient(config)

    def start(self, bill: Bill) -> str:
        """A signed address: Alipay hears of the payment when the payer's browser comes there."""
        request = AlipayTradeWapPayRequest()
        request.biz_content = {
            "out_trade_no": bill.number,
            "total_amount": _yuan(bill.amount),
            "subject": bill.about,
            "product_code": "QUICK_WAP_WAY",
            "time_expire": timezone.localtime(bill.until).strftime("%Y-%m-%d %H:%M:%S"),
            "quit_url": bill.return_url,
        }
        request.return_url = bill.return_url
        request.notify_url = f"{settings.SITE_URL}/pay/notices/alipay/"
        return f"{self._url}?{self._client.sdk_execute(request)}"

    def confirm(self, headers: Mapping[str, str], body: bytes) -> Told | None:
        try:
            notice = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            signed = {name: value for name, value in notice.items() if name not in ("sign", "sign_type")}
            self._verify(get_sign_content(signed).encode(), notice["sign"])
        except (ValueError, KeyError) as error:
            raise Forged(f"not readable: {type(error).__name__}") from error
        if notice.get("app_id") != self._app_id:
            raise Forged("for another app")
        # Of a refund Alipay tells with the same words and the amount that has gone back.
        if _TRADES.get(notice.get("trade_status", "")) is not Paid.YES or "refund_fee" in notice:
            return None
        return Told(notice["out_trade_no"], _fen(notice["total_amount"]), notice["trade_no"])

    def refund(self, wanted: Return) -> Record:
        request = AlipayTradeRefundRequest()
        request.biz_content = {
            "out_trade_no": wanted.number,
            "refund_amount": _yuan(wanted.amount),
            "out_request_no": wanted.refund_number,
        }
        answer = self._asked(request, "alipay_trade_refund_response")
        # "N" means that this call has moved nothing: it had gone back before, or it is still on its way.
        if answer.get("fund_change") != "Y":
            return self.query_refund(wanted)
        return Record(Paid.YES, wanted.amount, answer["trade_no"])

    def query(self, number: str) -> Record:
        request = AlipayTradeQueryRequest()
        request.biz_content = {"out_trade_no": number}
        trade = self._asked(request, "alipay_trade_query_response", unknown="ACQ.TRADE_NOT_EXIST")
        if not trade:
            return Record(Paid.NO)
        paid = _TRADES.get(trade["trade_status"])
        if paid is None:
            raise Refused(f"unknown state {trade['trade_status']}")
        if paid is not Paid.YES:
            return Record(paid)
        return Record(paid, _fen(trade["total_amount"]), trade["trade_no"])

    def query_refund(self, wanted: Return) -> Record:
        request = AlipayTradeFastpayRefundQueryRequest()
        request.biz_content = {"out_trade_no": wanted.number, "out_request_no": wanted.refund_number}
        refund = self._asked(request, "alipay_trade_fastpay_refund_query_response", unknown="ACQ.TRADE_NOT_EXIST")
        if refund.get("refund_status") != "REFUND_SUCCESS":
            return Record(Paid.NO)
        return Record(Paid.YES, _fen(refund["refund_amount"]), refund["trade_no"])

    def _asked(self, request: Any, name: str, *, unknown: str = "") -> dict[str, Any]:
        """The signed answer of this name; empty where Alipay says `unknown`. Raises Unavailable, Refused."""
        try:
            got = requests.post(self._url, data=dict(parse_qsl(self._client.sdk_execute(request))), timeout=TIMEOUT)
            got.raise_for_status()
            answer = self._signed(got.content.decode(), name)
        except (requests.RequestException, Forged, ValueError, KeyError) as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from error
        if answer["code"] == "10000":
            return answer
        if answer.get("sub_code") == unknown:
            return {}
        if answer["code"] == "20000" or answer.get("sub_code") in ("ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR"):
            raise Unavailable(f"{answer['code']} {answer.get('sub_code')}")
        raise Refused(f"{answer.get('sub_code') or answer['code']}: {answer.get('sub_msg') or answer.get('msg')}")

    def _signed(self, text: str, name: str) -> dict[str, Any]:
        """What is signed is the object as it was sent, letter by letter."""
        begin = text.index("{", text.index(f'"{name}"'))
        answer, end = json.JSONDecoder().raw_decode(text, begin)
        self._verify(text[begin:end].encode(), json.loads(text)["sign"])
        return answer

    def _verify(self, signed: bytes, signature: str) -> None:
        try:
            verify_with_rsa(self._public_key, signed, signature)
        except Exception as error:
            raise Forged("wrong signature") from error


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def _fen(yuan: str) -> int:
    """Exact, or ValueError."""
    try:
        fen = Decimal(yuan) * 100
    except InvalidOperation as error:
        raise ValueError(yuan) from error
    if fen != int(fen):
        raise ValueError(yuan)
    return int(fen)
