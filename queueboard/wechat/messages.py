"""WeChat's XML: what a user did, and what is answered."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xmltodict
from wechatpy.replies import TextReply

from queueboard.wechat import signing

SCANNED = "qrscene_"  # before the code of who followed by scanning it
LONGEST = 2048  # bytes of a text: WeChat shows nothing at all of a longer one


class Unreadable(Exception):
    """A body that is no message. The words are for the log, and hold nothing of the body."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message or event.

    `proof` is the signature that it came with, where that does not cover the message; `identity` is the same each time
    it is delivered. `kind` is WeChat's own: text, image, ..., "event subscribe", "event scan", ... `text` is what was
    typed, a menu's key or a scanned code. `sent` is the number of a message of ours, `fate` what an event tells of it.
    """

    sender: str
    account: str
    proof: str
    identity: str
    kind: str
    text: str
    sent: str = ""
    fate: str = ""


def read(query: Mapping[str, str], body: bytes, *, now: datetime) -> Incoming:
    """A request's message. Raises signing.Forged, Unreadable."""
    if signing.encrypts():
        # No plain message either: who has only seen a signature could put any words under it.
        encrypted = _text(_fields(body), "Encrypt")
        signing.check(query, "msg_signature", encrypted, now=now)
        return _incoming(_fields(signing.decrypt(encrypted).encode()), "")
    return _incoming(_fields(body), signing.check(query, "signature", now=now))


def answer(to: Incoming, text: str, *, now: datetime) -> str:
    """The body that answers; where there is nothing to say, the word that WeChat shows nobody."""
    if not text:
        return "success"
    at = int(now.timestamp())
    # Wechatpy puts the text into a CDATA section as it is.
    content = _clipped(text).replace("]]>", "]]]]><![CDATA[>")
    reply = TextReply(source=to.account, target=to.sender, time=at, content=content).render()
    return _enveloped(reply, at) if signing.encrypts() else reply


def _clipped(text: str) -> str:
    """Whole lines, as many as WeChat shows."""
    lines = text.split("\n")
    while len("\n".join(lines).encode()) > LONGEST and len(lines) > 1:
        lines.pop()
    return "\n".join(lines)


def _incoming(fields: dict[str, Any], proof: str) -> Incoming:
    sender, made, number = _text(fields, "FromUserName"), _text(fields, "CreateTime"), _text(fields, "MsgId")
    kind = _text(fields, "MsgType").lower()
    event = _text(fields, "Event").lower() if kind == "event" else ""
    text = _text(fields, "EventKey" if event else "Content").removeprefix(SCANNED if event else "")
    if not sender or not kind or not (made if event else number):
        raise Unreadable("no message")
    return Incoming(
        sender=sender,
        account=_text(fields, "ToUserName"),
        proof=proof,
        # As WeChat's documents tell duplicates: messages by their number, events by who and when.
        identity=f"{sender} {made} {event} {text}" if event else number,
        kind=f"{kind} {event}".strip(),
        text=text,
        sent=_text(fields, "MsgID"),
        fate=_text(fields, "Status"),
    )


def _enveloped(reply: str, at: int) -> str:
    encrypted, nonce = signing.encrypt(reply), str(secrets.randbelow(10**10))
    return (
        f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signing.sign(str(at), nonce, encrypted)}]]></MsgSignature>"
        f"<TimeStamp>{at}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    )


def _fields(body: bytes) -> dict[str, Any]:
    """What stands in <xml>. The parser refuses entities."""
    try:
        found = xmltodict.parse(body, disable_entities=True).get("xml")
    except Exception as error:  # expat's, or a ValueError for an entity
        raise Unreadable(type(error).__name__) from None
    return found if isinstance(found, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    """A field; "" where it is missing, or not one piece of text."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
