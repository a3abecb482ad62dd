"""What patients send to book, and what they see of their own appointment and place."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from booking import identity, phones
from booking.models import Appointment, Patient, Suspension
from booking.services import suspensions
from queueboard.api.parsing import IdField
from queueboard.api.shapes import (
    NamesSerializer,
    RoomSerializer,
    SessionBriefSerializer,
    SlotSerializer,
    WorseSerializer,
)
from queueboard.masking import masked
from queueboard.models import Ticket

STATES = list({**dict(Appointment.State.choices), **dict(Ticket.State.choices)}.items())


class PatientSerializer(serializers.Serializer):
    """Who comes, by real name."""

    name = serializers.RegexField(
        r"\w", max_length=80, error_messages={"invalid": _("A name has letters or characters.")}
    )
    id_type = serializers.ChoiceField(Patient.IdType.choices, default=Patient.IdType.RESIDENT)
    id_number = serializers.RegexField(
        r"^[0-9A-Za-z() -]{4,32}$",
        error_messages={"invalid": _("An ID number has 4 to 32 letters and digits.")},
        help_text="Of a resident ID the check digit must be right, of a passport 5 to 20 letters and digits.",
    )
    phone = serializers.RegexField(
        r"^\+?[0-9 ()-]{5,20}$", error_messages={"invalid": _("A phone number has 5 to 20 digits.")}
    )
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["id_number"]:
            plain = identity.plain(given["id_type"], given["id_number"])
            if not plain:
                words = identity.wrong(given["id_type"], given["id_number"])
                raise serializers.ValidationError({"id_number": str(words)})
            given["id_number"] = plain
        return given

    def validate_phone(self, phone: str) -> str:
        # One way to write it, or the limits of a phone (R3.7) and the look-up of a lost link would not find it.
        plain = phones.plain(phone)
        if phone and not plain:
            raise serializers.ValidationError(_("This is not a phone number."))
        return plain


class NewPatientSerializer(PatientSerializer):
    """As at the desk, where somebody may have no ID or phone at hand."""

    id_number = serializers.RegexField(
        r"^[0-9A-Za-z() -]{4,32}$", default="", allow_blank=True,
        error_messages={"invalid": _("An ID number has 4 to 32 letters and digits.")},
    )  # fmt: skip
    phone = serializers.RegexField(
        r"^\+?[0-9 ()-]{5,20}$", default="", allow_blank=True,
        error_messages={"invalid": _("A phone number has 5 to 20 digits.")},
    )  # fmt: skip


class BookingSerializer(serializers.Serializer):
    slot = IdField()
    first_visit = serializers.BooleanField(default=True)
    patient = PatientSerializer()


class MoveSerializer(serializers.Serializer):
    """Where the appointment goes: a slot of its department."""

    slot = IdField()


class SuspensionSerializer(serializers.Serializer):
    """Why and until when the patient cannot book (R3.6)."""

    cause = serializers.ChoiceField(Suspension.Cause.choices)
    begins_at = serializers.DateTimeField()
    until = serializers.DateTimeField()
    detail = serializers.SerializerMethodField(help_text="A sentence for people.")

    def get_detail(self, suspension: Suspension) -> str:
        return suspensions.sentence(suspension)


class AppointmentSerializer(serializers.ModelSerializer):
    """One's own appointment. The token is the unguessable part of one's page, /t/<token>/."""

    name = serializers.SerializerMethodField(help_text="Masked.")
    session = SessionBriefSerializer(read_only=True)
    slot = SlotSerializer(read_only=True)
    suspension = serializers.SerializerMethodField()

    class Meta:
        model = Appointment
        fields = [
            "token", "state", "name", "first_visit", "booked_at", "held_until", "fee", "session", "slot", "suspension",
        ]  # fmt: skip
        read_only_fields = fields

    def get_name(self, appointment: Appointment) -> str:
        return masked(appointment.patient.name)

    @extend_schema_field(SuspensionSerializer(allow_null=True))
    def get_suspension(self, appointment: Appointment) -> dict[str, Any] | None:
        suspension = suspensions.of(appointment.patient_id)
        return None if suspension is None else dict(SuspensionSerializer(suspension).data)


class BookedSerializer(AppointmentSerializer):
    """The same of one that was booked just now: no suspension stood against it, so none is looked for."""

    def get_suspension(self, appointment: Appointment) -> None:
        return None


class PlaceSerializer(serializers.Serializer):
    """One's own place (R5.1): before check-in the position one would have now. Null: not in this state."""

    session = serializers.IntegerField()
    version = serializers.IntegerField(help_text="Version of the queue that this was read at.")
    at = serializers.DateTimeField()
    names = NamesSerializer()
    department_names = NamesSerializer()
    state = serializers.ChoiceField(STATES, help_text="Of the ticket; before check-in, the appointment.")
    number = serializers.CharField(allow_null=True, help_text="As it is called: A017.")
    slot = SlotSerializer()
    arrived = serializers.DateTimeField(allow_null=True)
    late = serializers.BooleanField()
    position = serializers.IntegerField(allow_null=True, help_text="Patients to be seen before.")
    median = serializers.FloatField(allow_null=True, help_text="Minutes until called, as likely more as less.")
    p90 = serializers.FloatField(allow_null=True, help_text="Minutes until called that 9 of 10 stay under.")
    come_at = serializers.DateTimeField(
        allow_null=True, help_text="Before check-in: when to have checked in, in time for 9 of 10 (R5.3)."
    )
    room = RoomSerializer(allow_null=True)
    times = serializers.IntegerField(allow_null=True, help_text="How often called.")
    worse = WorseSerializer(many=True)
    notice = serializers.DictField(allow_null=True)
