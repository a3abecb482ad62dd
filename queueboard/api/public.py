"""Read by anybody: departments, experts, sessions with what is left, running queues."""

from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import condition
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from booking.models import Department, Expert, Session, SessionRoom
from queueboard import snapshots
from queueboard.api import guards, shapes
from queueboard.api.parsing import query
from queueboard.live import news

ROOMS = Prefetch("rooms", SessionRoom.objects.select_related("room").order_by("room__code"))
SESSIONS = Session.objects.select_related("department", "expert", "ballot").defer("ballot__seed", "ballot__numbers")


class Pages(LimitOffsetPagination):
    max_limit = 200


class DepartmentQuery(serializers.Serializer):
    department = serializers.SlugField(required=False, help_text="Slug of a department.")


class SessionQuery(DepartmentQuery):
    date = serializers.DateField(required=False, help_text="Default: from today on.")
    state = serializers.ChoiceField(Session.State.choices, required=False)
    expert = serializers.SlugField(required=False, help_text="Code of an expert.")


@extend_schema(tags=["clinic"], auth=[])
class Departments(generics.ListAPIView):
    """All departments."""

    queryset = Department.objects.order_by("name", "pk")
    serializer_class = shapes.DepartmentSerializer
    pagination_class = Pages


@extend_schema(tags=["clinic"], auth=[], parameters=[DepartmentQuery])
class Experts(generics.ListAPIView):
    """The experts who see patients."""

    serializer_class = shapes.ExpertSerializer
    pagination_class = Pages
    queryset = Expert.objects.filter(active=True).select_related("department").order_by("department__name", "name")

    def get_queryset(self) -> QuerySet[Expert]:
        asked = query(self.request, DepartmentQuery)
        found = super().get_queryset()
        return found.filter(department__slug=asked["department"]) if "department" in asked else found


@extend_schema(tags=["clinic"], auth=[], parameters=[SessionQuery])
class Sessions(generics.ListAPIView):
    """Sessions by start, from today on where no date is asked for, with the numbers that are left."""

    serializer_class = shapes.SessionSerializer
    pagination_class = Pages
    # One that was made anew is there twice.
    queryset = (
        SESSIONS.exclude(cancelled_for=Session.CancelledFor.TEMPLATE)
        .prefetch_related("slots")
        .order_by("starts_at", "pk")
    )
    PARAMETERS = {"department": "department__slug", "date": "date", "state": "state", "expert": "expert__code"}

    def get_queryset(self) -> QuerySet[Session]:
        asked = query(self.request, SessionQuery)
        wanted: dict[str, Any] = {self.PARAMETERS[name]: value for name, value in asked.items()}
        if "date" not in asked:
            wanted["date__gte"] = timezone.localdate()
        return super().get_queryset().filter(**wanted)


@extend_schema(tags=["clinic"], auth=[])
class OneSession(generics.RetrieveAPIView):
    """A session with its rooms, its slots, and what is left in each."""

    serializer_class = shapes.SessionDetailSerializer
    queryset = SESSIONS.prefetch_related("slots", ROOMS)
    lookup_url_kwarg = "session_id"


@extend_schema(tags=["queues"], auth=[])
class Queues(generics.ListAPIView):
    """The queues that are open or running, by department and start."""

    serializer_class = shapes.QueueSummarySerializer
    pagination_class = Pages
    queryset = (
        SESSIONS.filter(state__in=Session.LIVE)
        .annotate(waiting_now=Count("tickets", filter=Q(tickets__state="waiting")))
        .prefetch_related(ROOMS)
        .order_by("department__name", "starts_at", "pk")
    )


@extend_schema(tags=["queues"], auth=[], responses=shapes.SnapshotSerializer)
class OneQueue(APIView):
    """A queue as phones see it: numbers only, with an ETag from its version.

    The same bytes as the live feed at /ws/queues/{session id}/.
    """

    def get(self, request: Request, session_id: int) -> Response | HttpResponse:
        session = guards.session(session_id)
        present = condition(etag_func=lambda _request: f'"{session.version}"')(
            lambda _request: HttpResponse(snapshot(session).phone, content_type="application/json")
        )
        return present(request._request)


def snapshot(session: Session) -> snapshots.Snapshot:
    """The snapshot of the version that `session` was read with, or of a newer one."""
    return news.stored(session.pk, version=session.version) or snapshots.build(session.pk)
