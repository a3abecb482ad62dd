"""What a scanner gave, or somebody typed, read into what it names. Desk and kiosk read with this.

A reader is a function: text in, a `Reading` out, or None for what is not its kind of code. settings.CODE_READERS names
them by dotted paths; they are asked in that order, and the first that answers has read it. A hospital adds its own
cards by a function of its own (docs/desk.md).
"""

import logging
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from booking import identity
from booking.models import Patient

log = logging.getLogger(__name__)

LONGEST = 500  # characters of a scan; what is longer is no code


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a code names: a visit (`token` or `ticket`), or a person (`patient`, `id_number`, `phone`).

    token      the unguessable part of the address of a patient's page
    ticket     a ticket as it is shown and called: A017
    patient    id of a patient row, where the reader knows it
    id_number  with its kind, a value of Patient.IdType
    phone      as it was written
    name       the person's, where the code has it; fills the form of who is new
    """

    # Never in a log: a person's data is left out of what Python prints of this.
    token: str = field(default="", repr=False)
    ticket: str = ""
    patient: int | None = None
    id_type: str = Patient.IdType.RESIDENT
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    name: str = field(default="", repr=False)


Reader = Callable[[str], Reading | None]


def read(scan: str) -> Reading | None:
    """What the first reader that knows this kind of code says; None where none does.

    A reader that fails is skipped and logged, by its name and where it failed: never with the scan.
    """
    text = scan.strip()
    if not text or len(text) > LONGEST:
        return None
    for path, reader in _readers(tuple(settings.CODE_READERS)):
        try:
            reading = reader(text)
        except Exception as error:
            # Its message may quote what was scanned.
            log.error("code reader %s failed: %s in %s", path, type(error).__name__, _where(error))
            continue
        if reading is not None:
            return reading
    return None


# --- those that come along

ADDRESS = re.compile(r"/t/([\w-]{1,64})", re.ASCII)
TOKEN = re.compile(r"(?=.*[A-Za-z])[\w-]{22}", re.ASCII)  # 128 bits, as booking.models.appointments.new_token makes
RESIDENT = re.compile(r"(?<![0-9A-Za-z])\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx](?![0-9A-Za-z])")
MOBILE = re.compile(r"(?:\+|00)?(?:86)?1[3-9]\d{9}")
ABROAD = re.compile(r"(?:\+|00)[1-9]\d{6,14}")
TICKET = re.compile(r"([A-Za-z]{1,2})(\d{1,6})")
FIELDS = re.compile(r"[|,;^\t\n]|，|；")


def own_code(scan: str) -> Reading | None:
    """Our own QR code: the address of a patient's page, or its token alone."""
    address = ADDRESS.search(scan)
    if address:
        return Reading(token=address[1])
    return Reading(token=scan) if TOKEN.fullmatch(scan) else None


def resident_id(scan: str) -> Reading | None:
    """A Chinese identity number with its check digit right: alone, or as a card reader types the fields of the card,
    in which the first of letters alone is the name."""
    plain = unicodedata.normalize("NFKC", scan)
    for found in RESIDENT.finditer(plain):
        number = identity.plain(Patient.IdType.RESIDENT, found[0])
        if number:
            return Reading(id_number=number, name=_name_in(scan))
    return None


def phone(scan: str) -> Reading | None:
    """A Chinese mobile number, or a number with its country's code."""
    digits = re.sub(r"[\s().-]", "", scan)
    return Reading(phone=scan) if MOBILE.fullmatch(digits) or ABROAD.fullmatch(digits) else None


def ticket(scan: str) -> Reading | None:
    """A ticket's number, as it is called: A017, or a17."""
    found = TICKET.fullmatch(scan)
    return Reading(ticket=f"{found[1].upper()}{int(found[2]):03d}") if found else None


def _name_in(scan: str) -> str:
    fields = [each.strip() for each in FIELDS.split(scan)]
    named = (each for each in fields if each and all(c.isalpha() or c in " ·.'-" for c in each))
    return next(named, "")[:80] if len(fields) > 1 else ""


# ---


@cache
def _readers(paths: tuple[str, ...]) -> list[tuple[str, Reader]]:
    return [(path, import_string(path)) for path in paths]


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"line {trace.tb_lineno} of {trace.tb_frame.f_code.co_name}" if trace is not None else "?"


@register
def readers_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """At the start rather than at the first scan: every reader is there and can be called."""
    found: list[CheckMessage] = []
    for path in settings.CODE_READERS:
        try:
            fine = callable(import_string(path))
        except ImportError:
            fine = False
        if not fine:
            found.append(Error(f"CODE_READERS names {path}, which is no function.", id="queueboard.E008"))
    return found
