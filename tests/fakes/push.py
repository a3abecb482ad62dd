"""A browser's push service and the browser behind it: VAPID checked and the payload decrypted as RFC 8188, 8291 and
8292 say, by hand, so that nothing of ours is checked by itself."""

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from email.utils import formatdate
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.http import Served

TOPIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Browser:
    """One subscription: what is decrypted with its private key is what its service worker gets."""

    def __init__(self, endpoint: str, server_key: str) -> None:
        self.endpoint, self.server_key = endpoint, server_key
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = secrets.token_bytes(16)
        self.got: list[dict] = []

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def to_json(self) -> dict:
        keys = {"p256dh": written(self.point), "auth": written(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def decrypted(self, body: bytes) -> bytes:
        """Raises InvalidTag, ValueError."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size, "one record"
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = derived(self.auth, shared, b"WebPush: info\0" + self.point + sender, 32)
        key = derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(salt, secret, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded.endswith(b"\2"), "the last record"
        return padded[:-1]


class FakePush(Served):
    """`answers`: by endpoint, what the next requests are answered before one is taken: a status, or with seconds."""

    def __init__(self) -> None:
        self.reset()
        super().__init__()

    def reset(self) -> None:
        self.down = False
        self.browsers: dict[str, Browser] = {}
        self.answers: dict[str, list] = {}
        self.requests: list[dict] = []
        self.refused: list[str] = []

    def subscribe(self, server_key: str) -> Browser:
        """As PushManager.subscribe() does."""
        path = f"/push/{secrets.token_urlsafe(12)}"
        self.browsers[path] = Browser(self.url + path, server_key)
        return self.browsers[path]

    def say(self, browser: Browser, *answers) -> None:
        self.answers[urlsplit(browser.endpoint).path] = list(answers)

    def answer(self, method, path, headers, body):
        browser = self.browsers.get(path)
        if browser is None:
            return 410, {}, b""
        planned = self.answers.get(path)
        if planned:
            status, *retry = planned.pop(0) if isinstance(planned[0], tuple) else (planned.pop(0),)
            return status, {"Retry-After": str(retry[0])} if retry else {}, b"x" * 100
        wrong = self._wrong_with(method, headers, body, browser)
        if wrong:
            self.refused.append(wrong)
            return (403 if "key" in wrong else 401 if "VAPID" in wrong else 400), {}, wrong.encode()
        try:
            browser.got.append(json.loads(browser.decrypted(body)))
        except Exception as error:
            self.refused.append(f"not to be decrypted: {type(error).__name__}")
        self.requests.append({"ttl": int(headers["TTL"]), "urgency": headers["Urgency"], "topic": headers["Topic"]})
        return 201, {"Location": f"{self.url}/message/{len(self.requests)}"}, b""

    def _wrong_with(self, method, headers, body, browser) -> str:
        if method != "POST" or headers.get("Content-Encoding") != "aes128gcm" or not 0 < len(body) <= 4096:
            return "body"
        if not headers.get("TTL", "").isdecimal() or int(headers["TTL"]) > 28 * 24 * 3600:
            return "TTL"
        if headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
            return "Urgency"
        topic = headers.get("Topic", "")
        if not 0 < len(topic) <= 32 or not set(topic) <= TOPIC:
            return "Topic"
        return self._wrong_with_vapid(headers.get("Authorization", ""), browser)

    def _wrong_with_vapid(self, authorization, browser) -> str:
        scheme, _, rest = authorization.partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(",")) if rest else {}
        if scheme.lower() != "vapid" or set(fields) != {"t", "k"}:
            return "VAPID header"
        if fields["k"] != browser.server_key:
            return "another key than subscribed to"
        header, claims, signature = fields["t"].split(".")
        if json.loads(plain(header)) != {"typ": "JWT", "alg": "ES256"}:
            return "VAPID algorithm"
        r, s = plain(signature)[:32], plain(signature)[32:]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), plain(fields["k"]))
        try:
            der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            public.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return "VAPID signature"
        said = json.loads(plain(claims))
        if said["aud"] != self.url:
            return "VAPID audience"
        if not time.time() < said["exp"] <= time.time() + 24 * 3600:
            return "VAPID expiry"
        return "" if said["sub"].startswith(("mailto:", "https:")) else "VAPID contact"


def derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def written(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def plain(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def http_date(seconds_from_now: float) -> str:
    return formatdate(time.time() + seconds_from_now, usegmt=True)
