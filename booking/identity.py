"""Identity numbers: one way to write each, and what is none (R3.7)."""

import re
import unicodedata

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum.cn import ric

from booking.models import Patient

PASSPORT = re.compile(r"[0-9A-Z]{5,20}")
OTHER = re.compile(r"[0-9A-Z()-]{4,32}")


def plain(id_type: str, id_number: str) -> str:
    """The number in capitals, without spaces; "" for what is no number of that kind.

    A resident ID must have its check digit right, and be of a day and a place that there are.
    """
    written = "".join(unicodedata.normalize("NFKC", id_number).split()).upper()
    if id_type == Patient.IdType.RESIDENT:
        written = written.replace("-", "")
        return written if ric.is_valid(written) else ""
    if id_type == Patient.IdType.PASSPORT:
        written = written.replace("-", "")
        return written if PASSPORT.fullmatch(written) else ""
    return written if OTHER.fullmatch(written) else ""


def wrong(id_type: str) -> Promise:
    """What to say of a number that is none of its kind."""
    if id_type == Patient.IdType.RESIDENT:
        return _("This is not a resident ID number: one digit may be wrong. Please compare it with the card.")
    if id_type == Patient.IdType.PASSPORT:
        return _("A passport number has 5 to 20 letters and digits.")
    return _("An ID number has 4 to 32 letters and digits.")
