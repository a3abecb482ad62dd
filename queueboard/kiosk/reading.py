"""What a scan or typed words name. The readers know codes and cards; here are the numbers that people type."""

import re
import unicodedata

from booking import identity, phones
from booking.models import Patient
from queueboard import readers
from queueboard.readers import Reading

ALMOST_RESIDENT = re.compile(r"\d{14,19}[Xx]?")
PHONE = re.compile(r"\+?[\d\s()-]{5,20}")


def read(words: str) -> Reading | None:
    """A visit, a person known by a card, an ID number or a phone; None for what is none of them.

    A ticket's number is none: it is called aloud, and whoever hears it has no right to the page behind it.
    """
    text = unicodedata.normalize("NFKC", words).strip()
    found = readers.read(text)
    if found is not None:
        return None if found.ticket else found
    if ALMOST_RESIDENT.fullmatch(text.replace(" ", "")):
        return None
    if PHONE.fullmatch(text) and phones.plain(text):
        return Reading(phone=text)
    number = identity.plain(Patient.IdType.OTHER, text)
    other = number and any(each.isdigit() for each in number)
    return Reading(id_type=Patient.IdType.OTHER, id_number=number) if other else None
