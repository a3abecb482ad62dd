"""A person's own data: handed out, and erased, for who has the phone that was given to the hospital.

Of an erased patient nothing is left that leads to a person: numbers, ledgers, money and missed visits stay as they are,
of nobody. What the site keeps beside booking is known to settings.PERSONAL_DATA, a module with `export`, `holding` and
`erase`, each of a Person, `lately` and `apart_from` (see queueboard/personal.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from booking import own_data
from booking.errors import BookingError
from booking.models import (
    Account,
    Appointment,
    BallotEntry,
    DataLog,
    Member,
    Patient,
    Payment,
    PhoneCode,
    WaitlistEntry,
)
from booking.models.appointments import new_token
from booking.models.hashes import phone_hashes
from booking.services import accounts, suspensions
from booking.services.payments import CLOSE_AFTER

Kind = DataLog.Kind
WISHES = (BallotEntry, WaitlistEntry)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is meant: an account with its phone, where there is one, and patients."""

    patient_ids: Sequence[int]
    account_id: int | None = None
    phone: str = ""

    @property
    def mine(self) -> Q:
        """Of appointments and wishes for one: theirs, and those that were made with the account."""
        own = Q(patient__in=self.patient_ids)
        return own if self.account_id is None else own | Q(account=self.account_id)


def of_account(account: Account) -> Person:
    """The account and the patients who gave the hospital its phone, however it was written.

    Not all of its family: whoever knows somebody's name and ID number can put them on that list. Nor who was entered
    online with this phone and has visits, or wishes for one, that were not made with this account: the same stranger
    can have come first.
    """
    patients = Patient.objects.filter(phone_hash__in=phone_hashes(account.phone)).order_by("pk")
    others = [_apart(model.objects.filter(patient=OuterRef("pk")), account) for model in (Appointment, *WISHES)]
    for rows in (*others, site().apart_from(account.pk)):
        patients = patients.exclude(Exists(rows), phone_typed_at__isnull=False)
    return Person(list(patients.values_list("pk", flat=True)), account.pk, account.phone)


def _apart(rows: QuerySet[Any], account: Account) -> QuerySet[Any]:
    return rows.filter(Q(account=None) | ~Q(account=account.pk))


def hand_out(*, account: Account, now: datetime | None = None) -> dict[str, Any]:
    """All that is kept about a person, ready for JSON; that it was handed out is logged."""
    now = now or timezone.now()
    person = of_account(account)
    with transaction.atomic():
        _log(Kind.HANDED_OUT, person, now)
        return everything(person, now=now)


def everything(person: Person, *, now: datetime) -> dict[str, Any]:
    """What is kept about a person, for pages of their own."""
    found = own_data.of_person(person.patient_ids, person.account_id)
    return {"made_at": timezone.localtime(now).isoformat(), **found, **site().export(person)}


def holding(person: Person, *, now: datetime | None = None) -> BookingError | None:
    """Why the data cannot be erased now, and until when; None: it can."""
    now = now or timezone.now()
    return (
        _coming(person)
        or _wished(person)
        or _unsettled(person)
        or _suspended(person, now)
        or site().holding(person)  # whoever waits in a queue, for instance
    )


def erase(*, account_id: int, code: str, now: datetime | None = None) -> DataLog:
    """Erases an account and its patients, confirmed by a code that was sent to its phone just now.

    The account is locked before the code is looked at, so that of two taps the second finds what the first has done.
    Raises Account.DoesNotExist where it is erased already; BookingError as `accounts.check_code`, whose tries stay
    counted unless this is inside a transaction, and `appointment_ahead`, `still_waiting`, `payment_unsettled`,
    `suspended` (with `until`), `in_queue`.
    """
    now = now or timezone.now()
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account_id)
        _refuse(of_account(account), now)
        try:
            accounts.check_code(phone=account.phone, code=code, now=now)
        except BookingError as error:
            refused = error  # raised when the try is committed
        else:
            return erase_now(of_account(account), kind=Kind.ERASED, now=now)
    raise refused


def erase_patient(
    *, patient_id: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> DataLog:
    """Staff erases a patient who asked for it and has no phone to do so alone. Twice is once.

    Raises BookingError `reason_missing`, and as `erase` where something is still open.
    """
    if not reason.strip():
        raise BookingError(_("Erasing a patient's data needs a reason."), code="reason_missing", status=400)
    with transaction.atomic():
        return erase_now(
            Person([patient_id]), kind=Kind.ERASED, now=now or timezone.now(), actor=actor, reason=reason.strip()
        )


def erase_now(
    person: Person, *, kind: str, now: datetime, actor: AbstractBaseUser | None = None, reason: str = ""
) -> DataLog:
    """Inside a transaction: locks, looks whether anything is open, and erases. Raises as `erase`."""
    locked = Patient.objects.select_for_update(no_key=True).filter(pk__in=person.patient_ids).order_by("pk")
    ids = [patient.pk for patient in locked.only("pk")]
    _refuse(person, now)
    site().erase(person, now)
    appointments = Appointment.objects.filter(patient__in=ids).order_by("pk")
    appointments.update(request_key="", request_hash="", device_hash="", address_hash="", way_minutes=None)
    for rows in (appointments, *(model.objects.filter(patient__in=ids).order_by("pk") for model in WISHES)):
        for pk in rows.values_list("pk", flat=True):
            rows.filter(pk=pk).update(token=new_token())  # the links open nothing any more
    Member.objects.filter(patient__in=ids).delete()
    # A booking under way has looked at the patient already: by the raised count it looks again.
    Patient.objects.filter(pk__in=ids).update(
        name="", id_type=Patient.IdType.OTHER, id_number=None, id_hash="", phone=None, phone_hash="",
        language=Patient._meta.get_field("language").get_default(), bookings=F("bookings") + 1, erased_at=now,
    )  # fmt: skip
    if person.account_id is not None:
        PhoneCode.objects.filter(phone_hash__in=PhoneCode.hashes_of(person.phone)).delete()
        Account.objects.filter(pk=person.account_id).delete()
    return _log(kind, person, now, actor, reason)


def _log(kind: str, person: Person, now: datetime, actor: AbstractBaseUser | None = None, reason: str = "") -> DataLog:
    return DataLog.objects.create(
        kind=kind, account=person.account_id, patients=list(person.patient_ids), at=now, reason=reason,
        actor=actor,  # type: ignore[misc]  # the stubs know the default user only
    )  # fmt: skip


def _refuse(person: Person, now: datetime) -> None:
    reason = holding(person, now=now)
    if reason is not None:
        raise reason


def _coming(person: Person) -> BookingError | None:
    ahead = Appointment.objects.filter(person.mine, state__in=Appointment.ACTIVE).select_related("slot")
    first = ahead.order_by("slot__starts_at", "pk").first()
    if first is None:
        return None
    day = timezone.localtime(first.slot.starts_at)
    words = _("There is an appointment on %(day)s. Please cancel it first, or come back after the visit.")
    return BookingError(words % {"day": date_format(day, "DATE_FORMAT")}, code="appointment_ahead")


def _wished(person: Person) -> BookingError | None:
    asked = BallotEntry.objects.filter(person.mine, state=BallotEntry.State.ASKED)
    waiting = WaitlistEntry.objects.filter(person.mine, state__in=WaitlistEntry.ACTIVE)
    if not asked.exists() and not waiting.exists():
        return None
    words = _("You take part in a draw or wait for a freed number. Please withdraw first.")
    return BookingError(words, code="still_waiting")


def _unsettled(person: Person) -> BookingError | None:
    states = Payment.State
    mine = Appointment.objects.filter(person.mine)
    payment = Payment.objects.filter(appointment__in=mine, state__in=(states.OPEN, states.REFUNDING)).first()
    if payment is None:
        return None
    if payment.state == states.REFUNDING:
        words = _("Money is on its way back to you. Please come back when it has arrived.")
        return BookingError(words, code="payment_unsettled")
    until = timezone.localtime(payment.until + CLOSE_AFTER + timedelta(minutes=10))
    words = _("A payment is not settled yet. Please come back after %(time)s.")
    return BookingError(
        words % {"time": date_format(until, "DATETIME_FORMAT")}, code="payment_unsettled", until=until.isoformat()
    )


def _suspended(person: Person, now: datetime) -> BookingError | None:
    running = suspensions.lasting(now).filter(patient__in=person.patient_ids).order_by("-until").first()
    if running is None:
        return None
    words = f"{suspensions.sentence(running)} {_('Until then the data cannot be erased.')}"
    return BookingError(words, code="suspended", until=timezone.localtime(running.until).isoformat())


def site() -> ModuleType:
    """The module that knows what the site keeps beside booking."""
    return import_module(settings.PERSONAL_DATA)
