"""One way to write a phone number, so that what was typed in two ways is one phone."""

import re
import unicodedata

WRITTEN = re.compile(r"\+[1-9][0-9]{4,14}|(?!00)[0-9]{5,15}")
OF_CHINA = re.compile(r"\+?(86)+(?=1[3-9][0-9]{9}$)")  # before a mobile number there, of which none begins with it


def plain(phone: str) -> str:
    """Digits, with "+" and the country's code only where that is not China's; "" for what is no phone number.

    Written so again it stays as it is: of one phone there is one account, whoever has gone through here how often.
    """
    digits = _digits(phone)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if "+" in digits[1:]:
        return ""
    digits = OF_CHINA.sub("", digits, count=1).removeprefix("+86")
    return digits if WRITTEN.fullmatch(digits) else ""


def ways_to_write(phone: str) -> set[str]:
    """The ways in which a phone may have been noted: as typed, without marks, with and without the country's code."""
    digits = _digits(phone)
    local = plain(phone) or digits
    return {phone, digits, local, f"+86{local}", f"86{local}"}


def _digits(phone: str) -> str:
    """Without spaces and marks, in plain digits; a letter stays, as what has one is no phone number."""
    written = unicodedata.normalize("NFKC", phone)
    return "".join(character for character in written if character.isalnum() or character == "+")


def masked(phone: str) -> str:
    """As it may stand on a page of whoever has signed in with it: 139****5678."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 11 else "****" + phone[-2:]
