"""What is sent to be drawn or to wait, and what is seen of it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from booking.models import Appointment, BallotEntry, WaitlistEntry
from booking.services import waitlist
from queueboard.api.parsing import IdField
from queueboard.api.patient_shapes import PatientSerializer
from queueboard.api.shapes import SessionBriefSerializer, SlotSerializer
from queueboard.masking import masked


class AskingSerializer(serializers.Serializer):
    """A request to be drawn. `wishes`: slots of the session, the one liked best first."""

    wishes = serializers.ListField(child=IdField(), default=list, max_length=50)
    any_slot = serializers.BooleanField(default=True, help_text="Any other slot will do too.")
    waitlist = serializers.BooleanField(default=False, help_text="To be put on the waitlist if not drawn.")
    first_visit = serializers.BooleanField(default=True)
    patient = PatientSerializer()


class JoiningSerializer(serializers.Serializer):
    """Whoever waits for a freed number."""

    slot = IdField(required=False, allow_null=True, default=None, help_text="Null: any slot of the session.")
    first_visit = serializers.BooleanField(default=True)
    patient = PatientSerializer()


class DrawnSlotSerializer(serializers.Serializer):
    slot = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    numbers = serializers.IntegerField(help_text="What could be booked when the draw closed.")


class DrawnEntrySerializer(serializers.Serializer):
    place = serializers.IntegerField()
    code = serializers.CharField()
    rank = serializers.CharField(help_text="SHA-256 of seed, colon, code.")
    wishes = serializers.ListField(child=serializers.IntegerField())
    any_slot = serializers.BooleanField()
    won = serializers.IntegerField(allow_null=True, help_text="The slot.")
    lost = serializers.ChoiceField(["none_left", "not_possible"], allow_blank=True)


class DrawSerializer(serializers.Serializer):
    """All that is published of a draw: enough to check it (docs/ballot.md)."""

    session = serializers.IntegerField()
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()
    commitment = serializers.CharField(help_text="SHA-256 of the seed.")
    seed = serializers.CharField(allow_null=True, help_text="Null until all is drawn.")
    slots = DrawnSlotSerializer(many=True)
    entries = DrawnEntrySerializer(many=True)


class OwnEntrySerializer(serializers.ModelSerializer):
    """What a request to be drawn and a place on the waitlist have in common."""

    name = serializers.SerializerMethodField(help_text="Masked.")
    session = SessionBriefSerializer(read_only=True)
    appointment = serializers.SerializerMethodField(help_text="Token of the appointment that came of it.")

    def get_name(self, entry: Any) -> str:
        return masked(entry.patient.name)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_appointment(self, entry: Any) -> str | None:
        made: Appointment | None = entry.appointment
        return None if made is None else made.token


class RequestSerializer(OwnEntrySerializer):
    """One's own request. `slot`: that was won; `lost_because`: `none_left`, `booking_closed` or the code of a limit."""

    session = SessionBriefSerializer(source="ballot.session", read_only=True)
    slot = SlotSerializer(read_only=True, allow_null=True)
    closes_at = serializers.DateTimeField(source="ballot.closes_at", read_only=True)
    wishes = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    commitment = serializers.CharField(source="ballot.commitment", read_only=True)

    class Meta:
        model = BallotEntry
        fields = [
            "token", "code", "state", "name", "session", "wishes", "any_slot", "waitlist", "first_visit", "asked_at",
            "closes_at", "commitment", "place", "slot", "lost_because", "appointment",
        ]  # fmt: skip
        read_only_fields = fields


class WaitingSerializer(OwnEntrySerializer):
    """One's own place on the waitlist. `slot`: that is waited for or, once one is offered, of that number."""

    slot = serializers.SerializerMethodField()
    before = serializers.SerializerMethodField(help_text="How many who wait for the same come before.")

    class Meta:
        model = WaitlistEntry
        fields = [
            "token", "state", "name", "session", "slot", "first_visit", "joined_at", "before", "offered_at",
            "offered_until", "appointment",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(SlotSerializer(allow_null=True))
    def get_slot(self, entry: WaitlistEntry) -> dict[str, Any] | None:
        return None if entry.wanted is None else dict(SlotSerializer(entry.wanted).data)

    def get_before(self, entry: WaitlistEntry) -> int:
        return waitlist.before(entry)
