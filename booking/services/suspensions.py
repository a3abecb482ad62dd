"""Suspensions: made when a session's no-shows are settled, told to the patient, lifted by a manager (R3.6)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, CountedNoShow, Department, Outbox, Patient, Suspension


def after_no_shows(*, patient_ids: Collection[int], department: Department, now: datetime) -> int:
    """Suspends those of these patients who have reached the department's limit. Returns how many.

    Inside the transaction that settles the no-shows, with the session locked. No-shows of all departments count, each
    for one suspension only; who is suspended already is not suspended for longer.
    """
    if not department.no_show_limit:
        return 0
    # Two sessions that close at once must not each miss the other's no-show. Lock order: session, patient.
    locked = Patient.objects.select_for_update(no_key=True).filter(pk__in=patient_ids).order_by("pk")
    ids = [patient.pk for patient in locked.only("pk")]
    missed = Appointment.objects.filter(
        ~Exists(lasting(now).filter(patient=OuterRef("patient"))),
        patient__in=ids,
        state=Appointment.State.NO_SHOW,
        ended_at__gt=now - timedelta(days=department.no_show_days),
        counted=None,
    )
    by_patient: dict[int, list[int]] = defaultdict(list)
    for patient_id, pk in missed.order_by("pk").values_list("patient_id", "pk"):
        by_patient[patient_id].append(pk)
    due = {patient: counted for patient, counted in by_patient.items() if len(counted) >= department.no_show_limit}
    for patient_id, counted in due.items():
        _suspend(patient_id, counted, until=now + timedelta(days=department.suspension_days), now=now)
    return len(due)


def lift(
    *, suspension_id: int, reason: str, actor: AbstractBaseUser | None = None, now: datetime | None = None
) -> Suspension:
    """A manager ends a suspension, with a reason; what it counted never counts again. Twice is once.

    This is also how a no-show that was recorded wrongly is put right. Raises BookingError `reason_missing`,
    `suspension_over`.
    """
    now = now or timezone.now()
    if not reason.strip():
        raise BookingError(_("Lifting a suspension needs a reason."), code="reason_missing", status=400)
    with transaction.atomic():
        lifted = Suspension.objects.filter(pk=suspension_id, ended_at=None, until__gt=now).update(
            ended_at=now, lifted_by=actor, lift_reason=reason.strip()
        )
        suspension = Suspension.objects.get(pk=suspension_id)
        if lifted:
            _send("suspension_lifted", suspension, now)
        elif not suspension.lift_reason:
            raise BookingError(_("This suspension is over."), code="suspension_over")
    return suspension


def lasting(now: datetime) -> QuerySet[Suspension]:
    """The suspensions that keep their patients from booking at that time."""
    return Suspension.objects.filter(Q(ended_at=None) | Q(ended_at__gt=now), begins_at__lte=now, until__gt=now)


def of(patient_id: int, *, now: datetime | None = None) -> Suspension | None:
    """The suspension that keeps this patient from booking; None: there is none."""
    return _LASTING.first(patient_id=patient_id, now=now or timezone.now())


_LASTING = kept.Query(
    lambda patient_id, now: lasting(now).filter(patient=patient_id), patient_id=int, now=datetime
)  # fmt: skip


def sentence(suspension: Suspension) -> str:
    """Why and until when, in the language of who reads."""
    until = date_format(timezone.localtime(suspension.until), "DATETIME_FORMAT")
    count = suspension.counted.count()
    return ngettext(
        "%(count)s booked visit was missed without cancelling it, so nothing can be booked for this patient until "
        "%(until)s. A walk-in number can still be had on site.",
        "%(count)s booked visits were missed without cancelling them, so nothing can be booked for this patient until "
        "%(until)s. A walk-in number can still be had on site.",
        count,
    ) % {"count": count, "until": until}


def refusal(suspension: Suspension) -> BookingError:
    """The refusal of a suspended patient's booking."""
    until = timezone.localtime(suspension.until).isoformat()
    return BookingError(sentence(suspension), code="suspended", until=until)


def _suspend(patient_id: int, counted: list[int], *, until: datetime, now: datetime) -> None:
    Suspension.objects.filter(patient=patient_id, ended_at=None).update(ended_at=F("until"))
    made = Suspension.objects.create(patient_id=patient_id, begins_at=now, until=until)
    CountedNoShow.objects.bulk_create(CountedNoShow(suspension=made, appointment_id=pk) for pk in counted)
    # A booking that has looked at the limits already, and found no suspension, must look again before it claims.
    Patient.objects.filter(pk=patient_id).update(bookings=F("bookings") + 1)
    _send("suspended", made, now)


def _send(kind: str, suspension: Suspension, now: datetime) -> None:
    content = {"patient": suspension.patient_id, "suspension": suspension.pk}
    Outbox.objects.create(kind=kind, key=f"{kind}:{suspension.pk}", payload=content, made_at=now)
