"""For the desk: find, check in, offer and register a walk-in."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from booking.models import Patient
from booking.services import patients
from queueboard import access, snapshots
from queueboard.api import guards
from queueboard.api import staff_shapes as shapes
from queueboard.api.finding import find
from queueboard.api.parsing import body
from queueboard.api.staff_view import shown
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services import arrivals


@extend_schema(tags=["desk"], request=shapes.FindQuery, responses=shapes.FindSerializer)
class Find(APIView):
    """Patients of today in your departments, by what was scanned, ticket, phone, ID, or the start of the name.

    Where there is none: whose ID, card or phone it is. Changes nothing; sent as a body, because addresses are logged by
    browsers and proxies.
    """

    permission_classes = [guards.WorksDesk]

    def post(self, request: Request) -> Response:
        text = body(request, shapes.FindQuery)["q"]
        found = find(text, access.departments_of(request.user))
        return Response(shapes.FindSerializer(found, context={"desk": True}).data)


@extend_schema(tags=["desk"], request=None, responses=shapes.StaffTicketSerializer)
class CheckIn(APIView):
    """The patient is on site and gets a place in the queue; twice returns the same ticket."""

    permission_classes = [guards.WorksDesk]

    def post(self, request: Request, token: str) -> Response:
        appointment = guards.appointment(token)
        guards.desk(request, appointment.session)
        return shown(request, arrivals.check_in(appointment_id=appointment.pk, actor=guards.actor(request)))


@extend_schema(tags=["desk"], responses=shapes.OfferSerializer)
class WalkInOffer(APIView):
    """What a walk-in would get now: slot, position and waiting time, to say before they accept (R4.1)."""

    permission_classes = [guards.WorksDesk]

    def get(self, request: Request, session_id: int) -> Response:
        guards.desk(request, guards.session(session_id))
        offer = arrivals.offer_walk_in(session_id=session_id)
        median, p90 = snapshots.wait_behind(session_id, offer.position)
        seen = {"slot": offer.slot, "position": offer.position, "median": median, "p90": p90}
        return Response(shapes.OfferSerializer(seen).data)


@extend_schema(tags=["desk"], request=shapes.WalkInSerializer, responses={201: shapes.StaffTicketSerializer})
class WalkIns(APIView):
    """Registers a walk-in; who is in the queue already keeps that ticket."""

    permission_classes = [guards.WorksDesk]

    def post(self, request: Request, session_id: int) -> Response:
        session = guards.session(session_id)
        guards.desk(request, session)
        sent = body(request, shapes.WalkInSerializer)
        patient_id = _patient(sent)
        first_visit = sent["first_visit"] if "first_visit" in sent else _is_new(patient_id, session.department_id)
        ticket = arrivals.register_walk_in(
            session_id=session_id, patient_id=patient_id, first_visit=first_visit, actor=guards.actor(request)
        )
        return shown(request, ticket, status=status.HTTP_201_CREATED)


def _patient(sent: dict) -> int:
    if "patient" in sent:
        with transaction.atomic():
            return patients.find_or_make(**sent["patient"], by_staff=True).pk
    if not Patient.objects.filter(pk=sent["patient_id"], erased_at=None).exists():
        raise QueueError(_("There is no such patient."), code="no_patient", status=404)
    return sent["patient_id"]


def _is_new(patient_id: int, department_id: int) -> bool:
    seen = Ticket.objects.filter(patient=patient_id, session__department=department_id, state=Ticket.State.DONE)
    return not seen.exists()
