"""A proof of work: a number that is found by trying only, and checked at once. Nothing of it is kept but what is spent.

The protocol is ALTCHA's, second version, with SHA-256 of one round: salt, nonce and counter are hashed until the hash
begins as the challenge says. Our server knows the counter, so that it is never farther than `most`.
"""

import base64
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

import altcha
from django.conf import settings
from django.utils.crypto import salted_hmac

from queueboard.challenge.models import Spent

VALID = timedelta(minutes=10)
LONGEST = 2000  # characters of a solution; one has some 600


def ask(purpose: str, *, now: datetime) -> dict[str, Any]:
    """A new challenge, as it goes to the client: `parameters`, `signature`."""
    most = settings.CHALLENGE_WORK
    return altcha.create_challenge(
        "SHA-256",
        1,
        counter=secrets.randbelow(most),
        data={"purpose": purpose, "until": int((now + VALID).timestamp()), "most": most},
        hmac_secret=_key(purpose),
    ).to_dict()


def solved(solution: str, purpose: str, *, now: datetime) -> bool:
    """Whether this is the solution (base64 of JSON) of a challenge of ours, in time; it is spent then."""
    if len(solution) > LONGEST or not altcha.verify_solution(solution, _key(purpose)).verified:
        return False
    # Signed by us, so it has the shape that we gave it.
    parameters = json.loads(base64.b64decode(solution))["challenge"]["parameters"]
    until = datetime.fromtimestamp(parameters["data"]["until"], tz=now.tzinfo)
    if now >= until:
        return False
    _spent, first = Spent.objects.get_or_create(nonce=parameters["nonce"], defaults={"until": until})
    return first


def _key(purpose: str) -> bytes:
    """Of each purpose its own, so that a solution for one is none for another."""
    return salted_hmac("queueboard.challenge", purpose, algorithm="sha256").digest()
