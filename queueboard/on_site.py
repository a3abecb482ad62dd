"""The code shown on site (R4.1): four digits, others in each minute and department. Who types them stands before them.

Kiosks that no stranger can open show it, the desk, and a page of the administration. It follows from the keys of the
data, so every process knows it and none keeps it; while they are changed, the code under an older key fits too.
"""

from datetime import UTC, datetime, timedelta

from django.utils.crypto import constant_time_compare

from booking.models.hashes import keyed_hashes

DIGITS = 4
EACH = timedelta(minutes=1)


def code(department_id: int, at: datetime) -> str:
    """The digits that are shown at that moment."""
    return _codes(department_id, at)[0]


def valid_until(at: datetime) -> datetime:
    """When the code of that moment gives way to the next; typed, it is taken for a minute more."""
    return at.replace(second=0, microsecond=0) + EACH


def fits(department_id: int, typed: str, at: datetime) -> bool:
    """Whether these are the present digits, or those of the minute before: nobody types in no time."""
    known = [*_codes(department_id, at), *_codes(department_id, at - EACH)]
    return any(constant_time_compare(each, typed.strip()) for each in known)


def _codes(department_id: int, at: datetime) -> list[str]:
    """Under each key of the data, that in use first."""
    minute = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    hashes = keyed_hashes(f"on site {department_id} {minute}")
    return [f"{int(each, 16) % 10**DIGITS:0{DIGITS}}" for each in hashes]
