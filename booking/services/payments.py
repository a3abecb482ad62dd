"""Prepayments: started, confirmed by a notice, compared with the provider's books (R3.3).

Appointment, then payment: locked in this order by everybody. A provider is never asked inside a transaction.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from booking import payments as providers
from booking.errors import BookingError
from booking.models import Appointment, Payment, Refund
from booking.payments.interface import Bill, Paid, ProviderError, Record, Told, Unavailable
from booking.services import appointments, money, refunds

log = logging.getLogger(__name__)

State = Payment.State
Reason = Refund.Reason

ASK_WHILE_HELD = timedelta(minutes=1)
ASK_AFTERWARDS = timedelta(minutes=10)
CLOSE_AFTER = timedelta(hours=1)  # the provider takes no money after the end of the hold; clocks differ


class Outcome(Enum):
    """What a notice brought about."""

    BOOKED = "booked"
    REPEATED = "repeated"  # known already: nothing happened
    REFUNDED = "refunded"  # too late, twice or another amount: it goes back
    UNKNOWN = "unknown"  # a number that is none of ours
    IGNORED = "ignored"  # told of something else than a payment


@dataclass(frozen=True, slots=True)
class Started:
    """A payment, and where to pay it."""

    payment: Payment
    url: str


def start(*, appointment_id: int, provider: str, return_url: str, address: str, now: datetime | None = None) -> Started:
    """Asks a provider to take an appointment's prepayment. Again with the same provider it is the same payment.

    Raises BookingError `no_provider`, `nothing_to_pay`, `paid_already`, `hold_expired`, `not_active`, `payment_over`,
    and `provider_down` (with `held_until`): the hold stays, and paying can be tried again.
    """
    now = now or timezone.now()
    if provider not in providers.enabled():
        raise BookingError(_("This way to pay is not offered here."), code="no_provider", status=400)
    with transaction.atomic():
        appointment = _locked_appointment(appointment_id)
        _can_be_paid(appointment, now)
        payment, _made = Payment.objects.get_or_create(
            appointment=appointment,
            provider=provider,
            defaults={
                "amount": appointment.fee,
                "made_at": now,
                "until": appointment.held_until or now,  # held, so it has an end
                "check_at": now + ASK_WHILE_HELD,
            },
        )
        if payment.state != State.OPEN:
            words = _("This payment has ended. Please choose another way to pay, or book again.")
            raise BookingError(words, code="payment_over")
    bill = Bill(
        number=payment.number,
        amount=payment.amount,
        about=_about(appointment),
        until=payment.until,
        return_url=return_url,
        address=address,
    )
    try:
        url = providers.provider(provider).start(bill)
    except ProviderError as error:
        log.warning("payment %s could not be started: %s", payment.pk, error)
        held_until = timezone.localtime(payment.until)
        raise BookingError(
            _("The payment service does not answer. Your number is held until %(time)s: please try again.")
            % {"time": date_format(held_until, "H:i")},
            code="provider_down",
            status=503,
            held_until=held_until.isoformat(),
        ) from error
    return Started(payment, url)


def confirm(*, provider: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> Outcome:
    """Acts on a provider's notice. Raises Forged, and has changed nothing then."""
    told = providers.provider(provider).confirm(headers, body)
    if told is None:
        log.info("a notice of %s tells of no payment", provider)
        return Outcome.IGNORED
    return receive(provider=provider, told=told, now=now)


def receive(*, provider: str, told: Told, now: datetime | None = None) -> Outcome:
    """So much was paid: books the held number, or orders the refund, in one transaction. Twice is once."""
    now = now or timezone.now()
    with transaction.atomic():
        payment = _locked(provider, told.number)
        if payment is None:
            log.error("%s tells of %d fen for %s, which is no payment of ours", provider, told.amount, told.number)
            return Outcome.UNKNOWN
        if payment.provider_number:
            if payment.provider_number == told.provider_number:
                log.info("payment %s: told again, ignored", payment.pk)
            else:
                _flag(payment, f"paid again: {told.amount} fen in {told.provider_number}")
            return Outcome.REPEATED
        reason = _goes_back(payment, told, now)
        state = State.PAID if reason is None else State.REFUNDING
        money.received(payment, state=state, amount=told.amount, provider_number=told.provider_number, now=now)
        if reason is None:
            appointments.confirm(appointment_id=payment.appointment_id, now=now)
            log.info("payment %s: %d fen, appointment %s is booked", payment.pk, told.amount, payment.appointment_id)
            return Outcome.BOOKED
        refunds.order(payment, reason=reason, amount=told.amount, now=now)
        if reason == Reason.AMOUNT:
            _flag(payment, f"{told.amount} fen came, {payment.amount} were asked")
        return Outcome.REFUNDED


def reconcile(*, now: datetime | None = None, limit: int = 100) -> int:
    """Compares payments with the providers' books, and repairs or flags what differs. Returns how many differed.

    What was paid or closed without our hearing of it is done now. Each payment is claimed by a conditional update, so
    that it can run twice; of a provider that does not answer, no more is asked in this run.
    """
    now = now or timezone.now()
    due = Payment.objects.filter(check_at__lte=now).order_by("check_at", "pk")
    silent: set[str] = set()
    differed = 0
    for pk, provider in list(due.values_list("pk", "provider")[:limit]):
        if provider in silent or not due.filter(pk=pk).update(check_at=now + ASK_AFTERWARDS):
            continue
        try:
            differed += _compare(Payment.objects.select_related("refund", "appointment").get(pk=pk), now)
        except Unavailable as error:
            log.warning("payment %s: %s does not answer: %s", pk, provider, error)
            silent.add(provider)
        except ProviderError as error:
            _flag(Payment.objects.get(pk=pk), f"cannot be compared: {error}")
    return differed


def _compare(payment: Payment, now: datetime) -> bool:
    provider = providers.provider(payment.provider)
    if payment.state in (State.OPEN, State.CLOSED):
        return _compare_unpaid(payment, provider.query(payment.number), now)
    if payment.state == State.PAID:
        return _agreed(payment, provider.query(payment.number), payment.balance)
    if payment.state == State.REFUNDED:
        return _agreed(payment, provider.query_refund(refunds.wanted(payment.refund)), payment.refund.amount)
    return _unchecked(payment)  # refunding: the outbox asks until it is done


def _compare_unpaid(payment: Payment, record: Record, now: datetime) -> bool:
    if record.paid is Paid.YES:
        told = Told(payment.number, record.amount, record.provider_number)
        return receive(provider=payment.provider, told=told, now=now) in (Outcome.BOOKED, Outcome.REFUNDED)
    over = record.paid is Paid.OVER or now >= payment.until + CLOSE_AFTER
    unpaid = Payment.objects.filter(pk=payment.pk, state=State.OPEN)
    if over and now >= payment.until:
        unpaid.update(state=State.CLOSED, check_at=None)
    elif now < payment.until:
        unpaid.update(check_at=now + ASK_WHILE_HELD)
    return False


def _agreed(payment: Payment, record: Record, amount: int) -> bool:
    if record.paid is Paid.YES and record.amount == amount:
        return _unchecked(payment)
    _flag(payment, f"{payment.state}, {amount} fen; the provider says {record.paid.value}, {record.amount} fen")
    Payment.objects.filter(pk=payment.pk, state=payment.state).update(check_at=None)
    return True


def _unchecked(payment: Payment) -> bool:
    """Nothing to compare until the state changes again."""
    Payment.objects.filter(pk=payment.pk, state=payment.state).update(check_at=None)
    return False


def _can_be_paid(appointment: Appointment, now: datetime) -> None:
    states = Appointment.State
    if not appointment.fee:
        raise BookingError(_("There is nothing to pay for this appointment."), code="nothing_to_pay")
    if appointment.state in (states.BOOKED, states.ARRIVED, states.SEEN):
        raise BookingError(_("This appointment is paid already."), code="paid_already")
    if appointment.state == states.EXPIRED or (appointment.held_until is not None and appointment.held_until <= now):
        raise BookingError(_("The time to pay is over. Please book again."), code="hold_expired")
    if appointment.state != states.HELD:
        raise BookingError(_("This appointment has ended."), code="not_active", state=appointment.state)


def _goes_back(payment: Payment, told: Told, now: datetime) -> Reason | None:
    """Why this money is not for the appointment; None: it is."""
    appointment = payment.appointment
    if told.amount != payment.amount:
        return Reason.AMOUNT
    if Payment.objects.filter(appointment=appointment, state=State.PAID).exists():
        return Reason.TWICE
    in_time = appointment.held_until is not None and appointment.held_until > now
    return None if appointment.state == Appointment.State.HELD and in_time else Reason.LATE


def _locked_appointment(appointment_id: int) -> Appointment:
    return (
        Appointment.objects.select_for_update(no_key=True, of=("self",)).select_related("slot").get(pk=appointment_id)
    )


def _locked(provider: str, number: str) -> Payment | None:
    """The payment with its appointment, both locked: what is decided on here stays true to the end."""
    found = Payment.objects.filter(provider=provider, number=number).values_list("pk", "appointment_id").first()
    if found is None:
        return None
    appointment = _locked_appointment(found[1])
    payment = Payment.objects.select_for_update(no_key=True).get(pk=found[0])
    payment.appointment = appointment
    return payment


def _flag(payment: Payment, words: str) -> None:
    """For a person to look into; the first thing that went wrong is kept."""
    log.error("payment %s: %s", payment.pk, words)
    Payment.objects.filter(Q(flag=""), pk=payment.pk).update(flag=words[:200])


def _about(appointment: Appointment) -> str:
    """What the payer reads in the provider's app: neither who comes nor to whom."""
    starts_at = timezone.localtime(appointment.slot.starts_at)
    return str(_("Appointment %(time)s") % {"time": f"{starts_at:%Y-%m-%d %H:%M}"})
