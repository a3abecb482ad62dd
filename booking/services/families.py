"""Who asks together: a patient, those of one account, and those of one phone (R3.7)."""

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Account, Patient, Session
from booking.services import limits


def of_one(patient: Patient, account_id: int | None) -> Q:
    """Rows (with `patient` and `account`) of the same patient, account or phone."""
    together = Q(patient=patient.pk)
    if account_id is not None:
        together |= Q(account=account_id)
    if patient.phone_hash:
        together |= Q(patient__phone_hash=patient.phone_hash)
    return together


def lock(patient_id: int, account_id: int | None, patient_ids: Collection[int]) -> None:
    """Lets one of a family ask at a time, to the end of the transaction: what one counts, the next finds.

    `patient_ids`: the patient, and the first of the phone (see `limits.within`). Raises BookingError `no_account`,
    `no_patient` for who has been erased since that was read.
    """
    if account_id is not None:
        accounts = Account.objects.select_for_update(no_key=True).filter(pk=account_id)
        if not accounts.values_list("pk"):
            raise limits.no_account()
    patients = Patient.objects.select_for_update(no_key=True).filter(pk__in=patient_ids).order_by("pk")
    if dict(patients.values_list("pk", "erased_at"))[patient_id] is not None:
        raise limits.no_patient()


def within_limit(rows: QuerySet, patient_id: int, account_id: int | None, session: Session, *, code: str) -> None:
    """Of these rows a family has no more than it could book for the day: who could not take all asks for no more.

    Raises BookingError `code`, with `limit`.
    """
    limit = session.department.booked_per_phone_day
    if rows.filter(of_one(Patient.objects.get(pk=patient_id), account_id)).count() >= limit:
        words = _("No more numbers of this session can be asked for with this phone number.")
        raise BookingError(words, code=code, limit=limit)
