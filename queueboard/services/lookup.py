"""The way back for who has lost the link (R6.2): phone and last four of the ID, limited per address and per phone.

A stranger learns nothing: an unknown phone, a wrong ID, a patient without a visit and a phone that was tried too often
get one answer, after one amount of work: the same statements, and as many decryptions as a family may have members.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from cryptography.fernet import MultiFernet
from django.db.models import ExpressionWrapper, F, Q, TextField
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from booking import data_keys, phones
from booking.models import Appointment, Patient, Session, Slot
from booking.models.hashes import keyed_hash, phone_hashes
from queueboard.errors import QueueError
from queueboard.models import LookupTry, Ticket

TRIES, WINDOW = 10, timedelta(minutes=15)  # of one address; who has made them is told
# Of one phone, those that found something not counted. Nobody is told, so that a guesser goes on guessing in vain; with
# so few a day the last four of an ID take longer to guess than any visit is ahead.
PHONE_TRIES, PHONE_WINDOW = 20, timedelta(days=1)
SHARED_PHONE = 8  # patients of one family may share a phone; more than this is no family
NOBODY = range(-SHARED_PHONE, 0)  # ids that no patient has
END = 4  # characters of the ID


@dataclass(frozen=True, slots=True)
class Visit:
    """One page found: its token and what tells it from another."""

    token: str
    names: dict[str, str]
    slot: Slot
    number: str


def look_up(*, phone: str, last_four: str, address: str, now: datetime | None = None) -> list[Visit]:
    """The pages of today and of days to come of whoever has this phone and this end of the ID, the nearest first.

    Not inside a transaction: a try counts whatever comes of it. Raises QueueError `too_many_tries` (with `minutes`).
    """
    now = now or timezone.now()
    mine = LookupTry.objects.create(address_hash=keyed_hash(address), phone_hash=phone_hash(phone), at=now)
    if LookupTry.objects.filter(address_hash=mine.address_hash, at__gt=now - WINDOW).count() > TRIES:
        mine.delete()  # one refused is not counted on
        words = _("Too many tries from here. Please wait, or ask at the desk.")
        raise QueueError(words, code="too_many_tries", status=429, minutes=WINDOW.seconds // 60)
    hashes = phone_hashes(phone)
    visits = _visits(whose(mine, hashes=hashes, last_four=last_four), hashes, timezone.localdate(mine.at))
    if visits:
        LookupTry.objects.filter(pk=mine.pk).update(found=True)
    return visits


def whose(mine: LookupTry, *, hashes: Sequence[str], last_four: str) -> list[int]:
    """The ids of those with this phone (its hashes) and this end of the ID, and ids of nobody: always as many.

    `mine` is the try that is made with it; nobody is found for a phone that was tried too often.
    """
    missed = LookupTry.objects.filter(phone_hash=mine.phone_hash, at__gt=mine.at - PHONE_WINDOW, found=False)
    open_to_tries = missed.count() <= PHONE_TRIES
    fitting = _patients(hashes, last_four.strip().upper())
    return [pk if fits and open_to_tries else nobody for (pk, fits), nobody in zip(fitting, NOBODY, strict=True)]


def of_phone(hashes: Sequence[str], visit: str = "") -> Q:
    """Of visits, or of what has one under this name: those that whoever has the phone (its hashes) may be led to.

    Where it was only typed online, not what somebody else's confirmed phone has booked, nor what began on site: a
    stranger may have entered the patient first, with the own phone.
    """
    noted = Q(patient__phone_typed_at=None)
    anonymous = Q(**{f"{visit}pk__isnull": False, f"{visit}account": None})
    return Q(patient__phone_hash__in=hashes) & (noted | anonymous | Q(**{f"{visit}account__phone_hash__in": hashes}))


def phone_hash(phone: str) -> str:
    """What a try is counted by for its phone, however it was typed."""
    return keyed_hash(phones.plain(phone) or phone)


def forget(*, now: datetime | None = None) -> int:
    """Deletes tries that count for nothing any more. Returns how many."""
    return LookupTry.objects.filter(at__lte=(now or timezone.now()) - PHONE_WINDOW).delete()[0]


def _patients(hashes: Sequence[str], wanted: str) -> list[tuple[int, bool]]:
    """As many ids as a family may have members, and whether each one's ID has this end; the rest are nobody's."""
    stored = ExpressionWrapper(F("id_number"), output_field=TextField())
    known = Patient.objects.filter(phone_hash__in=hashes).order_by("-pk").values_list("pk", stored)
    rows = [*known[:SHARED_PHONE], *((nobody, None) for nobody in NOBODY)][:SHARED_PHONE]
    return [(pk, _ends_with(number, wanted)) for pk, number in rows]


def _ends_with(stored: str | None, wanted: str) -> bool:
    """Whether an ID number has this end; it is decrypted, or another one where there is none."""
    number = data_keys.opened(stored or _another(data_keys.box())) or ""
    fits = constant_time_compare(number[-END:].upper().rjust(END), wanted)
    return fits and stored is not None


@lru_cache(maxsize=2)
def _another(box: MultiFernet) -> str:
    return box.encrypt(b"0" * 18).decode()


def _visits(patient_ids: list[int], hashes: list[str], today: date) -> list[Visit]:
    # A session that runs past midnight is still today's for those who wait.
    current = Q(session__date__gte=today) | Q(session__state__in=Session.LIVE)
    tickets = Ticket.objects.filter(current, of_phone(hashes, "appointment__"), patient__in=patient_ids)
    appointments = Appointment.objects.filter(
        current,
        of_phone(hashes),
        Q(state__in=Appointment.ACTIVE) | Q(session__date=today),
        patient__in=patient_ids,
    )
    joins = ("session__expert", "slot")
    rows: list[Ticket | Appointment] = [*tickets.select_related(*joins).order_by("-pk")]
    rows += appointments.select_related(*joins)
    found: dict[str, Visit] = {}
    for row in sorted(rows, key=lambda each: each.slot.starts_at):
        number = row.label if isinstance(row, Ticket) else ""
        found.setdefault(row.token, Visit(row.token, row.session.names, row.slot, number))
    return list(found.values())
