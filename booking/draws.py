"""How numbers are drawn, so that anybody can check it (R3.7). Values in, values out; docs/ballot.md says it in words.

The seed is 64 hexadecimal digits. What is published before the first request is its SHA-256; each request has a code;
the order is that of the SHA-256 of seed and code.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

NONE_LEFT = "none_left"


def commitment(seed: str) -> str:
    """What binds to the seed without telling it."""
    return hashlib.sha256(seed.encode()).hexdigest()


def rank(seed: str, code: str) -> str:
    """The lower, the earlier; hexadecimal digits of one length, so that text compares as the number does."""
    return hashlib.sha256(f"{seed}:{code}".encode()).hexdigest()


def order(seed: str, codes: Iterable[str]) -> list[str]:
    """The codes in the order in which they are drawn; where two had one rank, by the code."""
    return sorted(codes, key=lambda code: (rank(seed, code), code))


def choose(wishes: Sequence[int], any_slot: bool, left: Mapping[int, int]) -> int | None:
    """The slot for who is next: the first wish with a number left, then, if any slot will do, the first of `left`.

    `left`: numbers by slot, in the order of the session. None: there is none for them.
    """
    wanted = [*wishes, *(left if any_slot else ())]
    return next((slot for slot in wanted if left.get(slot, 0) > 0), None)


def faults(record: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in the published record of a draw; nothing: it is as drawn. See docs/ballot.md for its shape."""
    seed, entries = record["seed"], record["entries"]
    if seed is None:
        yield "not drawn yet"
        return
    if commitment(seed) != record["commitment"]:
        yield "the seed is not the one that was committed to"
    codes = [entry["code"] for entry in entries]
    if codes != order(seed, codes) or len(set(codes)) != len(codes):
        yield "the codes are not in the order of the seed"
    left = {slot["slot"]: slot["numbers"] for slot in record["slots"]}
    for entry in entries:
        due = choose(entry["wishes"], entry["any_slot"], left)
        won = entry["won"]
        if won is None and due is not None and entry["lost"] == NONE_LEFT:
            yield f"{entry['code']} lost, although a number of slot {due} was left"
        elif won is not None and won != due:
            yield f"{entry['code']} won a number of slot {won}, not of slot {due}"
        if won is not None:
            left[won] = left.get(won, 0) - 1
