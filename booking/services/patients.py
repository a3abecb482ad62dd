"""Who somebody is: a patient known by ID number, or a new one."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, Patient
from booking.models.hashes import bring_over, lookup_hashes
from booking.services import limits


def find_or_make(
    *, name: str, id_type: str, id_number: str = "", phone: str = "", language: str = "", by_staff: bool = False
) -> Patient:
    """The patient with this ID number, made where there is none. Two at once make one.

    Without an ID number (staff may register somebody who has none at hand) it is always a new patient. Raises
    BookingError `name_differs` where the number is another name's. What is known of a patient is changed by staff
    only: else a stranger who has read an ID card could take over the phone number that leads to the page (R6.2).
    """
    plain: dict[str, Any] = {"name": " ".join(name.split()), "phone": phone, "id_type": id_type, "id_number": id_number}
    if language:
        plain["language"] = language
    new = plain if by_staff or not phone else {**plain, "phone_typed_at": timezone.now()}
    hashes = lookup_hashes(id_number)
    if not hashes:
        return Patient.objects.create(**new)
    with transaction.atomic():
        id_hash = bring_over(Patient, "id_hash", hashes)
        patient, made = Patient.objects.get_or_create(id_type=id_type, id_hash=id_hash, defaults=new)
        if made:
            return patient
        _of_this_name(patient, name)
        if by_staff and phone and (patient.phone != phone or patient.phone_typed_at is not None):
            patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
            if patient.erased_at is not None:  # since it was found: whoever comes now is somebody new
                return find_or_make(**plain, by_staff=True)
            patient.phone, patient.phone_typed_at = phone, None
            patient.save(update_fields=["phone", "phone_hash", "phone_typed_at"])
    return patient


def find_or_describe(*, name: str, id_type: str, id_number: str, phone: str, language: str = "") -> Patient:
    """As `find_or_make`, but somebody new is not saved yet: booking saves them with their first number, or not at all.

    While the keys of the data are changed they are saved at once: what is under the old ones must be brought over.
    """
    id_hash, *older = lookup_hashes(id_number)
    if older:
        return find_or_make(name=name, id_type=id_type, id_number=id_number, phone=phone, language=language)
    known = _BY_ID.first(id_type=id_type, id_hash=id_hash)
    if known is not None:
        _of_this_name(known, name)
        return known
    plain: dict[str, Any] = {"language": language} if language else {}
    if phone:
        plain["phone_typed_at"] = timezone.now()
    new = Patient(name=" ".join(name.split()), phone=phone, id_type=id_type, id_number=id_number, **plain)
    new.hash_all()
    return new


def check_correction(
    *, patient_id: int, name: str, id_type: str, id_number: str = "", by_manager: bool = False, reason: str = ""
) -> bool:
    """Whether a correction by staff changes who comes with an appointment (R3.7: a number is not passed on).

    `id_number`: the new one; "": it stays. Inside the transaction that saves it: no booking of the patient's comes in
    between. What is only written in another way changes nobody. Raises BookingError `identity_kept` for who is no
    manager, `reason_missing`, and `no_patient` for who has been erased.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if patient.erased_at is not None:
        raise limits.no_patient()
    same_id = patient.id_type == id_type and patient.id_hash in (lookup_hashes(id_number) or [patient.id_hash])
    if same_id and _letters(patient.name) == _letters(name):
        return False
    if not Appointment.objects.filter(patient=patient, state__in=Appointment.ACTIVE).exists():
        return False
    if not by_manager:
        words = _(
            "This patient has an appointment, and it stays with this name and ID. A manager can correct a mistake."
        )
        raise BookingError(words, code="identity_kept")
    if not reason.strip():
        words = _("This patient has an appointment: please give the reason for correcting the name or ID.")
        raise BookingError(words, code="reason_missing", status=400)
    return True


def known(newcomer: Patient) -> Patient | None:
    """Who has been saved with this ID number meanwhile. Raises BookingError `name_differs`."""
    found = _BY_ID.first(id_type=newcomer.id_type, id_hash=newcomer.id_hash)
    if found is not None:
        _of_this_name(found, newcomer.name)
    return found


_BY_ID = kept.Query(
    lambda id_type, id_hash: Patient.objects.filter(id_type=id_type, id_hash=id_hash)
    .exclude(id_hash="")  # as the index says, which has no others
    .defer("id_number", "phone"),  # not to be decrypted for nothing
    id_type=str, id_hash=str,
)  # fmt: skip


def _of_this_name(patient: Patient, name: str) -> None:
    if _letters(patient.name) != _letters(name):
        raise BookingError(_("This ID number belongs to another name."), code="name_differs")


def _letters(name: str) -> str:
    """A name without what people write differently: spaces, capitals, points."""
    return "".join(character for character in name.casefold() if character.isalnum())
