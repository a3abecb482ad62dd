"""From a cause to the people: fanned out once, then sent by each way on its own.

One way's failure, delay or repetition touches no other. Sent at least once: again only where a process died between
sending and noting it, and a process has one notice in that gap.
"""

import logging
import threading
from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from booking import quiet
from booking.models import Outbox
from queueboard import notify
from queueboard.notify import people
from queueboard.notify.facts import Facts
from queueboard.notify.interface import Dead, Later, NotSent, Refused, Unavailable
from queueboard.notify.kinds import KINDS, compose, is_urgent, until
from queueboard.notify.lines import Lines
from queueboard.notify.models import Address, Delivery
from queueboard.notify.turns import Turns

log = logging.getLogger(__name__)

AT_ONCE = timedelta(minutes=1)  # so long a way may fail with what is urgent, where a text message can take its place
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=10)
PER_RUN = 500

State = Delivery.State
lines: defaultdict[str, Lines] = defaultdict(Lines)
# A service that is slow takes one thread of a process, however often the task is sent.
_at_work: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_turns = Turns()


def fan_out(cause: Outbox) -> None:
    """One row for each way and address that this is told by. Twice is once; what no kind knows is told nobody."""
    if cause.kind not in KINDS:
        log.warning("message %s: nothing is known to be said of %s", cause.pk, cause.kind)
        return
    _write(Facts(cause))


def _write(facts: Facts) -> None:
    urgent = is_urgent(facts)
    Delivery.objects.bulk_create(
        (
            Delivery(
                cause=facts.cause,
                way=target.way,
                line=target.line,
                address=target.address,
                to_hash=target.to_hash,
                language=target.language,
                urgent=urgent,
                due_at=facts.cause.made_at,
            )
            for target in people.targets(facts)
        ),
        ignore_conflicts=True,
    )


def due(name: str, now: datetime) -> QuerySet[Delivery]:
    """What this way has to send now, the urgent first."""
    found = Delivery.objects.filter(way=name, state=State.WAITING, due_at__lte=now)
    if quiet.is_quiet(now):
        found = found.filter(urgent=True)
    return found.order_by("-urgent", "pk")


def send_due(name: str, *, now: datetime | None = None) -> int:
    """Sends by one way what is due; returns how many went out. In one process only one at a time does this."""
    if not _at_work[name].acquire(blocking=False):
        return 0
    try:
        sent = 0
        for _ in range(PER_RUN):
            row = _claimed(name, now or timezone.now())
            if row is None:
                break
            with _turns.one():
                sent += _send(row, now or timezone.now())
        return sent
    finally:
        _at_work[name].release()


def _claimed(name: str, now: datetime) -> Delivery | None:
    """The next one, which no other sender takes while sending can last; the claim of one that died runs out."""
    claim = notify.way(name).answers_within
    while True:
        pk = due(name, now).values_list("pk", flat=True).first()
        if pk is None:
            return None
        waiting = Delivery.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now)
        if waiting.update(due_at=now + claim, attempts=F("attempts") + 1):
            return Delivery.objects.select_related("cause", "address").get(pk=pk)


def _send(row: Delivery, now: datetime) -> bool:
    facts = Facts(row.cause)
    try:
        notice = compose(facts, row.language) if now < until(row.cause) else None
        to = people.phone_of(facts) if row.address is None else row.address.value
        if notice is not None and to is None:
            raise Dead("forgotten meanwhile")
        if notice is None or not to:
            _ended(row, State.OVERTAKEN, now)
            return False
        pause = lines[row.way].left_alone(row.line, now)
        if pause is not None:
            return _again(row, facts, pause, Unavailable("left alone"), now)
        number = notify.way(row.way).send(to, notice)
    except Unavailable as error:
        wait = lines[row.way].failed(row.line, now, error.seconds)
        return _again(row, facts, max(wait, _backoff(row)), error, now)
    except Later as error:
        return _again(row, facts, max(timedelta(seconds=error.seconds), _backoff(row)), error, now)
    except (Refused, Dead) as error:
        return _in_vain(row, facts, error, now)
    except Exception as error:
        log.error("notice %s (%s by %s) failed: %s", row.pk, row.cause.kind, row.way, type(error).__name__)
        return _again(row, facts, _backoff(row), error, now)
    lines[row.way].works(row.line)
    _ended(row, State.SENT, now, provider_number=number[:100], error="")
    return True


def _backoff(row: Delivery) -> timedelta:
    return min(FIRST_WAIT * 2 ** min(row.attempts - 1, 10), LONGEST_WAIT)


def _again(row: Delivery, facts: Facts, wait: timedelta, error: Exception, now: datetime) -> bool:
    """Later; or not at all, where that would be too late."""
    at = now + wait if row.urgent else quiet.over(now + wait)
    if at >= _last_moment(row, facts):
        return _in_vain(row, facts, error, now)
    log.warning("notice %s (%s by %s), try %d: %s", row.pk, row.cause.kind, row.way, row.attempts, _words(error))
    _own(row).update(due_at=at, error=_words(error))
    return False


def _last_moment(row: Delivery, facts: Facts) -> datetime:
    """So long this way may try."""
    if row.urgent and row.way != notify.SMS and people.may_be_texted_instead(facts):
        return min(until(row.cause), row.cause.made_at + AT_ONCE)
    return until(row.cause)


def _words(error: Exception) -> str:
    """Not those of an error nobody thought of, which may hold what was sent."""
    return str(error)[:200] if isinstance(error, NotSent) else type(error).__name__


def _own(row: Delivery) -> QuerySet[Delivery]:
    """The row as long as nobody else has claimed it, to whom this one must have looked dead."""
    return Delivery.objects.filter(pk=row.pk, state=State.WAITING, attempts=row.attempts)


def _ended(row: Delivery, state: str, now: datetime, **fields: str) -> bool:
    return bool(_own(row).update(state=state, ended_at=now, **fields))


def _in_vain(row: Delivery, facts: Facts, error: Exception, now: datetime) -> bool:
    """The address is forgotten where it is dead; whoever is reached by nothing else now gets it on the phone."""
    log.error("notice %s (%s by %s) did not go out: %s", row.pk, row.cause.kind, row.way, _words(error))
    dead = isinstance(error, Dead)
    with transaction.atomic():
        _one_way_at_a_time(row)
        if not _ended(row, State.DEAD if dead else State.REFUSED, now, error=_words(error)):
            return False
        if dead and row.address is not None and row.address.dead_at is None:
            forget(row.address, now)
        _write(Facts(facts.cause))
    return False


def came_to_nothing(name: str, number: str, *, now: datetime | None = None) -> bool:
    """A service tells later that what it had taken under this number reached nobody. Twice is once.

    Whether it was one of ours. The address is good; the phone gets it where nothing else reaches the patient.
    """
    now = now or timezone.now()
    sent = Delivery.objects.filter(way=name, provider_number=number, state=State.SENT).select_related("cause")
    row = sent.first()
    if row is None:
        return False
    with transaction.atomic():
        _one_way_at_a_time(row)
        if not sent.filter(pk=row.pk).update(state=State.REFUSED, ended_at=now, error="reached nobody"):
            return False
        _write(Facts(row.cause))
    return True


def _one_way_at_a_time(row: Delivery) -> None:
    """Two ways that fail together do not each leave the patient to the other: the second sees what the first wrote."""
    Outbox.objects.select_for_update(no_key=True).get(pk=row.cause_id)


def forget(address: Address, now: datetime) -> None:
    """Nobody is there any more. Of whomever it is: the same place in other rows is dead too."""
    same = Address.objects.filter(way=address.way, value_hash=address.value_hash, dead_at=None)
    same.update(value=None, dead_at=now)


def withdraw(addresses: QuerySet[Address], now: datetime) -> int:
    """As their owners wish, nothing more is told there. Returns how many addresses went.

    What is on its way there goes on as from a dead address: the phone gets it where nothing else reaches the patient.
    """
    waiting = Exists(Delivery.objects.filter(address=OuterRef("pk"), state=State.WAITING))
    with transaction.atomic():
        count = addresses.count()
        addresses.filter(waiting).update(value=None, dead_at=now)
        addresses.exclude(waiting).delete()
    return count
