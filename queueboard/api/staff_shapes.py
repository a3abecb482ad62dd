"""What staff sees and sends: tickets with names, the queue in order, the body of each action."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from booking.models import Appointment, Patient, Session
from queueboard import readers, rules
from queueboard.api import minding
from queueboard.api.parsing import IdField, MomentField
from queueboard.api.patient_shapes import NewPatientSerializer
from queueboard.api.shapes import (
    PAUSE_REASON,
    NamesSerializer,
    PauseSerializer,
    RoomSerializer,
    SessionBriefSerializer,
    SlotSerializer,
    WorseSerializer,
)
from queueboard.masking import masked
from queueboard.models import QueueEvent, Ticket


class StaffTicketSerializer(serializers.ModelSerializer):
    """A ticket for staff. `token`, which opens the patient's page, is for the desk (context `desk`), else null."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    name = serializers.CharField(source="patient.name", read_only=True)
    masked = serializers.SerializerMethodField(help_text="The name as a screen that others may see shows it.")
    slot = serializers.IntegerField(source="slot.index", read_only=True, help_text="Index of the slot.")
    room_code = serializers.CharField(source="room.code", read_only=True, default=None, allow_null=True)
    token = serializers.SerializerMethodField()

    class Meta:
        model = Ticket
        fields = [
            "id", "session", "label", "name", "masked", "patient", "state", "slot", "booked", "first_visit", "room",
            "room_code", "late", "passed", "misses", "calls", "returned", "priority", "priority_reason", "arrived",
            "called_at", "started_at", "ended_at", "token",
        ]  # fmt: skip
        read_only_fields = fields

    def get_masked(self, ticket: Ticket) -> str:
        return masked(ticket.patient.name)

    def get_token(self, ticket: Ticket) -> str | None:
        return ticket.token if self.context.get("desk") else None


class StepSerializer(serializers.ModelSerializer):
    """A step of the log, as far as is needed to offer or to tell an undo."""

    label = serializers.CharField(  # type: ignore[assignment]
        source="ticket.label", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = QueueEvent
        fields = ["id", "kind", "ticket", "label", "room", "at", "reason"]
        read_only_fields = fields


class StaffRoomSerializer(RoomSerializer):
    """A room of the session: who sits there, who is in, what can be taken back."""

    expert = NamesSerializer()
    paused = PauseSerializer
    ticket = serializers.IntegerField(allow_null=True, help_text="Who is called to it or in service in it.")
    mine = serializers.BooleanField(help_text="Whether you may call to it.")
    undo = StepSerializer(allow_null=True)

    class Meta(RoomSerializer.Meta):
        fields = [*RoomSerializer.Meta.fields, "expert", "paused", "ticket", "mine", "undo"]
        read_only_fields = fields


class LineSerializer(serializers.Serializer):
    """One who waits, in the order in which they are called."""

    ticket = serializers.IntegerField()
    position = serializers.IntegerField()
    place = serializers.ChoiceField([place.value for place in rules.Place], help_text="Why there.")
    median = serializers.FloatField()
    p90 = serializers.FloatField()
    worse = WorseSerializer(many=True)


class BehindAllSerializer(serializers.Serializer):
    """When somebody would be called who came now and stood behind everybody: all who are here have been seen then."""

    median = serializers.FloatField()
    p90 = serializers.FloatField()


class OnSiteSerializer(serializers.Serializer):
    """The code with which those who are here check in on their phones (R4.1), and when the next one comes."""

    code = serializers.CharField()
    until = serializers.DateTimeField()


class LateSerializer(serializers.ModelSerializer):
    """Somebody who is booked and said to be on the way, late."""

    masked = serializers.SerializerMethodField()
    slot = SlotSerializer()
    said_at = serializers.DateTimeField(source="late_said_at")

    class Meta:
        model = Appointment
        fields = ["masked", "slot", "said_at"]

    def get_masked(self, appointment: Appointment) -> str:
        return masked(appointment.patient.name)


class StaffQueueSerializer(serializers.Serializer):
    """The whole queue for staff, of one version."""

    session = SessionBriefSerializer()
    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    stopped_early = serializers.BooleanField()
    numbers = serializers.IntegerField(source="session.numbers", help_text="How many the session has in all.")
    to_come = serializers.IntegerField(help_text="How many have booked and are not here yet.")
    behind_all = BehindAllSerializer(allow_null=True)
    on_site = OnSiteSerializer(allow_null=True, help_text="For the desk, while somebody who has booked can check in.")
    slots = SlotSerializer(many=True)
    rooms = StaffRoomSerializer(many=True)
    waiting = LineSerializer(many=True)
    tickets = StaffTicketSerializer(many=True)
    late = LateSerializer(many=True)
    undo = StepSerializer(allow_null=True)


class OfferSerializer(serializers.Serializer):
    """What a walk-in would get now (R4.1)."""

    slot = SlotSerializer()
    position = serializers.IntegerField()
    median = serializers.FloatField()
    p90 = serializers.FloatField()


class WarningSerializer(serializers.Serializer):
    """What a clerk must know before anything is done for this patient."""

    code = serializers.ChoiceField(
        minding.CODES, help_text="other_department without a session: there is something, and no more is told."
    )
    until = serializers.DateTimeField(
        allow_null=True, help_text="Of a suspension, a hold; when check-in opens; when it was said."
    )
    session = SessionBriefSerializer(allow_null=True)
    slot = SlotSerializer(allow_null=True)


class JoiningSerializer(serializers.Serializer):
    """Where a booked patient would stand, checking in now."""

    place = serializers.ChoiceField([place.value for place in rules.Place], help_text="Why there.")
    position = serializers.IntegerField()
    median = serializers.FloatField()
    p90 = serializers.FloatField()


class FoundSerializer(serializers.Serializer):
    """A visit of today: an appointment, a ticket, or both."""

    patient = serializers.IntegerField()
    name = serializers.CharField()
    phone_end = serializers.CharField(allow_blank=True, help_text="Its last four digits, to tell people apart.")
    session = SessionBriefSerializer()
    slot = SlotSerializer()
    token = serializers.CharField()
    appointment = serializers.ChoiceField(Appointment.State.choices, allow_null=True, help_text="Its state.")
    ticket = StaffTicketSerializer(allow_null=True)
    late = serializers.BooleanField(help_text="Was late, or would be, checking in now.")
    can_check_in = serializers.BooleanField()
    joining = JoiningSerializer(allow_null=True, help_text="Of the only one found; null: cannot check in.")
    warnings = WarningSerializer(many=True)


class KnownSerializer(serializers.Serializer):
    """A person who has no visit here today."""

    patient = serializers.IntegerField()
    name = serializers.CharField()
    phone_end = serializers.CharField(allow_blank=True)
    warnings = WarningSerializer(many=True)


class ReadingSerializer(serializers.Serializer):
    """What the code said of a person, for the form of who is new; empty: nothing."""

    name = serializers.CharField(allow_blank=True)
    id_type = serializers.ChoiceField(Patient.IdType.choices)
    id_number = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)


class FindSerializer(serializers.Serializer):
    results = FoundSerializer(many=True)
    more = serializers.BooleanField(help_text="There are more than these: search for more of the name.")
    elsewhere = serializers.ListField(
        child=serializers.ChoiceField(["other_day", "other_department"]),
        help_text="Booked, but not here or not today.",
    )
    known = KnownSerializer(many=True, help_text="Where nothing was found: whose ID, card or phone this is.")
    reading = ReadingSerializer()


class FindQuery(serializers.Serializer):
    q = serializers.CharField(
        max_length=readers.LONGEST,
        help_text="What was scanned (QR, ID card, a hospital's card), ticket (A017), phone, ID, or start of the name.",
    )


class WalkInSerializer(serializers.Serializer):
    """A patient who is known (`patient_id`), or is written down now (`patient`): one of the two."""

    patient_id = IdField(required=False)
    patient = NewPatientSerializer(required=False)
    first_visit = serializers.BooleanField(
        required=False, help_text="Without it: whether this department has not seen the patient yet."
    )

    def validate(self, sent: dict[str, Any]) -> dict[str, Any]:
        if ("patient_id" in sent) == ("patient" in sent):
            raise serializers.ValidationError({"patient": _("Give either patient_id or patient.")}, code="one_of")
        return sent


class CallNextSerializer(serializers.Serializer):
    room = IdField()
    seen = IdField(
        required=False, allow_null=True,
        help_text="Ticket you saw in the room (null: none): pressed twice is then pressed once.",
    )  # fmt: skip


class RoomBodySerializer(serializers.Serializer):
    room = IdField()


class PauseBodySerializer(RoomBodySerializer):
    until = MomentField(required=False, allow_null=True, default=None, help_text="Back at.")
    reason = serializers.CharField(max_length=80, default="", allow_blank=True, help_text=PAUSE_REASON)


class ChangeRoomSerializer(RoomBodySerializer):
    to_room = IdField()


class UndoSerializer(serializers.Serializer):
    event = IdField()


class NothingSerializer(serializers.Serializer):
    """No body is needed."""


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=120, default="", allow_blank=True)


class StopSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=120)


class AddedNumbersSerializer(serializers.Serializer):
    slot = IdField()
    count = serializers.IntegerField(min_value=1, max_value=500, default=1)
    reason = serializers.CharField(max_length=120)


class AddedQuerySerializer(serializers.Serializer):
    slot = IdField()
    count = serializers.IntegerField(min_value=1, max_value=500, default=1)


class AddedEffectSerializer(serializers.Serializer):
    """What added numbers would do."""

    slot = serializers.IntegerField(source="slot.pk")
    count = serializers.IntegerField()
    for_walk_ins = serializers.BooleanField()
    over = serializers.IntegerField(help_text="Minutes past the session's end if every number comes.")
    over_now = serializers.IntegerField(help_text="The same without them.")
    words = serializers.ListField(child=serializers.CharField())


class RecallSerializer(serializers.Serializer):
    seen = serializers.IntegerField(
        required=False, min_value=0, max_value=100000, help_text="Calls you saw: of more, this is none."
    )


class PrioritySerializer(serializers.Serializer):
    priority = serializers.ChoiceField(Ticket.Priority.choices, allow_blank=True, help_text="Empty: none any more.")
    reason = serializers.CharField(max_length=80)


class HandOverSerializer(ReasonSerializer):
    to_session = IdField()


class HandedOverSerializer(serializers.Serializer):
    tickets = StaffTicketSerializer(many=True, help_text="The new tickets, of the other session.")


class SessionLifeSerializer(serializers.ModelSerializer):
    class Meta:
        model = Session
        fields = ["id", "state", "version", "stopped_early", "closed_at"]
        read_only_fields = fields
