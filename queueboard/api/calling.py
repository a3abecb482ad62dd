"""For who calls: the queue in order, next, pause, resume, change room, undo; for managers: stop, close, hand over."""

from abc import ABC, abstractmethod
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from booking.models import Session, SessionRoom, Slot
from queueboard import access, added
from queueboard.api import guards
from queueboard.api import staff_shapes as shapes
from queueboard.api.parsing import body, query
from queueboard.api.shapes import SlotSerializer
from queueboard.api.staff_view import one_room, shown, staff_queue
from queueboard.errors import QueueError
from queueboard.models import QueueEvent, Ticket
from queueboard.services import calls, hand_over, lifecycle, rooms, schedules, undo


@extend_schema(tags=["calling"], responses=shapes.StaffQueueSerializer)
class StaffQueue(APIView):
    """The whole queue with names: rooms, the waiting in order and why there, all tickets, what can be taken back."""

    permission_classes = [guards.WorksQueue]

    def get(self, request: Request, session_id: int) -> Response:
        session = guards.session(session_id)
        guards.staff(request, session)
        return Response(staff_queue(request, session))


@extend_schema(
    tags=["calling"],
    request=shapes.CallNextSerializer,
    responses={200: shapes.StaffTicketSerializer, 204: OpenApiResponse(description="Nobody waits.")},
)
class CallNext(APIView):
    """Finishes who is in the room and calls the first in order (R4.4).

    With `seen`, a press that comes when the room has moved on already changes nothing and answers who is in now.
    """

    permission_classes = [guards.WorksQueue]

    def post(self, request: Request, session_id: int) -> Response:
        session = guards.session(session_id)
        sent = body(request, shapes.CallNextSerializer)
        guards.caller(request, session, sent["room"])
        ticket = calls.call_next(
            session_id=session_id, room_id=sent["room"], seen=sent.get("seen", calls.ANY), actor=guards.actor(request)
        )
        return Response(status=status.HTTP_204_NO_CONTENT) if ticket is None else shown(request, ticket)


class RoomAction(APIView, ABC):
    """An action on one room of a queue."""

    permission_classes = [guards.WorksQueue]
    shape: type[Serializer] = shapes.RoomBodySerializer

    def post(self, request: Request, session_id: int) -> Response:
        session = guards.session(session_id)
        sent = body(request, self.shape)
        guards.caller(request, session, sent["room"])
        return Response(one_room(request, session, self.act(session, sent).pk))

    @abstractmethod
    def act(self, session: Session, sent: dict[str, Any]) -> SessionRoom: ...


@extend_schema(tags=["calling"], request=shapes.PauseBodySerializer, responses=shapes.StaffRoomSerializer)
class Pause(RoomAction):
    """No calls to this room for now; screens show the reason and the time of return."""

    shape = shapes.PauseBodySerializer

    def act(self, session: Session, sent: dict[str, Any]) -> SessionRoom:
        return rooms.pause(
            session_id=session.pk, room_id=sent["room"], until=sent["until"], reason=sent["reason"],
            actor=guards.actor(self.request),
        )  # fmt: skip


@extend_schema(tags=["calling"], request=shapes.RoomBodySerializer, responses=shapes.StaffRoomSerializer)
class Resume(RoomAction):
    """Calls to this room go on."""

    def act(self, session: Session, sent: dict[str, Any]) -> SessionRoom:
        return rooms.resume(session_id=session.pk, room_id=sent["room"], actor=guards.actor(self.request))


@extend_schema(tags=["calling"], request=shapes.ChangeRoomSerializer, responses=shapes.StaffRoomSerializer)
class ChangeRoom(RoomAction):
    """The expert moves to another room, and whoever is in the old one with them."""

    shape = shapes.ChangeRoomSerializer

    def act(self, session: Session, sent: dict[str, Any]) -> SessionRoom:
        return rooms.change_room(
            session_id=session.pk, room_id=sent["room"], to_room_id=sent["to_room"], actor=guards.actor(self.request)
        )


@extend_schema(tags=["calling"], request=shapes.UndoSerializer, responses=shapes.StepSerializer)
class Undo(APIView):
    """Takes a step back while nothing has followed from it (R4.10); the answer is the step that took it back."""

    permission_classes = [guards.WorksQueue]

    def post(self, request: Request, session_id: int) -> Response:
        session = guards.session(session_id)
        guards.staff(request, session)
        event_id = body(request, shapes.UndoSerializer)["event"]
        event = QueueEvent.objects.filter(pk=event_id, session=session).first()
        if event is None:
            raise QueueError(_("There is no such step."), code="no_event", status=404)
        if not _may_undo(request, session, event):
            raise PermissionDenied(_("This step is not yours to take back."))
        done = undo.undo(event_id=event.pk, actor=guards.actor(request))
        told = QueueEvent.objects.select_related("ticket__session").get(pk=done.pk)
        return Response(shapes.StepSerializer(told).data)


def _may_undo(request: Request, session: Session, event: QueueEvent) -> bool:
    """What needed a manager needs one to take back; an expert takes back the own steps and those of the own room."""
    if event.kind == "stop_early":
        return access.may_manage(request.user)
    if event.actor_id == request.user.pk or access.may_desk(request.user, session):
        return True
    return event.room_id is not None and access.may_call(request.user, session, event.room_id)


class AddedNumbers(APIView):
    """The expert whose session it is, or a manager, adds numbers to a slot with a reason (R3.2b)."""

    permission_classes = [guards.WorksQueue]

    @extend_schema(
        tags=["managing"], parameters=[shapes.AddedQuerySerializer], responses=shapes.AddedEffectSerializer
    )  # fmt: skip
    def get(self, request: Request, session_id: int) -> Response:
        """What it would do, before it is done."""
        session = _own(request, session_id)
        asked = query(request, shapes.AddedQuerySerializer)
        effect = added.of(session, _slot(session, asked["slot"]), asked["count"], now=timezone.now())
        shown = {name: getattr(effect, name) for name in ("slot", "count", "for_walk_ins", "over", "over_now")}
        return Response(shapes.AddedEffectSerializer(shown | {"words": added.words(effect)}).data)

    @extend_schema(tags=["managing"], request=shapes.AddedNumbersSerializer, responses={201: SlotSerializer})
    def post(self, request: Request, session_id: int) -> Response:
        session = _own(request, session_id)
        sent = body(request, shapes.AddedNumbersSerializer)
        made = schedules.add_numbers(
            slot=_slot(session, sent["slot"]), count=sent["count"], reason=sent["reason"], actor=guards.actor(request)
        )
        return Response(SlotSerializer(made).data, status=status.HTTP_201_CREATED)


def _own(request: Request, session_id: int) -> Session:
    """The session, of an expert who sits in it or a manager."""
    session = guards.session(session_id)
    if not (access.may_manage(request.user) or access.sits(request.user, session)):
        raise PermissionDenied(_("This queue is not one of yours."))
    return session


def _slot(session: Session, slot_id: int) -> Slot:
    slot = session.slots.filter(pk=slot_id).first()
    if slot is None:
        raise QueueError(_("There is no such slot."), code="no_such_slot", status=404)
    return slot


class ManagerAction(APIView):
    permission_classes = [guards.ManagesQueues]


@extend_schema(tags=["managing"], request=shapes.StopSerializer, responses=shapes.SessionLifeSerializer)
class Stop(ManagerAction):
    """Nobody more is called or taken (R1.3). Who has not come is told at once and has the money back; who waits can be
    handed over until the session closes."""

    def post(self, request: Request, session_id: int) -> Response:
        guards.session(session_id)
        reason = body(request, shapes.StopSerializer)["reason"]
        done = lifecycle.stop_early(session_id=session_id, reason=reason, actor=guards.actor(request))
        return Response(shapes.SessionLifeSerializer(done).data)


@extend_schema(tags=["managing"], request=None, responses=shapes.SessionLifeSerializer)
class Close(ManagerAction):
    """Closes the session and settles every ticket and appointment (R1.4)."""

    def post(self, request: Request, session_id: int) -> Response:
        guards.session(session_id)
        done = lifecycle.close_session(session_id=session_id, actor=guards.actor(request))
        return Response(shapes.SessionLifeSerializer(done).data)


@extend_schema(tags=["managing"], request=shapes.HandOverSerializer, responses=shapes.HandedOverSerializer)
class HandOverAll(ManagerAction):
    """Everybody who waits goes on to another session of the department, in order."""

    def post(self, request: Request, session_id: int) -> Response:
        guards.session(session_id)
        sent = body(request, shapes.HandOverSerializer)
        made = hand_over.hand_over_all(
            session_id=session_id, to_session_id=sent["to_session"], reason=sent["reason"], actor=guards.actor(request)
        )
        joined = Ticket.objects.select_related("session", "patient", "slot", "room").order_by("number")
        tickets = joined.filter(pk__in=[ticket.pk for ticket in made])
        return Response(shapes.HandedOverSerializer({"tickets": tickets}, context={"desk": True}).data)
