"""Whose an ID number or a phone is, within limits. A phone alone is nobody's: the ID's end belongs to it (R6.2)."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models import Patient
from booking.models.hashes import keyed_hash, lookup_hashes, phone_hashes
from queueboard.errors import QueueError
from queueboard.models import LookupTry
from queueboard.services import lookup

# Tries that found nobody, of one kiosk and address: many people are right at one machine, few are wrong.
MISSES, WINDOW = 20, timedelta(minutes=15)


def with_id(number: str, *, place: str, now: datetime | None = None) -> list[int]:
    """The ids of the patients with this ID number. `place`: the kiosk and where it is asked from.

    Not inside a transaction: a try counts whatever comes of it. Raises QueueError `too_many_tries`.
    """
    mine = _try(place, keyed_hash(number), now or timezone.now())
    found = list(Patient.objects.filter(id_hash__in=lookup_hashes(number), erased_at=None).values_list("pk", flat=True))
    return _told(mine, found)


def with_phone(phone: str, last_four: str, *, place: str, now: datetime | None = None) -> list[int]:
    """The ids of the patients with this phone and this end of the ID; raises as `with_id`.

    What is wrong for one phone counts with what was wrong for it on the page that finds lost links.
    """
    mine = _try(place, lookup.phone_hash(phone), now or timezone.now())
    return _told(mine, [pk for pk in lookup.whose(mine, hashes=phone_hashes(phone), last_four=last_four) if pk > 0])


def _try(place: str, what: str, now: datetime) -> LookupTry:
    here = keyed_hash(f"kiosk {place}")
    if LookupTry.objects.filter(address_hash=here, at__gt=now - WINDOW, found=False).count() >= MISSES:
        words = _("Nothing can be typed here for a while: too much of it was wrong. Scan your code, or go to the desk.")
        raise QueueError(words, code="too_many_tries", status=429, minutes=WINDOW.seconds // 60)
    return LookupTry.objects.create(address_hash=here, phone_hash=what, at=now)


def _told(mine: LookupTry, found: list[int]) -> list[int]:
    if found:
        LookupTry.objects.filter(pk=mine.pk).update(found=True)
    return found
