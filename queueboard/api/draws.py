"""For patients: ask to be drawn, see and take back one's request; for everybody: the record of a draw (R3.7)."""

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
from booking.models import Ballot, BallotEntry
from booking.services import ballots, patients
from queueboard.api import guards
from queueboard.api.draw_shapes import AskingSerializer, DrawSerializer, RequestSerializer
from queueboard.api.parsing import body, shown
from queueboard.errors import QueueError


@extend_schema(tags=["clinic"], auth=[], responses=DrawSerializer)
class Draw(APIView):
    """A session's draw, as anybody can check it: codes only, and the seed once all is drawn."""

    def get(self, request: Request, session_id: int) -> Response:
        ballot = Ballot.objects.select_related("session").filter(session=session_id).first()
        if ballot is None:
            raise QueueError(_("The numbers of this session are not drawn."), code="no_ballot", status=404)
        return Response(DrawSerializer(ballots.record(ballot)).data)


@extend_schema(
    tags=["patients"], auth=[], request=AskingSerializer, responses={201: RequestSerializer},
    parameters=[guards.SOLUTION],
)  # fmt: skip
class Requests(APIView):
    """Asks for a number in a draw, from the release until it closes. Limited as booking is."""

    throttle_classes = [guards.AddressThrottle]
    throttle_scope = "book"

    def post(self, request: Request, session_id: int) -> Response:
        wanted = body(request, AskingSerializer)
        who = {"language": get_language() or ""} | wanted["patient"]
        try:
            # One transaction: a refused request leaves no patient behind.
            with guards.guarded(request), transaction.atomic():
                entry = ballots.ask(
                    session_id=session_id,
                    patient_id=patients.find_or_make(**who).pk,
                    wishes=wanted["wishes"],
                    any_slot=wanted["any_slot"],
                    on_waitlist=wanted["waitlist"],
                    first_visit=wanted["first_visit"],
                )
        except BookingError as error:
            raise guards.of_nobody(error) from None
        headers = {"Location": reverse("api:draw_request", args=[entry.token])}
        return Response(shown(request_of(entry.token), RequestSerializer), status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["patients"], auth=[], responses=RequestSerializer)
class OneRequest(APIView):
    """One's own request in a draw, and what became of it."""

    def get(self, request: Request, token: str) -> Response:
        entry = request_of(token)
        if ballots.look(session_id=entry.ballot.session_id):
            entry = request_of(token)
        return Response(shown(entry, RequestSerializer))

    @extend_schema(responses={200: RequestSerializer})
    def delete(self, request: Request, token: str) -> Response:
        """Takes the request back, while the draw is open; twice is once."""
        ballots.withdraw(entry_id=request_of(token).pk)
        return Response(shown(request_of(token), RequestSerializer))


def request_of(token: str) -> BallotEntry:
    """The request with this token. Raises QueueError `no_request`."""
    joins = ("ballot__session__department", "ballot__session__expert", "patient", "slot", "appointment")
    found = BallotEntry.objects.select_related(*joins).filter(token=token).first()
    if found is None:
        raise QueueError(_("There is no such request."), code="no_request", status=404)
    return found
