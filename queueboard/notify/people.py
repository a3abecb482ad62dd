"""Who is told of a cause, and by which ways: never more than one phone, and that where nothing else reaches them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from booking.models.hashes import lookup_hashes
from queueboard import notify
from queueboard.notify.facts import Facts
from queueboard.notify.models import Address, Delivery

ALWAYS, OTHERWISE, CODES = "always", "otherwise", "codes"
LEFT_ALONE = timedelta(days=7)  # a phone that its provider has called dead; numbers are given out again


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one way; `address` is None for a phone."""

    way: str
    to_hash: str
    language: str
    line: str = ""
    address: Address | None = None


def targets(facts: Facts) -> list[Target]:
    """Everywhere that this cause is told, in the order in which ways are enabled."""
    ways = notify.enabled()
    found = [
        Target(each.way, each.value_hash, each.language, each.line, each)
        for each in addresses(facts)
        if each.way in ways
    ]
    phone = phone_of(facts) if notify.SMS in ways else ""
    if phone and _by_sms(facts, found) and (facts.code is not None or not _is_dead(phone)):
        found.append(Target(notify.SMS, lookup_hashes(phone)[0], language_of(facts)))
    return found


def addresses(facts: Facts) -> Iterable[Address]:
    """Those of the links, of the account that booked, of that of the phone, and of the patient; each place once.

    Who has confirmed the phone that a text message would go to may be told elsewhere in its place.
    """
    if facts.code is not None:
        return []
    mine = Q(token__in=facts.links)
    if facts.account is not None:
        mine |= Q(account=facts.account)
    if facts.patient is not None:
        mine |= Q(patient=facts.patient)
    if phone := phone_of(facts):
        mine |= Q(account__phone_hash__in=lookup_hashes(phone))
    alive = Address.objects.filter(mine, dead_at=None).order_by("pk")
    return {(each.way, each.value_hash): each for each in alive}.values()


def may_be_texted_instead(facts: Facts) -> bool:
    """Whether a text message can take the place of another way that reaches nobody."""
    return notify.SMS in notify.enabled() and settings.SMS_NOTICES == OTHERWISE and bool(phone_of(facts))


def phone_of(facts: Facts) -> str:
    """The phone that a code is for; else of the account that booked; else of the patient. "" where there is none."""
    if facts.code is not None:
        return facts.code.phone
    if facts.account is not None:
        return facts.account.phone
    return "" if facts.patient is None else facts.patient.phone or ""


def language_of(facts: Facts) -> str:
    """Of who has that phone."""
    for who in (facts.code, facts.account, facts.patient):
        if who is not None:
            return who.language
    return settings.LANGUAGE_CODE


def _by_sms(facts: Facts, others: list[Target]) -> bool:
    if facts.code is not None or settings.SMS_NOTICES == ALWAYS:
        return True
    if settings.SMS_NOTICES == CODES:
        return False
    # What the service of another way has refused, or has found dead, reached nobody.
    lost = Delivery.objects.filter(cause=facts.cause, state__in=(Delivery.State.REFUSED, Delivery.State.DEAD))
    in_vain = set(lost.values_list("way", "to_hash"))
    return all((each.way, each.to_hash) in in_vain for each in others)


def _is_dead(phone: str) -> bool:
    dead = Delivery.objects.filter(way=notify.SMS, to_hash__in=lookup_hashes(phone), state=Delivery.State.DEAD)
    return dead.filter(ended_at__gt=timezone.now() - LEFT_ALONE).exists()
