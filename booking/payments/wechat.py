"""WeChat Pay, API v3: payment in a phone's browser (H5), notices encrypted with AES-GCM, all of it signed with RSA.

The library (wechatpayv3) builds, signs, sends and checks; what it raises is a bare Exception in most cases.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone
from wechatpayv3 import WeChatPay, WeChatPayType

from booking.payments.interface import Bill, Forged, Paid, Record, Refused, Return, Told, Unavailable

TIMEOUT = (5, 10)  # seconds to connect and to answer; together well under the claim of an outbox row
_ORDERS = {
    "SUCCESS": Paid.YES,
    "NOTPAY": Paid.NO,
    "USERPAYING": Paid.NO,
    "PAYERROR": Paid.NO,
    "REFUND": Paid.OVER,
    "CLOSED": Paid.OVER,
    "REVOKED": Paid.OVER,
}


class WeChat:
    def __init__(self) -> None:
        own = settings.WECHATPAY
        self._mchid = own["MCHID"]
        self._public_key_id = own["PUBLIC_KEY_ID"]
        self._client = WeChatPay(
            wechatpay_type=WeChatPayType.H5,
            mchid=self._mchid,
            private_key=own["KEY"],
            cert_serial_no=own["CERT_SERIAL"],
            appid=own["APPID"],
            apiv3_key=own["API_V3_KEY"],
            # With the platform's public key named, the library never fetches certificates by itself.
            public_key=own["PUBLIC_KEY"],
            public_key_id=self._public_key_id,
            timeout=TIMEOUT,
        )
        # The library knows one address; WeChat Pay has a second one for when the first cannot be reached.
        self._client._core._gate_way = own["URL"]

    def start(self, bill: Bill) -> str:
        answer = self._asked(
            self._client.pay,
            description=bill.about,
            out_trade_no=bill.number,
            amount={"total": bill.amount, "currency": "CNY"},
            time_expire=timezone.localtime(bill.until).isoformat(timespec="seconds"),
            scene_info={"payer_client_ip": bill.address, "h5_info": {"type": "Wap"}},
            notify_url=f"{settings.SITE_URL}/pay/notices/wechat/",
        )
        return answer["h5_url"]

    def confirm(self, headers: Mapping[str, str], body: bytes) -> Told | None:
        # Any other serial would make the library ask WeChat Pay for certificates, once for every forged notice.
        if headers.get("Wechatpay-Serial") != self._public_key_id:
            raise Forged("not signed with WeChat Pay's key")
        try:
            notice = self._client.callback(headers, body)
        except Exception as error:
            raise Forged(f"not readable: {type(error).__name__}") from error
        if not notice:
            raise Forged("wrong signature, or encrypted with another key")
        order = notice["resource"]
        if notice.get("event_type") != "TRANSACTION.SUCCESS" or order.get("trade_state") != "SUCCESS":
            return None
        if order.get("mchid") != self._mchid:
            raise Forged("for another merchant")
        return Told(order["out_trade_no"], order["amount"]["total"], order["transaction_id"])

    def refund(self, wanted: Return) -> Record:
        return _returned(
            self._asked(
                self._client.refund,
                out_refund_no=wanted.refund_number,
                out_trade_no=wanted.number,
                amount={"refund": wanted.amount, "total": wanted.amount, "currency": "CNY"},
            )
        )

    def query(self, number: str) -> Record:
        order = self._asked(self._client.query, unknown="ORDER_NOT_EXIST", out_trade_no=number)
        if not order:
            return Record(Paid.NO)
        paid = _ORDERS.get(order["trade_state"])
        if paid is None:
            raise Refused(f"unknown state {order['trade_state']}")
        if paid is not Paid.YES:
            return Record(paid)
        return Record(paid, order["amount"]["total"], order["transaction_id"])

    def query_refund(self, wanted: Return) -> Record:
        refund = self._asked(
            self._client.query_refund, unknown="RESOURCE_NOT_EXISTS", out_refund_no=wanted.refund_number
        )
        return _returned(refund) if refund else Record(Paid.NO)

    def _asked(self, call: Any, *, unknown: str = "", **wanted: Any) -> dict[str, Any]:
        """The answer of a call; empty where WeChat Pay says `unknown`. Raises Unavailable, Refused."""
        try:
            status, text = call(**wanted)
            answer = json.loads(text) if text else {}
        except Exception as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from error
        if 200 <= status < 300:
            return answer
        if status >= 500 or status == 429:
            raise Unavailable(f"{status} {answer.get('code')}")
        if unknown and answer.get("code") in (unknown, unknown.replace("_", "")):
            return {}
        raise Refused(f"{answer.get('code')}: {answer.get('message')}")


def _returned(refund: dict[str, Any]) -> Record:
    if refund["status"] in ("CLOSED", "ABNORMAL"):
        raise Refused(f"refund {refund['status']}")
    if refund["status"] != "SUCCESS":
        return Record(Paid.NO)
    return Record(Paid.YES, refund["amount"]["refund"], refund["refund_id"])
