"""What the fake servers of both payment providers share: keys, and books of their own."""

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes.http import Served


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key, *, old: bool = False) -> str:
    """`old`: PKCS#1, as Alipay's SDK reads it; else PKCS#8."""
    form = serialization.PrivateFormat.TraditionalOpenSSL if old else serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode().strip()


def public_pem(key) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode().strip()


def signed(key, message: bytes) -> bytes:
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def check(key, message: bytes, signature: bytes) -> None:
    """Raises InvalidSignature."""
    key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


class Fake(Served):
    """A provider with books of its own. `theirs` signs what it says, `ours` what we say."""

    name: str

    def __init__(self) -> None:
        self.key, self.ours = new_key(), new_key()
        self.reset()
        super().__init__()

    def reset(self) -> None:
        """As it was: keys are slow to make, so one server serves all tests of a process."""
        self.theirs = self.key
        self.trades: dict[str, dict] = {}
        self.refunds: dict[str, dict] = {}
        self.down = False
        self.refusals = 0  # so many refunds are refused before one is done
        self.slow = False  # refunds are taken on, and not done yet
        self.asked: list[str] = []

    def visit(self, url: str) -> None:
        """The payer's browser comes to the address it was given."""
        requests.get(url, timeout=5).raise_for_status()

    def net(self) -> int:
        """What payers have given and not got back, in fen."""
        return sum(each["paid"] for each in self.trades.values()) - sum(
            each["amount"] for each in self.refunds.values() if each["done"]
        )
