"""Identity numbers: one way to write each, and what is none (R3.7)."""

import re
import unicodedata

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum.cn import ric

from booking.models import Patient

PASSPORT = re.compile(r"[0-9A-Z]{5,20}")
OTHER = re.compile(r"[0-9A-Z]{4,32}")
MARKS = str.maketrans("", "", "-()")  # people write them or not: A123456(7) is A1234567


def plain(id_type: str, id_number: str) -> str:
    """The number in capitals, without spaces and marks; "" for what is no number of that kind.

    A resident ID must have its check digit right, and be of a day and a place that there are; and it is no passport's
    and no other paper's number: who could choose would be several patients, each with its own limits and suspensions.
    """
    written = written_plainly(id_number)
    if ric.is_valid(written):
        return written if id_type == Patient.IdType.RESIDENT else ""
    if id_type == Patient.IdType.RESIDENT:
        return ""
    kind = PASSPORT if id_type == Patient.IdType.PASSPORT else OTHER
    return written if kind.fullmatch(written) else ""


def wrong(id_type: str, id_number: str) -> Promise:
    """What to say of a number that is none of its kind."""
    if id_type == Patient.IdType.RESIDENT:
        return _("This is not a resident ID number: one digit may be wrong. Please compare it with the card.")
    if ric.is_valid(written_plainly(id_number)):
        return _("This is a resident ID: please choose it as the kind of ID.")
    if id_type == Patient.IdType.PASSPORT:
        return _("A passport number has 5 to 20 letters and digits.")
    return _("An ID number has 4 to 32 letters and digits.")


def written_plainly(id_number: str) -> str:
    """In capitals, without spaces and marks."""
    return "".join(unicodedata.normalize("NFKC", id_number).split()).upper().translate(MARKS)
