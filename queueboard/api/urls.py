"""Addresses below /api/v1/."""

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import path, register_converter
from django.views.decorators.cache import never_cache
from rest_framework.views import APIView

from queueboard.api import calling, desk, draws, patients, payments, public, tickets, waitlist


class TokenConverter:
    """A patient's token: what is none is not looked for."""

    regex = r"[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class RowConverter:
    """The id of a row, no longer than a column can hold."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


def private(view: type[APIView]) -> Callable[..., HttpResponseBase]:
    """What is one patient's or for staff only is kept by no browser and no proxy."""
    return never_cache(view.as_view())


register_converter(TokenConverter, "token")
register_converter(RowConverter, "row")

app_name = "api"
urlpatterns = [
    path("departments/", public.Departments.as_view(), name="departments"),
    path("experts/", public.Experts.as_view(), name="experts"),
    path("sessions/", public.Sessions.as_view(), name="sessions"),
    path("sessions/<row:session_id>/", public.OneSession.as_view(), name="session"),
    path("queues/", public.Queues.as_view(), name="queues"),
    path("queues/<row:session_id>/", public.OneQueue.as_view(), name="queue"),
    path("tickets/<token:token>/", private(patients.OwnPlace), name="place"),
    path("appointments/", private(patients.Appointments), name="appointments"),
    path("appointments/<token:token>/", private(patients.OneAppointment), name="appointment"),
    path("appointments/<token:token>/move/", private(patients.MoveAppointment), name="move"),
    path("appointments/<token:token>/payment/", private(payments.Prepayment), name="payment"),
    path("appointments/<token:token>/check-in/", private(desk.CheckIn), name="check_in"),
    path("draws/<row:session_id>/", draws.Draw.as_view(), name="draw"),
    path("draws/<row:session_id>/requests/", private(draws.Requests), name="draw_requests"),
    path("draw-requests/<token:token>/", private(draws.OneRequest), name="draw_request"),
    path("sessions/<row:session_id>/waitlist/", private(waitlist.Waitlist), name="waitlist"),
    path("waitlist/<token:token>/", private(waitlist.OneWaiting), name="waiting"),
    path("waitlist/<token:token>/accept/", private(waitlist.Accept), name="accept"),
    path("find/", private(desk.Find), name="find"),
    path("queues/<row:session_id>/walk-in-offer/", private(desk.WalkInOffer), name="walk_in_offer"),
    path("queues/<row:session_id>/walk-ins/", private(desk.WalkIns), name="walk_ins"),
    path("queues/<row:session_id>/added-numbers/", private(calling.AddedNumbers), name="added_numbers"),
    path("queues/<row:session_id>/staff/", private(calling.StaffQueue), name="staff_queue"),
    path("queues/<row:session_id>/call-next/", private(calling.CallNext), name="call_next"),
    path("queues/<row:session_id>/pause/", private(calling.Pause), name="pause"),
    path("queues/<row:session_id>/resume/", private(calling.Resume), name="resume"),
    path("queues/<row:session_id>/change-room/", private(calling.ChangeRoom), name="change_room"),
    path("queues/<row:session_id>/undo/", private(calling.Undo), name="undo"),
    path("queues/<row:session_id>/stop/", private(calling.Stop), name="stop"),
    path("queues/<row:session_id>/close/", private(calling.Close), name="close"),
    path("queues/<row:session_id>/hand-over-all/", private(calling.HandOverAll), name="hand_over_all"),
    *(
        path(f"staff/tickets/<row:ticket_id>/{action}/", private(view), name=f"ticket_{action}")
        for action, view in tickets.ACTIONS.items()
    ),
]
