"""Whose visits somebody in a chat is told of: those of a phone that a code has confirmed, and single ones whose QR code
was scanned. Each is an address of queueboard.notify, so that notices go out by the same row.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Account, PhoneCode
from booking.models.hashes import bring_over, keyed_hashes
from booking.services import accounts
from queueboard.chat.models import Correspondent, Heard, VisitCode
from queueboard.notify import delivery
from queueboard.notify.models import Address

CODES_A_DAY = 5  # text messages that one correspondent can have sent


def of(who: Correspondent) -> QuerySet[Address]:
    """What somebody is bound to."""
    return _at(who).filter(dead_at=None)


def by_visit_code(*, who: Correspondent, code: str, now: datetime) -> None:
    """Binds to the visit whose code was scanned; the first who scans it has used it up.

    Raises BookingError `visit_code_over`.
    """
    with transaction.atomic():
        found = VisitCode.objects.filter(code_hash__in=keyed_hashes(code), until__gt=now).first()
        unused = found and VisitCode.objects.filter(pk=found.pk, used_at=None).update(used_at=now, used_by=who)
        if found is None or not (unused or found.used_by_id == who.pk):
            words = _("This code was used already, or its time is over. Please have your page show a new one.")
            raise BookingError(words, code="visit_code_over")
        _bind(who, now, token=found.token)


def ask_phone_code(*, who: Correspondent, phone: str, now: datetime) -> PhoneCode:
    """Has a code sent to the phone that is to be bound. Raises BookingError as `accounts.ask_code`."""
    source = f"{who.way} {who.address}"
    today = PhoneCode.objects.filter(address_hash__in=keyed_hashes(source), made_at__gt=now - timedelta(days=1))
    if today.count() >= CODES_A_DAY:
        words = _("Too many codes were asked for. Please try again later.")
        raise BookingError(words, code="too_many_codes", status=429)
    with transaction.atomic():
        who.asked = accounts.ask_code(phone=phone, address=source, language=who.language, now=now)
        who.save(update_fields=["asked"])
    return who.asked


def by_phone_code(*, who: Correspondent, code: str, now: datetime) -> Account:
    """Binds to the phone that the code was sent to, in the place of another one. Raises BookingError `code_wrong`.

    A wrong try is counted in the caller's transaction: it must not be rolled back.
    """
    phone = "" if who.asked is None else who.asked.phone
    if not phone:
        raise BookingError(_("No code is awaited here."), code="code_wrong", status=403)
    chosen = who.language if who.language != Correspondent._meta.get_field("language").default else ""
    account = accounts.sign_in(phone=phone, code=code, language=chosen, now=now)
    with transaction.atomic():
        delivery.withdraw(of(who).exclude(account=None).exclude(account=account), now)
        _bind(who, now, account=account)
        who.asked = None
        who.save(update_fields=["asked"])
    return account


def unbind(who: Correspondent, now: datetime) -> bool:
    """Nothing more is told; whether there was anything."""
    Correspondent.objects.filter(pk=who.pk).update(asked=None)
    return bool(delivery.withdraw(of(who), now))


def speak(who: Correspondent, language: str) -> None:
    """From now on answers and notices are in this language."""
    who.language = language
    who.save(update_fields=["language"])
    of(who).update(language=language)


def forget(who: Correspondent, now: datetime) -> None:
    """They are not there any more: nothing is told, and what was answered is erased."""
    delivery.withdraw(_at(who), now)
    Heard.objects.filter(correspondent=who).update(answer=None, look=None)
    Correspondent.objects.filter(pk=who.pk).delete()


def forget_erased(some: QuerySet[Correspondent]) -> None:
    """Of some correspondents, who were told of somebody who has been erased: what they were answered may speak of that.

    Who is bound to nothing else is forgotten; the others may be family, or write for somebody else too.
    """
    Heard.objects.filter(correspondent__in=some).update(answer=None, look=None)
    forget_unbound(some)


def forget_unbound(some: QuerySet[Correspondent]) -> None:
    """Of some correspondents, those who are bound to nothing."""
    bound = Address.objects.filter(way=OuterRef("way"), value_hash=OuterRef("address_hash"), dead_at=None)
    some.filter(~Exists(bound)).delete()


def _at(who: Correspondent) -> QuerySet[Address]:
    return Address.objects.filter(way=who.way, value_hash__in=keyed_hashes(who.address))


def _bind(who: Correspondent, now: datetime, **owner: object) -> None:
    hashed = bring_over(Address, "value_hash", keyed_hashes(who.address))
    values = {"value": who.address, "language": who.language, "dead_at": None}
    Address.objects.update_or_create(
        way=who.way, value_hash=hashed, **owner, defaults=values, create_defaults=values | {"made_at": now}
    )
