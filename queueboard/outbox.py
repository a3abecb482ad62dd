"""Does what the outbox holds: at least once, a duplicate only if a process dies between doing and noting it.

Money goes back by its provider; all else is told, by the ways of queueboard/notify/, to which it is fanned out here.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from booking.models import Outbox
from booking.payments import ProviderError
from booking.services import refunds
from queueboard.notify import delivery

log = logging.getLogger(__name__)
CLAIM = timedelta(seconds=20)  # fanning out asks nobody outside, and twice is once
REFUND_CLAIM = timedelta(minutes=2)  # longer than a provider takes to answer
MAX_WAIT = timedelta(hours=1)
# Done apart from each other: a provider of payments that is slow to answer holds no message up.
REFUNDS = Q(kind=refunds.KIND)
MESSAGES = ~REFUNDS


def send_due(
    *,
    deliver: Callable[[Outbox], None] = delivery.fan_out,
    which: Q = MESSAGES,
    claim: timedelta = CLAIM,
    now: datetime | None = None,
    limit: int = 200,
) -> int:
    """Claims unsent rows one by one and delivers them; one that fails is tried again later, ever more slowly.

    The claim is a conditional UPDATE: of two senders one gets the row, and the claim of one that died runs out.
    """

    def clock() -> datetime:
        return now or timezone.now()

    due = Outbox.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=clock()), sent_at=None)
    due = due.filter(which).order_by("pk")
    sent = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        if not due.filter(pk=pk).update(claimed_until=clock() + claim, attempts=F("attempts") + 1):
            continue
        row = Outbox.objects.get(pk=pk)
        try:
            deliver(row)
        except Exception as error:
            expected = isinstance(error, ProviderError)
            log.error("message %s failed, attempt %d: %s", pk, row.attempts, error, exc_info=not expected)
            wait = min(timedelta(seconds=10) * 2 ** min(row.attempts, 10), MAX_WAIT)
            Outbox.objects.filter(pk=pk).update(claimed_until=clock() + wait, error=type(error).__name__)
            continue
        Outbox.objects.filter(pk=pk).update(sent_at=timezone.now(), error="")
        sent += 1
    return sent
