"""Accounts: a code is sent to a phone, and whoever types it has the phone (R3.7).

The same codes bind a phone elsewhere (`check_code`). How often one can be asked for is limited per phone and per
address, how often it can be tried per code, all in the database.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from booking import phones
from booking.errors import BookingError
from booking.models import Account, Member, Outbox, PhoneCode
from booking.models.hashes import bring_over, keyed_hash, lock, lookup_hashes

KIND = "phone_code"  # of its outbox rows
VALID = timedelta(minutes=10)
AGAIN_AFTER = timedelta(seconds=60)
TRIES = 5
PER_PHONE_DAY = 10
PER_ADDRESS_HOUR = 60


def ask_code(*, phone: str, address: str = "", language: str = "", now: datetime | None = None) -> PhoneCode:
    """Has a code of six digits sent to the phone; an earlier one works no more.

    Raises BookingError `no_phone`, `code_too_soon` (with `again_at`), `too_many_codes`.
    """
    now = now or timezone.now()
    to = _phone(phone)
    hashes = lookup_hashes(to)
    from_here = keyed_hash(address) if address else ""
    with transaction.atomic():
        # Many at once are counted one after the other: always by the phone first, then by where they come from.
        lock(min(hashes))
        if from_here:
            lock(from_here)
        of_phone = PhoneCode.objects.filter(phone_hash__in=hashes)
        last = of_phone.order_by("-pk").first()
        if last is not None and now < last.made_at + AGAIN_AFTER:
            again_at = timezone.localtime(last.made_at + AGAIN_AFTER).isoformat()
            words = _("A code was sent just now. Please wait a minute before you ask for another one.")
            raise BookingError(words, code="code_too_soon", status=429, again_at=again_at)
        today = of_phone.filter(made_at__gt=now - timedelta(days=1)).count()
        this_hour = PhoneCode.objects.filter(address_hash=from_here, made_at__gt=now - timedelta(hours=1))
        if today >= PER_PHONE_DAY or (from_here and this_hour.count() >= PER_ADDRESS_HOUR):
            words = _("Too many codes were asked for. Please try again later.")
            raise BookingError(words, code="too_many_codes", status=429)
        of_phone.filter(used_at=None, until__gt=now).update(until=now)
        made = PhoneCode(
            phone=to, code=f"{secrets.randbelow(10**6):06}", address_hash=from_here, made_at=now, until=now + VALID
        )
        if language:
            made.language = language
        made.save()
        Outbox.objects.create(kind=KIND, key=f"{KIND}:{made.pk}", payload={"code": made.pk}, made_at=now)
    return made


def check_code(*, phone: str, code: str, now: datetime | None = None) -> str:
    """The phone, in the one way it is written, once the code that was sent to it is typed. It works once.

    Not inside a transaction: a try that is refused must stay counted.
    Raises BookingError `no_phone`, `code_wrong`.
    """
    now = now or timezone.now()
    to = _phone(phone)
    of_phone = PhoneCode.objects.filter(phone_hash__in=lookup_hashes(to), used_at=None, until__gt=now)
    sent = of_phone.order_by("-pk").first()
    # A try is counted before it is looked at, so that many at once are no more tries than one after the other.
    counted = sent and PhoneCode.objects.filter(pk=sent.pk, tries__lt=TRIES).update(tries=F("tries") + 1)
    if sent is None or not counted or not constant_time_compare(sent.code, "".join(code.split())):
        raise _code_wrong()
    if not PhoneCode.objects.filter(pk=sent.pk, used_at=None).update(used_at=now):
        raise _code_wrong()
    return to


def sign_in(
    *, phone: str, code: str, language: str = "", chosen: bool = True, now: datetime | None = None
) -> Account:  # fmt: skip
    """The account of a phone whose code was typed, made where there is none. Raises as `check_code`.

    `language`: of the page. An account that there is keeps its own, unless this one was `chosen`.
    """
    now = now or timezone.now()
    to = check_code(phone=phone, code=code, now=now)  # by itself: a wrong try must be counted
    with transaction.atomic():
        values = {"phone": to, "made_at": now} | ({"language": language} if language else {})
        phone_hash = bring_over(Account, "phone_hash", lookup_hashes(to))
        account, made = Account.objects.get_or_create(phone_hash=phone_hash, defaults=values)
        if language and chosen and not made:
            speak(account=account, language=language)
    return account


def speak(*, account: Account, language: str) -> None:
    """The language in which whoever has the account reads, on any phone, and is told."""
    if account.language != language:
        Account.objects.filter(pk=account.pk).update(language=language)
        account.language = language


def drop_member(*, account: Account, patient_id: int) -> None:
    """The patient is not of the family any more. What was booked stays, and is seen with the account. Twice is once."""
    Member.objects.filter(account=account, patient=patient_id).delete()


def add_member(*, account: Account, patient_id: int, now: datetime | None = None) -> Member:
    """The patient is one of the account's family from now on. Twice is once."""
    values = {"made_at": now or timezone.now()}
    return Member.objects.get_or_create(account=account, patient_id=patient_id, defaults=values)[0]


def forget_codes(*, now: datetime | None = None) -> int:
    """Deletes codes that count for nothing any more. Returns how many."""
    now = now or timezone.now()
    return PhoneCode.objects.filter(made_at__lte=now - timedelta(days=1)).delete()[0]


def _phone(phone: str) -> str:
    plain = phones.plain(phone)
    if not plain:
        raise BookingError(_("This is not a phone number."), code="no_phone", status=400)
    return plain


def _code_wrong() -> BookingError:
    return BookingError(_("This code is not right, or no longer valid."), code="code_wrong", status=403)
