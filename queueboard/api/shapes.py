"""What the public sees: clinic, sessions, queues. Times are ISO 8601 with offset, waits are minutes."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from booking.models import Ballot, Department, Expert, Room, Session, Slot, waited_for
from queueboard import rules
from queueboard.pauses import REASONS


class NamesSerializer(serializers.Serializer):
    """A name by language code."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {code: serializers.CharField(help_text=language) for code, language in settings.LANGUAGES}


class DepartmentSerializer(serializers.ModelSerializer):
    names = NamesSerializer(read_only=True)

    class Meta:
        model = Department
        fields = ["slug", "name", "names"]
        read_only_fields = fields


class ExpertSerializer(serializers.ModelSerializer):
    names = NamesSerializer(read_only=True)
    titles = NamesSerializer(read_only=True)
    department: serializers.SlugRelatedField = serializers.SlugRelatedField("slug", read_only=True)

    class Meta:
        model = Expert
        fields = ["code", "department", "name", "names", "titles"]
        read_only_fields = fields


class RoomSerializer(serializers.ModelSerializer):
    names = NamesSerializer(read_only=True)
    ways = NamesSerializer(read_only=True, help_text="How to get there from the waiting area.")

    class Meta:
        model = Room
        fields = ["id", "code", "names", "ways"]
        read_only_fields = fields


class SlotSerializer(serializers.ModelSerializer):
    left_bookable = serializers.IntegerField(read_only=True, help_text="Numbers that are left of the bookable quota.")
    left_walk_in = serializers.IntegerField(read_only=True, help_text="Numbers that are left in the walk-in pool.")

    class Meta:
        model = Slot
        fields = ["id", "index", "starts_at", "ends_at", "left_bookable", "left_walk_in"]
        read_only_fields = fields


class SessionBriefSerializer(serializers.ModelSerializer):
    """Which session: what a ticket, an appointment or a found patient says of it."""

    names = NamesSerializer(read_only=True)
    department: serializers.SlugRelatedField = serializers.SlugRelatedField("slug", read_only=True)
    department_names = NamesSerializer(source="department.names", read_only=True)

    class Meta:
        model = Session
        fields = ["id", "names", "department", "department_names", "date", "starts_at", "ends_at", "state"]
        read_only_fields = fields


class BallotSerializer(serializers.ModelSerializer):
    """That a session's numbers are drawn; `draws/{session}/` has all of it."""

    closes_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Ballot
        fields = ["closes_at", "drawn_at", "commitment"]
        read_only_fields = fields


class SessionSerializer(SessionBriefSerializer):
    """A session as lists show it. Needs its slots read along (prefetch)."""

    expert: serializers.SlugRelatedField = serializers.SlugRelatedField(
        "code", read_only=True, help_text="Code; null for a pooled clinic."
    )
    can_be_booked = serializers.SerializerMethodField(help_text="Whether it takes bookings now (R3.1).")
    ballot = serializers.SerializerMethodField(help_text="Its numbers are drawn first (R3.7); null: they are not.")
    left_bookable = serializers.SerializerMethodField(help_text="Bookable numbers left, over all slots.")
    left_walk_in = serializers.SerializerMethodField(help_text="Walk-in numbers left, over the slots not ended.")

    class Meta:
        model = Session
        fields = [
            *SessionBriefSerializer.Meta.fields, "expert", "registration_opens_at", "released_at", "stopped_early",
            "can_be_booked", "ballot", "left_bookable", "left_walk_in",
        ]  # fmt: skip
        read_only_fields = fields

    def get_can_be_booked(self, session: Session) -> bool:
        now = timezone.now()
        return session.released_at <= now and session.takes_bookings(now) and waited_for(session) is None

    @extend_schema_field(BallotSerializer(allow_null=True))
    def get_ballot(self, session: Session) -> dict[str, Any] | None:
        ballot = getattr(session, "ballot", None)
        return None if ballot is None else dict(BallotSerializer(ballot).data)

    def get_left_bookable(self, session: Session) -> int:
        return sum(slot.left_bookable for slot in session.slots.all())

    def get_left_walk_in(self, session: Session) -> int:
        now = timezone.now()
        return sum(slot.left_walk_in for slot in session.slots.all() if slot.ends_at > now)


class SessionDetailSerializer(SessionSerializer):
    """A session with its slots and rooms."""

    slots = SlotSerializer(many=True, read_only=True)
    rooms = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = [*SessionSerializer.Meta.fields, "slots", "rooms"]
        read_only_fields = fields

    @extend_schema_field(RoomSerializer(many=True))
    def get_rooms(self, session: Session) -> Any:
        return RoomSerializer([seat.room for seat in session.rooms.all()], many=True).data


class QueueSummarySerializer(SessionBriefSerializer):
    """A running queue in a few words. Needs `waiting_now` and the rooms."""

    waiting = serializers.IntegerField(source="waiting_now", read_only=True, help_text="How many wait.")
    rooms = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = [*SessionBriefSerializer.Meta.fields, "version", "stopped_early", "waiting", "rooms"]
        read_only_fields = fields

    @extend_schema_field(RoomSerializer(many=True))
    def get_rooms(self, session: Session) -> Any:
        return RoomSerializer([seat.room for seat in session.rooms.all()], many=True).data


class WorseSerializer(serializers.Serializer):
    """Why a position got worse (R4.12)."""

    at = serializers.DateTimeField()
    by = serializers.IntegerField(help_text="By how many places.")
    reason = serializers.CharField(allow_blank=True)
    reasons = serializers.ListField(child=serializers.CharField(), required=False)


PAUSE_REASON = f"One of {', '.join(REASONS)}, which screens say in their language; any other is shown as it is."
PauseSerializer = inline_serializer(
    "Pause",
    {
        "since": serializers.DateTimeField(),
        "until": serializers.DateTimeField(allow_null=True),
        "reason": serializers.CharField(allow_blank=True, help_text=PAUSE_REASON),
    },
    allow_null=True,
)


class SnapshotSerializer(serializers.Serializer):
    """A queue at one version: numbers only (the audience "phone" of the live feed)."""

    session = serializers.IntegerField()
    version = serializers.IntegerField(help_text="Rises by one with every change.")
    at = serializers.DateTimeField()
    state = serializers.ChoiceField(Session.State.choices)
    expert = serializers.CharField()
    names = NamesSerializer()
    title = serializers.DictField(child=serializers.CharField(allow_blank=True))
    department = serializers.CharField()
    department_names = NamesSerializer()
    rooms = inline_serializer(
        "SnapshotRoom",
        {
            "id": serializers.IntegerField(),
            "code": serializers.CharField(),
            "names": NamesSerializer(),
            "ways": NamesSerializer(),
            "expert": NamesSerializer(),
            "paused": PauseSerializer,
        },
        many=True,
    )
    serving = inline_serializer(
        "SnapshotServing",
        {
            "number": serializers.CharField(),
            "room": serializers.CharField(allow_blank=True),
            "since": serializers.DateTimeField(allow_null=True),
        },
        many=True,
    )
    called = inline_serializer(
        "SnapshotCalled",
        {
            "number": serializers.CharField(),
            "room": serializers.CharField(allow_blank=True),
            "times": serializers.IntegerField(),
            "at": serializers.DateTimeField(),
            "first_at": serializers.DateTimeField(),
        },
        many=True,
    )
    waiting = inline_serializer(
        "SnapshotWaiting",
        {
            "number": serializers.CharField(),
            "slot": serializers.IntegerField(help_text="Index of the slot."),
            "place": serializers.ChoiceField([place.value for place in rules.Place]),
            "median": serializers.FloatField(),
            "p90": serializers.FloatField(),
            "at": serializers.DateTimeField(),
            "worse": WorseSerializer(many=True),
        },
        many=True,
    )
    missed = serializers.ListField(child=serializers.CharField())
    slots = inline_serializer(
        "SnapshotSlot", {"start": serializers.DateTimeField(), "end": serializers.DateTimeField()}, many=True
    )
    joining = inline_serializer(
        "SnapshotJoining",
        {
            "slot": serializers.IntegerField(),
            "position": serializers.IntegerField(),
            "median": serializers.FloatField(),
            "p90": serializers.FloatField(),
        },
        many=True,
    )
    done = serializers.IntegerField()
    notice = serializers.DictField(allow_null=True)
