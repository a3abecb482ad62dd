"""What must hold of numbers, appointments and money at any moment (R1.4, R2.7, R3.2, R3.3), checked in the database."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q, Sum

from booking import draws
from booking.models import (
    Appointment,
    Ballot,
    BallotEntry,
    CountedNoShow,
    FreedNumber,
    MoneyMove,
    Outbox,
    Payment,
    QuotaMove,
    Refund,
    Session,
    Slot,
    WaitlistEntry,
)
from booking.services import ballots, refunds
from booking.services.quotas import SHARES_OUT

Place = QuotaMove.Place
State = Appointment.State


def breaches() -> Iterator[str]:
    """A line for each breach; none where all is well. Reads one state, so it can run beside a live clinic."""
    with _one_state():
        found = [
            *_slots(),
            *_sessions(),
            *_appointments(),
            *_freed(),
            *_money(),
            *_paid(),
            *_refunds(),
            *_suspensions(),
            *_waitlist(),
            *_offers(),
            *_ballots(),
        ]
    yield from found


@contextmanager
def _one_state() -> Iterator[None]:
    nested = connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _ledger() -> dict[tuple[int, str], int]:
    """What the ledger says is in each place of each slot."""
    held: dict[tuple[int, str], int] = defaultdict(int)
    moves = QuotaMove.objects.order_by()
    for slot, place, count in moves.values_list("slot_id", "target").annotate(n=Sum("count")):
        held[slot, place] += count
    for slot, place, count in moves.values_list("slot_id", "source").annotate(n=Sum("count")):
        held[slot, place] -= count
    return held


def _slots() -> Iterator[str]:
    """R2.7: the ledger's sums and last balances are the slot's counts; R3.2: its bookings are its appointments."""
    ledger = _ledger()
    last = QuotaMove.objects.order_by().values("slot_id").annotate(last=Max("id")).values("last")
    balances = {
        slot: (bookable, walk_in)
        for slot, bookable, walk_in in QuotaMove.objects.filter(pk__in=last).values_list(
            "slot_id", "bookable_left", "walk_in_left"
        )
    }
    used = dict(
        Appointment.objects.filter(state__in=Appointment.COUNTED)
        .order_by()
        .values_list("slot_id")
        .annotate(n=Count("pk"))
    )
    for slot in Slot.objects.order_by("pk").iterator():
        counts = {
            Place.BOOKABLE: slot.left_bookable,
            Place.BOOKED: slot.booked,
            Place.WITHHELD: slot.withheld,
            Place.POOL: slot.left_walk_in,
            Place.REGISTERED: slot.registered,
        }
        for place, count in counts.items():
            if count < 0:
                yield f"slot {slot.pk}: {count} {place.value}"
            if ledger[slot.pk, place] != count:
                yield f"slot {slot.pk}: {count} {place.value}, but the ledger says {ledger[slot.pk, place]}"
        left = (slot.left_bookable, slot.left_walk_in)
        if balances.get(slot.pk, (0, 0)) != left:
            yield f"slot {slot.pk}: {left} left, but the ledger's last balance is {balances.get(slot.pk)}"
        if used.get(slot.pk, 0) != slot.booked:
            yield f"slot {slot.pk}: {slot.booked} booked, but {used.get(slot.pk, 0)} appointments use a number"


def _sessions() -> Iterator[str]:
    """R2.4, R3.5b: a session's numbers are conserved, whatever is passed on or split anew."""
    crossing = QuotaMove.objects.exclude(reason__in=SHARES_OUT).order_by()
    added: dict[int, int] = defaultdict(int)
    for sign, side in ((1, "source"), (-1, "target")):
        sums = crossing.filter(**{side: Place.OUTSIDE}).values_list("slot__session_id").annotate(n=Sum("count"))
        for session, count in sums:
            added[session] += sign * count
    split = Session.objects.annotate(
        in_slots=Sum("slots__bookable", default=0) + Sum("slots__walk_in", default=0), cut=Count("slots")
    ).filter(cut__gt=0)
    for pk, numbers, in_slots in split.order_by("pk").values_list("pk", "numbers", "in_slots"):
        if in_slots != numbers + added[pk]:
            yield f"session {pk}: {in_slots} numbers in its slots, should be {numbers} and {added[pk]} added"


def _appointments() -> Iterator[str]:
    """R1.4: closing settles every appointment; who is checked in may wait on as handed over, which the queue checks.

    One of another session's slot would count there.
    """
    over = Q(session__state__in=(Session.State.CLOSED, Session.State.CANCELLED))
    left = Appointment.objects.filter(over, state__in=(State.HELD, State.BOOKED)).order_by("pk")
    for pk, state, session in left.values_list("pk", "state", "session_id"):
        yield f"appointment {pk}: {state}, but session {session} is over"
    astray = Appointment.objects.exclude(slot__session_id=F("session_id")).order_by("pk")
    for pk, session in astray.values_list("pk", "session_id"):
        yield f"appointment {pk}: its slot is not one of session {session}"


def _freed() -> Iterator[str]:
    """R3.4: each withheld number is waiting to be freed, so that none is withheld for ever."""
    waiting = dict(FreedNumber.objects.filter(done_at=None).order_by().values_list("slot_id").annotate(n=Count("pk")))
    for pk, withheld in Slot.objects.order_by("pk").values_list("pk", "withheld"):
        if waiting.get(pk, 0) != withheld:
            yield f"slot {pk}: {withheld} withheld, but {waiting.get(pk, 0)} wait to be freed"


def _money() -> Iterator[str]:
    """R3.3: no fen is lost or made: what came in and has not gone back is what is held of the payment."""
    held: dict[int, int] = defaultdict(int)
    last: dict[int, int] = defaultdict(int)
    for payment, kind, amount, balance in MoneyMove.objects.order_by("pk").values_list(
        "payment_id", "kind", "amount", "balance"
    ):
        held[payment] += amount if kind == MoneyMove.Kind.RECEIVED else -amount
        last[payment] = balance
    for pk, balance in Payment.objects.order_by("pk").values_list("pk", "balance"):
        if not balance == held[pk] == last[pk]:
            yield f"payment {pk}: holds {balance} fen, the ledger's sum is {held[pk]}, its last balance {last[pk]}"


def _paid() -> Iterator[str]:
    """R3.3: nobody has a number for nothing, and nobody pays for none."""
    paid = Count("payments", filter=Q(payments__state=Payment.State.PAID, payments__amount=F("fee")))
    active = Appointment.objects.filter(fee__gt=0, state__in=(State.BOOKED, State.ARRIVED)).annotate(paid=paid)
    for pk in active.exclude(paid=1).order_by("pk").values_list("pk", flat=True):
        yield f"appointment {pk}: not paid, but it is booked"
    for_nothing = (State.HELD, State.EXPIRED, State.CANCELLED, State.NOT_SEEN, State.CALLED_OFF)
    kept = Payment.objects.filter(state=Payment.State.PAID, appointment__state__in=for_nothing).order_by("pk")
    for pk, state in kept.values_list("pk", "appointment__state"):
        yield f"payment {pk}: kept, but its appointment is {state}"


def _refunds() -> Iterator[str]:
    """R3.3: what goes back is all that was received, and somebody is at it until it is done."""
    ways = {Payment.State.REFUNDING: True, Payment.State.REFUNDED: False}
    for payment in Payment.objects.filter(Q(state__in=ways) | Q(refund__isnull=False)).select_related("refund"):
        refund = getattr(payment, "refund", None)
        under_way = refund.done_at is None if refund else None
        if under_way is None or ways.get(Payment.State(payment.state)) != under_way:
            yield f"payment {payment.pk}: {payment.state}, which its refund is not"
    waiting = set(Outbox.objects.filter(kind=refunds.KIND, sent_at=None).values_list("key", flat=True))
    for refund in Refund.objects.filter(done_at=None).select_related("payment").order_by("pk"):
        if refund.amount != refund.payment.balance:
            yield f"refund {refund.pk}: {refund.amount} fen of {refund.payment.balance}"
        if refunds.key(refund) not in waiting:
            yield f"refund {refund.pk}: nobody sends it"


def _suspensions() -> Iterator[str]:
    """R3.6: what a suspension counted are its patient's no-shows, and nothing else."""
    counted = CountedNoShow.objects.exclude(
        appointment__state=State.NO_SHOW, appointment__patient=F("suspension__patient")
    )
    for suspension, appointment in counted.order_by("pk").values_list("suspension_id", "appointment_id"):
        yield f"suspension {suspension}: counted appointment {appointment}, which is no no-show of this patient"


def _waitlist() -> Iterator[str]:
    """R3.5: nobody waits for what has ended; who took a number has it for the same patient."""
    opened = ~Q(session__state=Session.State.PLANNED) | Q(session__pool_opened_at__isnull=False)
    vain = WaitlistEntry.objects.filter(opened, state__in=WaitlistEntry.ACTIVE).order_by("pk")
    for pk, session in vain.values_list("pk", "session_id"):
        yield f"waitlist entry {pk}: waits, but session {session} can no longer be booked"
    others = WaitlistEntry.objects.filter(appointment__isnull=False).exclude(appointment__patient=F("patient"))
    for pk in others.order_by("pk").values_list("pk", flat=True):
        yield f"waitlist entry {pk}: the number went to another patient"


def _offers() -> Iterator[str]:
    """R3.4: what is offered is withheld for that, is what is waited for, was not theirs, and ends with the list."""
    wrong = {
        "is offered a number that is gone": Q(state=WaitlistEntry.State.OFFERED, freed__done_at__isnull=False),
        "is offered a number of another session": ~Q(freed__slot__session=F("session")),
        "is offered a number of another slot": Q(slot__isnull=False) & ~Q(freed__slot=F("slot")),
        "the offer ends after registration has opened": Q(offered_until__gt=F("session__registration_opens_at")),
        "is offered the number that it let go": Q(freed__appointment__patient=F("patient"))
        | Q(freed__appointment__account=F("account")),
    }
    for words, which in wrong.items():
        for pk in WaitlistEntry.objects.filter(which, freed__isnull=False).order_by("pk").values_list("pk", flat=True):
            yield f"waitlist entry {pk}: {words}"


def _ballots() -> Iterator[str]:
    """R3.7: a ballot that is over was drawn as its seed says, to the last request."""
    for ballot in Ballot.objects.filter(drawn_at__isnull=False).select_related("session").order_by("pk"):
        left = ballot.entries.filter(state=BallotEntry.State.ASKED).count()
        if left:
            yield f"ballot {ballot.pk}: {left} requests are not drawn"
        for fault in draws.faults(ballots.record(ballot)):
            yield f"ballot {ballot.pk}: {fault}"
