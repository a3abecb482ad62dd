"""Loads what an address names, and refuses who may not: unknown is 404, somebody else's is 403."""

from contextlib import AbstractContextManager

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from booking import kept
from booking.errors import BookingError
from booking.models import Appointment, Session, SessionRoom
from queueboard import access
from queueboard.challenge import gate, work
from queueboard.errors import QueueError
from queueboard.models import Ticket
from queueboard.services import sharing
from queueboard.views.address import address_of


class WorksDesk(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return access.may(request.user, access.DESK)


class WorksQueue(BasePermission):
    """The desk or whoever calls; which queue is looked at by the view."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return access.may(request.user, access.DESK) or access.may(request.user, access.CALL)


class ManagesQueues(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return access.may_manage(request.user)


class AddressThrottle(ScopedRateThrottle):
    """Limits per address, as the site knows addresses: a header that anybody can write does not make a new one."""

    def get_ident(self, request: Request) -> str:
        plain: HttpRequest = request._request
        return address_of(plain)


SOLUTION = OpenApiParameter(
    gate.HEADER,
    {"type": "string", "maxLength": work.LONGEST},
    OpenApiParameter.HEADER,
    description="Of the challenge that an answer 428 carries: docs/api.md says how it is found.",
)


def guarded(request: Request, slot_id: int | None = None) -> AbstractContextManager[None]:
    """As `gate.guarded` for who books, or asks for a number; what is solved comes in a header."""
    answer = gate.Answer(work=request.headers.get(gate.HEADER, ""))
    return gate.guarded(request._request, "book", answer=answer, slot_id=slot_id)


def of_nobody(refused: BookingError) -> BookingError:
    """The refusal without what it names of the patient's: who knows a name and an ID number is told no more of them."""
    for own in ("appointment", "entry"):
        refused.extra.pop(own, None)
    return refused


def actor(request: Request) -> AbstractBaseUser:
    """Who does it, for the log (R6.3). Raises NotAuthenticated."""
    if isinstance(request.user, AnonymousUser):
        raise NotAuthenticated
    return request.user


def actor_or_none(request: Request) -> AbstractBaseUser | None:
    """As `actor`; None for a patient."""
    return None if isinstance(request.user, AnonymousUser) else request.user


def session(session_id: int) -> Session:
    """The session. Raises QueueError `no_session`."""
    found = Session.objects.select_related("department", "expert").filter(pk=session_id).first()
    if found is None:
        raise QueueError(_("There is no such session."), code="no_session", status=404)
    return found


def ticket(ticket_id: int) -> Ticket:
    """The ticket with its session. Raises QueueError `no_ticket`."""
    found = Ticket.objects.select_related("session").filter(pk=ticket_id).first()
    if found is None:
        raise QueueError(_("There is no such ticket."), code="no_ticket", status=404)
    return found


_JOINED = Appointment.objects.select_related("patient", "slot", "session__department", "session__expert").order_by()
_BY_TOKEN = kept.Query(lambda token: _JOINED.filter(token=token), token=str)


def appointment(token: str) -> Appointment:
    """The appointment with this token. Raises QueueError `no_appointment`, or `only_looks` for a shared link."""
    found = _BY_TOKEN.first(token=token)
    if found is None:
        sharing.refuse(token)
        raise QueueError(_("There is no such appointment."), code="no_appointment", status=404)
    return found


def desk(request: Request, of: Session) -> None:
    """Raises PermissionDenied where this session's desk is not the user's."""
    if not access.may_desk(request.user, of):
        raise PermissionDenied(_("This queue is not one of yours."))


def staff(request: Request, of: Session) -> None:
    """Raises PermissionDenied where the user neither works this session's desk nor calls in it."""
    if not access.may_see(request.user, of):
        raise PermissionDenied(_("This queue is not one of yours."))


def caller(request: Request, of: Session, room_id: int | None) -> None:
    """Raises PermissionDenied where the user may not call to this room.

    For a room in which the session is not held it is enough to sit in another: the service has the better words.
    """
    if room_id is not None and not SessionRoom.objects.filter(session=of, room=room_id).exists():
        room_id = None
    if not access.may_call(request.user, of, room_id):
        raise PermissionDenied(_("This room is not yours."))
