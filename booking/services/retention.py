"""What is no longer needed is erased: once a day, in batches, each in a transaction of its own (docs/settings.md).

Killed halfway or run twice, the next run goes on with what is left. 0 days: it is kept for good.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from booking.errors import BookingError
from booking.models import Account, Appointment, DataLog, Outbox, Patient
from booking.services import accounts, personal
from booking.services.personal import Person

log = logging.getLogger(__name__)
BATCH = 200


def expire(*, now: datetime | None = None) -> dict[str, int]:
    """Erases all that is over its time. Returns how many of what."""
    now = now or timezone.now()
    return {
        "patients": sum(_expire_each(_old_patients(now), now)),
        "accounts": _forget_accounts(now),
        "messages": _forget_messages(now),
        "codes": accounts.forget_codes(now=now),
    }


def _old_patients(now: datetime) -> QuerySet[Patient]:
    """Those who have neither come nor booked for so long, and do not wait for anything."""
    since = now - timedelta(days=settings.PATIENT_DAYS)
    lately = Appointment.objects.filter(
        Q(session__ends_at__gte=since) | Q(booked_at__gte=since), patient=OuterRef("pk")
    )
    old = Patient.objects.filter(~Exists(lately), ~personal.site().lately(since), erased_at=None, made_at__lt=since)
    return old if settings.PATIENT_DAYS else Patient.objects.none()


def _expire_each(patients: QuerySet[Patient], now: datetime) -> Iterator[int]:
    last = 0
    while ids := list(patients.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        for pk in ids:
            yield _expire(pk, patients, now)
        last = ids[-1]


def _expire(patient_id: int, patients: QuerySet[Patient], now: datetime) -> bool:
    """Not where something is still open, or where they have come since the look."""
    try:
        with transaction.atomic():
            if not patients.select_for_update(no_key=True, of=("self",)).filter(pk=patient_id).exists():
                return False
            personal.erase_now(Person([patient_id]), kind=DataLog.Kind.EXPIRED, now=now)
    except BookingError:
        return False
    except DatabaseError:
        log.exception("patient %s could not be erased", patient_id)
        return False
    return True


def _forget_accounts(now: datetime) -> int:
    """Accounts that nobody has booked with for as long, and that book for nobody any more."""
    if not settings.PATIENT_DAYS:
        return 0
    since = now - timedelta(days=settings.PATIENT_DAYS)
    lately = Appointment.objects.filter(account=OuterRef("pk"), booked_at__gte=since)
    old = Account.objects.filter(~Exists(lately), made_at__lt=since, member=None)
    return old.delete()[1].get("booking.Account", 0)


def _forget_messages(now: datetime) -> int:
    """What went out long ago; what could not go out is kept until somebody has looked at it."""
    if not settings.OUTBOX_DAYS:
        return 0
    sent = Outbox.objects.filter(sent_at__lt=now - timedelta(days=settings.OUTBOX_DAYS)).order_by("pk")
    count = 0
    while ids := list(sent.values_list("pk", flat=True)[:BATCH]):
        count += Outbox.objects.filter(pk__in=ids).delete()[1].get("booking.Outbox", 0)
    return count
