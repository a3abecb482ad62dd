"""What a chat system hands in, and gets back: a text. It has to know that a sender is who it says, and nothing else."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What somebody did."""

    WRITES = "writes"  # `text` is what
    SCANS = "scans"  # a QR code; `text` is the code of a visit in it (VisitCode), or "" where it is none of ours
    FOLLOWS = "follows"  # the hospital, from now on; `text` is such a code, if one led here
    LEAVES = "leaves"  # and is forgotten; the answer is "", as nobody reads it
    SHOWS = "shows"  # a picture, a voice, a place: nothing that we understand
    HAPPENS = "happens"  # what nobody waits for an answer to; only its proof is used up


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that somebody did in a chat.

    way       the chat system: one of the ways of queueboard.notify where notices go out by it too
    address   where its sender is reached there
    identity  the same each time that this is delivered: it takes effect once, and the answer is the same
    proof     what the system vouches for it with, where that could be seen and used again: good for this identity alone
    """

    way: str
    address: str
    kind: Kind
    text: str
    identity: str
    proof: str = ""


class Replayed(Exception):
    """The proof of another message. The words are for the log."""
