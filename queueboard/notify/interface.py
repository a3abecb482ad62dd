"""What a way of telling patients does for us, and what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class NotSent(Exception):
    """A notice that did not go out. The words are for the log and for staff, and name nobody."""


class Unavailable(NotSent):
    """No answer, or a service that cannot work now: to be tried again, and all others of this line with it.

    `seconds`: not before these, where the service says so.
    """

    def __init__(self, words: str, seconds: float | None = None) -> None:
        super().__init__(words)
        self.seconds = seconds


class Later(NotSent):
    """Too much for this one address: to be tried again after `seconds`. Others are not affected."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


class Refused(NotSent):
    """The service will never take this notice. The address is good."""


class Dead(NotSent):
    """Nobody is at this address any more: it is forgotten."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is told once, in that person's language.

    kind    what happened, one of queueboard.notify.kinds
    key     of the cause: the same notice sent again has the same
    about   what a newer notice of the same `about` replaces on the screen of a phone
    title   a few words; `text` says it all in a sentence or two
    page    the patient's own page on this site, or ""
    url     the same as somebody far away opens it, or ""
    values  the facts in the sentences by name, for services that have sentences of their own
    urgent  it is waited for now
    until   nobody needs it after that
    """

    kind: str
    key: str
    about: str
    language: str
    title: str
    text: str
    page: str
    url: str
    values: Mapping[str, str]
    urgent: bool
    until: datetime


class Way(Protocol):
    """One way to reach people. Never called inside a transaction.

    answers_within  longer than `send` can take: after that its sender is taken for dead, and another one sends
    """

    name: str
    answers_within: timedelta

    def send(self, to: str, notice: Notice) -> str:
        """Sends a notice to an address of this way; returns the service's number for it, or "".

        Raises Unavailable, Later, Refused, Dead.
        """
