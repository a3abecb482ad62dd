"""What staff does to one ticket. Each answers the ticket as it is then."""

from abc import ABC, abstractmethod
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from queueboard.api import guards
from queueboard.api import staff_shapes as shapes
from queueboard.api.parsing import body
from queueboard.api.staff_view import shown
from queueboard.models import Ticket
from queueboard.services import arrivals, calls, hand_over, returns


class TicketAction(APIView, ABC):
    """An action on a ticket: of whoever works the queue, unless it is one of the room's (see RoomTicketAction)."""

    permission_classes = [guards.WorksQueue]
    shape: type[Serializer] = shapes.NothingSerializer

    def post(self, request: Request, ticket_id: int) -> Response:
        ticket = guards.ticket(ticket_id)
        guards.staff(request, ticket.session)
        sent = body(request, self.shape)
        self.allow(ticket, sent)
        return shown(request, self.act(ticket, sent))

    def allow(self, ticket: Ticket, sent: dict[str, Any]) -> None:
        """Raises PermissionDenied for who may work this queue and still not do this."""

    @abstractmethod
    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket: ...


class RoomTicketAction(TicketAction):
    """An action on whoever is in a room: of the expert who sits there, and of the desk."""

    def allow(self, ticket: Ticket, sent: dict[str, Any]) -> None:
        guards.caller(self.request, ticket.session, sent.get("room", ticket.room_id))


documented = extend_schema(tags=["tickets"], request=None, responses=shapes.StaffTicketSerializer)


def taking(shape: type[Serializer]) -> Any:
    return extend_schema(tags=["tickets"], request=shape, responses=shapes.StaffTicketSerializer)


@taking(shapes.RoomBodySerializer)
class Call(RoomTicketAction):
    """Calls this patient out of turn to a room; who is in the room is finished first."""

    shape = shapes.RoomBodySerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return calls.call_ticket(ticket_id=ticket.pk, room_id=sent["room"], actor=guards.actor(self.request))


@taking(shapes.RecallSerializer)
class Recall(RoomTicketAction):
    """Calls the called patient once more."""

    shape = shapes.RecallSerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return calls.recall(ticket_id=ticket.pk, seen=sent.get("seen"), actor=guards.actor(self.request))


@documented
class Start(RoomTicketAction):
    """The called patient is in: the visit starts."""

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return calls.start(ticket_id=ticket.pk, actor=guards.actor(self.request))


@documented
class Finish(RoomTicketAction):
    """The visit is over; nobody is called."""

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return calls.finish(ticket_id=ticket.pk, actor=guards.actor(self.request))


@documented
class Miss(RoomTicketAction):
    """The call was not answered."""

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return calls.miss(ticket_id=ticket.pk, actor=guards.actor(self.request))


@documented
class SendForTest(RoomTicketAction):
    """The patient in service goes for a test and will be back; the room is free."""

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return returns.send_for_test(ticket_id=ticket.pk, actor=guards.actor(self.request))


@documented
class PutBack(TicketAction):
    """A missed patient reports back (R4.8)."""

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return returns.put_back(ticket_id=ticket.pk, actor=guards.actor(self.request))


@taking(shapes.ReasonSerializer)
class ReturnVisit(TicketAction):
    """Back with the result (R4.9)."""

    shape = shapes.ReasonSerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return returns.return_visit(ticket_id=ticket.pk, reason=sent["reason"], actor=guards.actor(self.request))


@taking(shapes.PrioritySerializer)
class Priority(TicketAction):
    """Emergency, priority or none, with a reason that is logged (R4.9)."""

    shape = shapes.PrioritySerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return returns.set_priority(
            ticket_id=ticket.pk, priority=sent["priority"], reason=sent["reason"], actor=guards.actor(self.request)
        )


@taking(shapes.ReasonSerializer)
class Leave(TicketAction):
    """The patient gives the place up."""

    shape = shapes.ReasonSerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return arrivals.leave(ticket_id=ticket.pk, reason=sent["reason"], actor=guards.actor(self.request))


@taking(shapes.HandOverSerializer)
class HandOver(TicketAction):
    """The patient goes on to another session of the department; the answer is the ticket there."""

    shape = shapes.HandOverSerializer

    def act(self, ticket: Ticket, sent: dict[str, Any]) -> Ticket:
        return hand_over.hand_over(
            ticket_id=ticket.pk,
            to_session_id=sent["to_session"],
            reason=sent["reason"],
            actor=guards.actor(self.request),
        )


ACTIONS: dict[str, type[TicketAction]] = {
    "call": Call,
    "recall": Recall,
    "start": Start,
    "finish": Finish,
    "miss": Miss,
    "put-back": PutBack,
    "send-for-test": SendForTest,
    "return-visit": ReturnVisit,
    "priority": Priority,
    "leave": Leave,
    "hand-over": HandOver,
}
