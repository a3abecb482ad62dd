"""WeChat's side of an official account as its documents describe it.

The interface: a stable access token that expires and can be made void, template messages, QR codes with a scene, the
menu, limits. And what WeChat posts to us: signed, plain or encrypted, by code of its own (OpenSSL's AES through
`cryptography`, not the library that we read it with).
"""

import hashlib
import json
import secrets
import struct
import time
from base64 import b64decode, b64encode
from itertools import count
from threading import Lock
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.fakes.http import Served

APP_ID, SECRET, TOKEN = "wx5823bf96d3bd56c7", "s" * 32, "queueboard"
AES_KEY = b64encode(bytes(range(32))).decode().rstrip("=")
ACCOUNT = "gh_7f083739789a"
WAY = "/cgi-bin/"


class FakeOfficialAccount(Served):
    def __init__(self) -> None:
        self.lock = Lock()
        self.reset()
        super().__init__()

    def reset(self) -> None:
        self.down = False
        self.followers: set[str] = set()
        self.tokens: dict[str, float] = {}  # valid until
        self.current = ""
        self.lasts = 7200
        self.asked: list[str] = []  # the calls, in order
        self.fails: list[int] = []  # error codes of the next calls but those for a token
        self.token_fails: list[int] = []
        self.slow = 0.0  # seconds that a token takes
        self.sent: list[dict] = []
        self.scenes: dict[str, dict] = {}  # by the address in the QR code
        self.menu: list | None = None
        self.seen: set[tuple[str, str]] = set()

    def settings(self, *, encrypted: bool = False) -> dict[str, str]:
        keys = {"APP_ID": APP_ID, "SECRET": SECRET, "TOKEN": TOKEN, "URL": self.url}
        return keys | {"AES_KEY": AES_KEY if encrypted else "", "TEMPLATES": {}}

    def void(self) -> None:
        """Somebody had the token replaced by force: it is void at once."""
        self.tokens.clear()
        self.current = ""

    def expire(self) -> None:
        """Two hours pass."""
        self.tokens = {token: time.time() - 1 for token in self.tokens}

    # --- the interface ------------------------------------------------------------------------------------------
    def answer(self, method, path, headers, body):
        parts = urlsplit(path)
        call = parts.path.removeprefix(WAY)
        with self.lock:
            self.asked.append(call)
        if method != "POST" or not parts.path.startswith(WAY):
            return 404, {}, b""
        wanted = json.loads(body)
        if call == "stable_token":
            said = self._token(wanted)
        else:
            with self.lock:
                said = self._checked(parse_qs(parts.query).get("access_token", [""])[0]) or self._do(call, wanted)
        return 200, {"Content-Type": "application/json; encoding=utf-8"}, json.dumps(said).encode()

    def _token(self, wanted):
        time.sleep(self.slow)
        with self.lock:
            if self.token_fails:
                return _error(self.token_fails.pop(0))
            if (wanted["grant_type"], wanted["appid"], wanted["secret"]) != ("client_credential", APP_ID, SECRET):
                return _error(40125, "invalid appsecret")
            left = self.tokens.get(self.current, 0) - time.time()
            if wanted.get("force_refresh") or left <= 300:
                if wanted.get("force_refresh"):
                    self.tokens.pop(self.current, None)
                self.current = secrets.token_hex(60)
                left = self.lasts
                self.tokens[self.current] = time.time() + left
            return {"access_token": self.current, "expires_in": int(left)}

    def _checked(self, token):
        if token not in self.tokens:
            return _error(40001, "invalid credential, access_token is invalid or not latest")
        if self.tokens[token] < time.time():
            return _error(42001, "access_token expired")
        return _error(self.fails.pop(0)) if self.fails else None

    def _do(self, call, wanted):
        if call == "message/template/send":
            return self._send(wanted)
        if call == "qrcode/create":
            assert wanted["action_name"] == "QR_STR_SCENE"
            assert 60 <= wanted["expire_seconds"] <= 2592000
            scene = wanted["action_info"]["scene"]["scene_str"]
            assert 1 <= len(scene) <= 64
            url = f"http://weixin.qq.com/q/{secrets.token_urlsafe(16)}"
            self.scenes[url] = {"scene": scene, "until": time.time() + wanted["expire_seconds"]}
            return {"ticket": secrets.token_urlsafe(60), "expire_seconds": wanted["expire_seconds"], "url": url}
        if call == "menu/create":
            self.menu = wanted["button"]
            assert len(self.menu) <= 3
            assert all(len(button.get("sub_button", [])) <= 5 for button in self.menu)
            return _error(0, "ok")
        return _error(40066, "invalid url")

    def _send(self, wanted):
        if not wanted["touser"].startswith("o"):
            return _error(40003, "invalid openid")
        if wanted["touser"] not in self.followers:
            return _error(43004, "require subscribe")
        for name, value in wanted["data"].items():
            if not value["value"] or len(value["value"]) > (20 if name.startswith("thing") else 32):
                return _error(47003, f"argument invalid! data.{name}.value invalid")
        if (wanted["touser"], wanted["client_msg_id"]) not in self.seen:
            self.seen.add((wanted["touser"], wanted["client_msg_id"]))
            self.sent.append(wanted)
        return _error(0, "ok") | {"msgid": len(self.sent)}


def _error(code, words="system error"):
    return {"errcode": code, "errmsg": words if not code else f"{words} rid: 65004ee5-3ca2dfc2"}


# --- what WeChat posts ------------------------------------------------------------------------------------------
_numbers = count(23_000_000_000_000_000)
_moments = count(int(time.time()))  # no two events in one second
_key = b64decode(AES_KEY + "=")


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted([TOKEN, *parts])).encode()).hexdigest()


def query(*signed: str, at: float | None = None) -> dict[str, str]:
    """The parameters of a request; with `signed`, which is encrypted, those of an encrypted one."""
    at, nonce = str(int(time.time() if at is None else at)), str(secrets.randbelow(10**10))
    found = {"signature": signature(at, nonce), "timestamp": at, "nonce": nonce}
    return found | ({"encrypt_type": "aes", "msg_signature": signature(at, nonce, *signed)} if signed else {})


def xml(fields: dict[str, object]) -> str:
    inner = "".join(
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{inner}</xml>"


def message(sender: str, kind: str = "text", **fields: object) -> dict[str, object]:
    """A new message: each has a number of its own, which it keeps when it is sent again."""
    head = {"ToUserName": ACCOUNT, "FromUserName": sender, "CreateTime": int(time.time()), "MsgType": kind}
    return head | fields | {"MsgId": next(_numbers)}


def event(sender: str, name: str, key: str | None = None, **fields: object) -> dict[str, object]:
    head = {"ToUserName": ACCOUNT, "FromUserName": sender, "CreateTime": next(_moments)}
    return head | {"MsgType": "event", "Event": name} | ({} if key is None else {"EventKey": key}) | fields


def encrypt(text: str, app_id: str = APP_ID) -> str:
    data = secrets.token_bytes(16) + struct.pack(">I", len(text.encode())) + text.encode() + app_id.encode()
    padding = 32 - len(data) % 32
    encryptor = Cipher(algorithms.AES(_key), modes.CBC(_key[:16])).encryptor()
    return b64encode(encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()).decode()


def decrypt(text: str) -> str:
    decryptor = Cipher(algorithms.AES(_key), modes.CBC(_key[:16])).decryptor()
    data = decryptor.update(b64decode(text)) + decryptor.finalize()
    data = data[16 : -data[-1]]
    (length,) = struct.unpack(">I", data[:4])
    assert data[4 + length :].decode() == APP_ID
    return data[4 : 4 + length].decode()


def request(fields: dict[str, object], *, encrypted: bool = False, at: float | None = None) -> tuple[str, str]:
    """Path and body of the post that brings this."""
    body, signed = xml(fields), ()
    if encrypted:
        signed = (encrypt(body),)
        body = xml({"ToUserName": ACCOUNT, "Encrypt": signed[0]})
    return "/wechat/?" + urlencode(query(*signed, at=at) | {"openid": str(fields["FromUserName"])}), body


def read(answer: bytes) -> dict[str, str]:
    """What WeChat shows of an answer: its fields; {} for nothing."""
    if answer in (b"success", b""):
        return {}
    fields = {each.tag: each.text or "" for each in ElementTree.fromstring(answer)}
    if "Encrypt" not in fields:
        return fields
    assert fields["MsgSignature"] == signature(fields["TimeStamp"], fields["Nonce"], fields["Encrypt"])
    return read(decrypt(fields["Encrypt"]).encode())
