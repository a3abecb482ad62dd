"""One way to write a phone number, so that what was typed in two ways is one phone."""

import re

WRITTEN = re.compile(r"\+?[0-9]{5,15}")


def plain(phone: str) -> str:
    """Digits, with "+" and the country's code only where that is not China's; "" for what is no phone number."""
    digits = re.sub(r"[^0-9+]", "", phone)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    digits = digits.removeprefix("+86")
    return digits if WRITTEN.fullmatch(digits) else ""


def ways_to_write(phone: str) -> set[str]:
    """The ways in which a phone may have been noted: as typed, without marks, with and without the country's code."""
    digits = "".join(character for character in phone if character.isdigit() or character == "+")
    local = digits.removeprefix("+86").removeprefix("0086")
    return {phone, digits, local, f"+86{local}"}


def masked(phone: str) -> str:
    """As it may stand on a page of whoever has signed in with it: 139****5678."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 11 else "****" + phone[-2:]
