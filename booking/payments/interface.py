"""What a provider of payments does for us. Amounts are whole fen; numbers are ours unless they say otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol


class ProviderError(Exception):
    """What a provider did not do. The words are for the log and for staff, never for patients."""


class Unavailable(ProviderError):
    """No answer, or none that can be trusted: whether it was done is not known. To be asked again."""


class Refused(ProviderError):
    """The provider said no, and why."""


class Forged(ProviderError):
    """A notice that the provider has not signed, or not for us."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What is to be paid: `about` is what the payer reads, `until` the end of the hold.

    `return_url`: the page to come back to; `address`: the payer's, which WeChat Pay asks for.
    """

    number: str
    amount: int
    about: str
    until: datetime
    return_url: str
    address: str


@dataclass(frozen=True, slots=True)
class Told:
    """A notice whose signature holds: so much was paid for this number, in the provider's transaction."""

    number: str
    amount: int
    provider_number: str


class Paid(Enum):
    NO = "no"  # not yet, or the provider has never heard of it
    YES = "yes"
    OVER = "over"  # cannot be paid any more: closed, or all of it has gone back


@dataclass(frozen=True, slots=True)
class Record:
    """A payment or a refund in the provider's books; what was not done has amount 0."""

    paid: Paid
    amount: int = 0
    provider_number: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """Money to be given back, all of what was received. Sent twice under one refund number it is given once."""

    number: str
    refund_number: str
    amount: int


class Provider(Protocol):
    """All may raise Unavailable; `start` and `refund` Refused too. None of them is called inside a transaction."""

    def start(self, bill: Bill) -> str:
        """Where the payer goes to pay, as a URL. For the same bill it may be called again."""

    def confirm(self, headers: Mapping[str, str], body: bytes) -> Told | None:
        """Reads a notice; None where it tells of anything but a payment. Raises Forged."""

    def refund(self, wanted: Return) -> Record:
        """Asks for money to go back, and says whether it has (YES) or is on its way (NO)."""

    def query(self, number: str) -> Record:
        """The payment in the provider's books."""

    def query_refund(self, wanted: Return) -> Record:
        """The refund in the provider's books."""
