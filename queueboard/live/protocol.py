"""What goes over the wire: packed snapshots in Redis, messages, heartbeats and frames on sockets, ETags. Pure."""

import json
import struct
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from queueboard.snapshots import Snapshot, encoded

# Close codes of our own (RFC 6455 leaves 4000-4999 to applications).
FORBIDDEN = 4403
UNKNOWN = 4404
STUCK = 4408
CHANGED = 4409  # the board has been set up anew: load the page again
FLOOD = 1008
TOO_BIG = 1009
RESTART = 1012
TRY_AGAIN = 1013

TEXT = 0x81  # the first byte of a text message in one frame
PARTS = ("board", "phone", "desk")


def pack(snapshot: Snapshot) -> bytes:
    """A snapshot as one message: a line of JSON about it, then the encoded bytes of each audience as they are."""
    about = {
        "session": snapshot.session,
        "version": snapshot.version,
        "mark": snapshot.mark,
        "department": snapshot.department,
        "live": snapshot.live,
        "rooms": snapshot.rooms,
        "sort": snapshot.sort,
        "committed": snapshot.committed,
        "sizes": [len(getattr(snapshot, part)) for part in PARTS],
    }
    return b"\n".join([json.dumps(about).encode(), b"".join(getattr(snapshot, part) for part in PARTS)])


def unpack(message: bytes) -> Snapshot:
    """The snapshot back. Raises ValueError or KeyError for anything else."""
    line, _, body = message.partition(b"\n")
    about: dict[str, Any] = json.loads(line)
    for part, size in zip(PARTS, about.pop("sizes"), strict=True):
        about[part], body = body[:size], body[size:]
    return Snapshot(**about | {"rooms": tuple(about["rooms"]), "sort": tuple(about["sort"])})


def board_message(*, slug: str, version: int, at: datetime, titles: dict[str, str], queues: Iterable[bytes]) -> bytes:
    """A board's message: its queues' bytes joined as they are, not encoded again."""
    head = encoded({"board": slug, "version": version, "at": at.isoformat(timespec="milliseconds"), "titles": titles})
    return head[:-1] + b',"queues":[' + b",".join(queues) + b"]}"


def heartbeat(*, read_at: datetime, now: datetime) -> bytes:
    """When the database was last read, and the server's clock, so that a screen need not trust its own."""
    return encoded({"heartbeat": read_at.isoformat(), "now": now.isoformat()})


def frame(text: bytes) -> bytes:
    """A whole text frame as a server sends it: one, last, not masked (RFC 6455, 5.2)."""
    if len(text) < 126:
        head = struct.pack("!BB", TEXT, len(text))
    elif len(text) < 1 << 16:
        head = struct.pack("!BBH", TEXT, 126, len(text))
    else:
        head = struct.pack("!BBQ", TEXT, 127, len(text))
    return head + text


def etag(version: int, setup: str = "") -> str:
    """Weak: two processes may encode one version a moment apart. `setup`: a digest of what a board shows, and how."""
    return f'W/"{version}-{setup}"' if setup else f'W/"{version}"'


def same_etag(if_none_match: str, tag: str) -> bool:
    """Whether a request's If-None-Match names this version."""
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or "*" in known
