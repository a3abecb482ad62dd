"""For patients: book, cancel, and one's own place. Whoever has the token may; nobody can guess it."""

import json
import re
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from booking.errors import BookingError
from booking.models import Appointment
from booking.models.hashes import keyed_hash
from booking.services import appointments, endings, patients
from queueboard import snapshots
from queueboard.api import guards
from queueboard.api.parsing import ParameterError, body, shown
from queueboard.api.patient_shapes import (
    AppointmentSerializer,
    BookedSerializer,
    BookingSerializer,
    MoveSerializer,
    PlaceSerializer,
)
from queueboard.api.public import snapshot
from queueboard.devices import device_of
from queueboard.models import Ticket
from queueboard.views.address import address_of

KEY = re.compile(r"[A-Za-z0-9_.:-]{16,64}")  # long enough that nobody comes upon another's
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^{KEY.pattern}$"},
    OpenApiParameter.HEADER,
    description="Chosen by the sender, for each booking anew (a UUID is good). A request that is sent again with its "
    "key is answered with the appointment that it made, as that stands now.",
)


@extend_schema(
    tags=["patients"], auth=[], request=BookingSerializer, responses={201: AppointmentSerializer},
    parameters=[IDEMPOTENCY_KEY, guards.SOLUTION],
)  # fmt: skip
class Appointments(APIView):
    """Books a number of a slot. Limited per address."""

    throttle_classes = [guards.AddressThrottle]
    throttle_scope = "book"

    def post(self, request: Request) -> Response:
        wanted = body(request, BookingSerializer)
        asked = _asked(request)
        who = {"language": get_language() or ""} | wanted["patient"]
        try:
            # No transaction around it: the slot that everybody wants is locked for one statement only.
            with guards.guarded(request, wanted["slot"]):
                patient = patients.find_or_describe(**who)
                made = appointments.book(
                    patient_id=patient.pk,
                    newcomer=patient if patient.pk is None else None,
                    slot_id=wanted["slot"],
                    first_visit=wanted["first_visit"],
                    asked=asked,
                    device=device_of(request._request),
                    address=address_of(request._request),
                    actor=guards.actor_or_none(request),
                )
            made.patient = patient
            answer = shown(made, BookedSerializer)
        except BookingError as error:
            before = None if asked is None else appointments.booked_before(asked)
            if before is None:
                raise guards.of_nobody(error) from None
            made = guards.appointment(before.token)
            answer = shown(made, AppointmentSerializer)
        address = reverse("api:appointment", args=[made.token])
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Location": address})


@extend_schema(tags=["patients"], auth=[], responses=AppointmentSerializer)
class OneAppointment(APIView):
    """One's own appointment."""

    def get(self, request: Request, token: str) -> Response:
        return Response(shown(guards.appointment(token), AppointmentSerializer))

    @extend_schema(responses={200: AppointmentSerializer})
    def delete(self, request: Request, token: str) -> Response:
        """Cancels the appointment (R3.4); twice is once. The answer's state says whether it was late."""
        endings.cancel(appointment_id=guards.appointment(token).pk, actor=guards.actor_or_none(request))
        return Response(shown(guards.appointment(token), AppointmentSerializer))


@extend_schema(
    tags=["patients"], auth=[], request=MoveSerializer, responses=AppointmentSerializer, parameters=[guards.SOLUTION]
)  # fmt: skip
class MoveAppointment(APIView):
    """Moves the appointment to another slot of its department, until registration opens. Limited as booking is."""

    throttle_classes = [guards.AddressThrottle]
    throttle_scope = "book"

    def post(self, request: Request, token: str) -> Response:
        appointment = guards.appointment(token)
        slot = body(request, MoveSerializer)["slot"]
        with guards.guarded(request, slot):
            appointments.move(appointment_id=appointment.pk, slot_id=slot, actor=guards.actor_or_none(request))
        return Response(shown(guards.appointment(token), AppointmentSerializer))


@extend_schema(tags=["patients"], auth=[], responses=PlaceSerializer)
class OwnPlace(APIView):
    """One's own place in the queue (R5.1), by the token of one's page; from booking on."""

    def get(self, request: Request, token: str) -> Response:
        joined = Ticket.objects.select_related("session__department", "session__expert", "slot", "room")
        ticket = joined.filter(token=token).order_by("-pk").first()
        if ticket is None:
            return Response(PlaceSerializer(_expected(guards.appointment(token))).data)
        queue = _queue(ticket)
        if queue["version"] != ticket.session.version:
            # Something happened between the two reads: the ticket of the newer queue.
            ticket = joined.get(pk=ticket.pk)
            queue = _queue(ticket)
        return Response(PlaceSerializer(_present(ticket, queue)).data)


def _asked(request: Request) -> appointments.Asked | None:
    """The request's key, with what it asks for. Raises ParameterError for what is no key."""
    key = request.headers.get(IDEMPOTENCY_KEY.name)
    if key is None:
        return None
    if not KEY.fullmatch(key):
        words = _("An Idempotency-Key has 16 to 64 letters, digits or marks of . : _ -")
        raise ParameterError({IDEMPOTENCY_KEY.name: [words]})
    return appointments.Asked(key=key, fingerprint=keyed_hash(json.dumps(request.data, sort_keys=True)))


def _queue(of: Ticket | Appointment) -> dict[str, Any]:
    return json.loads(snapshot(of.session).phone)


def _expected(appointment: Appointment) -> dict[str, Any]:
    """Booked, not on site: the position one would have, checking in now."""
    queue = _queue(appointment)
    place = {**_common(appointment, queue), "state": appointment.state, "late": False, "worse": []}
    if appointment.state == Appointment.State.BOOKED and queue["state"] in ("open", "running"):
        index = appointment.slot.index
        place |= next(_wait(each, each["position"]) for each in queue["joining"] if each["slot"] == index)
        place["come_at"] = snapshots.come_at(appointment)
    return place


def _present(ticket: Ticket, queue: dict[str, Any]) -> dict[str, Any]:
    place = _common(ticket, queue) | {
        "state": ticket.state,
        "number": ticket.label,
        "arrived": ticket.arrived,
        "late": ticket.late,
        "worse": [],
    }
    if ticket.state in (Ticket.State.CALLED, Ticket.State.SERVING):
        place |= {"room": ticket.room, "times": ticket.calls}
    for position, each in enumerate(queue["waiting"]):
        if ticket.state == Ticket.State.WAITING and each["number"] == ticket.label:
            place |= _wait(each, position) | {"worse": each["worse"]}
    return place


def _common(of: Ticket | Appointment, queue: dict[str, Any]) -> dict[str, Any]:
    shared = {name: queue[name] for name in ("session", "version", "at", "names", "department_names", "notice")}
    absent = dict.fromkeys(("number", "arrived", "position", "median", "p90", "come_at", "room", "times"))
    return {**absent, **shared, "slot": of.slot}


def _wait(entry: dict[str, Any], position: int) -> dict[str, Any]:
    return {"position": position, "median": entry["median"], "p90": entry["p90"]}
