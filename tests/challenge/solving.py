"""What a client does with a challenge, by the words of docs/api.md alone."""

import base64
import json
from hashlib import sha256
from typing import Any


def solution(challenge: dict[str, Any]) -> str:
    """As it is handed in. Raises StopIteration where no counter fits."""
    asked = challenge["parameters"]
    head = bytes.fromhex(asked["salt"]) + bytes.fromhex(asked["nonce"])
    hashes = ((counter, sha256(head + counter.to_bytes(4, "big")).hexdigest()) for counter in range(_most(asked)))
    counter, key = next((counter, key) for counter, key in hashes if key.startswith(asked["keyPrefix"]))
    return handed_in(challenge, counter, key)


def handed_in(challenge: dict[str, Any], counter: int, key: str) -> str:
    sent = {"challenge": challenge, "solution": {"counter": counter, "derivedKey": key}}
    return base64.b64encode(json.dumps(sent).encode()).decode()


def _most(asked: dict[str, Any]) -> int:
    return asked["data"]["most"] + 1
