"""For patients: wait for a freed number, take what is offered, give up (R3.4, R3.5)."""

from django.db import transaction
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from booking.errors import BookingError
from booking.models import WaitlistEntry
from booking.services import patients, waitlist
from queueboard.api import guards
from queueboard.api.draw_shapes import JoiningSerializer, WaitingSerializer
from queueboard.api.parsing import body, shown
from queueboard.api.patient_shapes import AppointmentSerializer
from queueboard.errors import QueueError


@extend_schema(
    tags=["patients"], auth=[], request=JoiningSerializer, responses={201: WaitingSerializer},
    parameters=[guards.SOLUTION],
)  # fmt: skip
class Waitlist(APIView):
    """Waits for a freed number of a session, where none is left. Limited as booking is."""

    throttle_classes = [guards.AddressThrottle]
    throttle_scope = "book"

    def post(self, request: Request, session_id: int) -> Response:
        wanted = body(request, JoiningSerializer)
        who = {"language": get_language() or ""} | wanted["patient"]
        try:
            # One transaction: a refused request leaves no patient behind.
            with guards.guarded(request), transaction.atomic():
                entry = waitlist.join(
                    session_id=session_id,
                    patient_id=patients.find_or_make(**who).pk,
                    slot_id=wanted["slot"],
                    first_visit=wanted["first_visit"],
                )
        except BookingError as error:
            raise guards.of_nobody(error) from None
        headers = {"Location": reverse("api:waiting", args=[entry.token])}
        return Response(shown(entry_of(entry.token), WaitingSerializer), status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["patients"], auth=[], responses=WaitingSerializer)
class OneWaiting(APIView):
    """One's own place on the waitlist, and what is offered."""

    def get(self, request: Request, token: str) -> Response:
        entry = entry_of(token)
        # The task may run a little late: who is next brings about what is due.
        if waitlist.lapse_offers(session_id=entry.session_id):
            entry = entry_of(token)
        return Response(shown(entry, WaitingSerializer))

    @extend_schema(responses={200: WaitingSerializer})
    def delete(self, request: Request, token: str) -> Response:
        """Gives the place up, or the number that is offered, which goes to the next; twice is once."""
        waitlist.leave(entry_id=entry_of(token).pk)
        return Response(shown(entry_of(token), WaitingSerializer))


@extend_schema(tags=["patients"], auth=[], request=None, responses=AppointmentSerializer)
class Accept(APIView):
    """Takes the number that is offered: booked, or held until it is paid. Twice is once."""

    def post(self, request: Request, token: str) -> Response:
        made = waitlist.accept(entry_id=entry_of(token).pk)
        return Response(shown(guards.appointment(made.token), AppointmentSerializer))


def entry_of(token: str) -> WaitlistEntry:
    """The entry with this token. Raises QueueError `not_waiting`."""
    joins = ("session__department", "session__expert", "patient", "slot", "freed__slot", "appointment")
    found = WaitlistEntry.objects.select_related(*joins).filter(token=token).first()
    if found is None:
        raise QueueError(_("There is no such place on a waitlist."), code="not_waiting", status=404)
    return found
