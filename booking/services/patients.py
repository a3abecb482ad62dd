"""Who somebody is: a patient known by ID number, or a new one."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from booking.errors import BookingError
from booking.models import Patient
from booking.models.patients import lookup_hash


def find_or_make(
    *, name: str, id_type: str, id_number: str = "", phone: str = "", language: str = "", by_staff: bool = False
) -> Patient:
    """The patient with this ID number, made where there is none. Two at once make one.

    Without an ID number (staff may register somebody who has none at hand) it is always a new patient. Raises
    BookingError `name_differs` where the number is another name's. What is known of a patient is changed by staff
    only: else a stranger who has read an ID card could take over the phone number that leads to the page (R6.2).
    """
    plain = {"name": " ".join(name.split()), "phone": phone, "id_type": id_type, "id_number": id_number}
    if language:
        plain["language"] = language
    if not lookup_hash(id_number):
        return Patient.objects.create(**plain)
    with transaction.atomic():
        patient, made = Patient.objects.get_or_create(
            id_type=id_type, id_hash=lookup_hash(id_number), defaults=plain
        )  # fmt: skip
        if made:
            return patient
        if _letters(patient.name) != _letters(name):
            raise BookingError(_("This ID number belongs to another name."), code="name_differs")
        if by_staff and phone and patient.phone != phone:
            patient.phone = phone
            patient.save(update_fields=["phone", "phone_hash"])
    return patient


def _letters(name: str) -> str:
    """A name without what people write differently: spaces, capitals, points."""
    return "".join(character for character in name.casefold() if character.isalnum())
