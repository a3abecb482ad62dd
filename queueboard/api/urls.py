"""Addresses below /api/v1/."""

from django.urls import path, register_converter

from queueboard.api import calling, desk, patients, public, tickets


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
    path("tickets/<token:token>/", patients.OwnPlace.as_view(), name="place"),
    path("appointments/", patients.Appointments.as_view(), name="appointments"),
    path("appointments/<token:token>/", patients.OneAppointment.as_view(), name="appointment"),
    path("appointments/<token:token>/check-in/", desk.CheckIn.as_view(), name="check_in"),
    path("find/", desk.Find.as_view(), name="find"),
    path("queues/<row:session_id>/walk-in-offer/", desk.WalkInOffer.as_view(), name="walk_in_offer"),
    path("queues/<row:session_id>/walk-ins/", desk.WalkIns.as_view(), name="walk_ins"),
    path("queues/<row:session_id>/staff/", calling.StaffQueue.as_view(), name="staff_queue"),
    path("queues/<row:session_id>/call-next/", calling.CallNext.as_view(), name="call_next"),
    path("queues/<row:session_id>/pause/", calling.Pause.as_view(), name="pause"),
    path("queues/<row:session_id>/resume/", calling.Resume.as_view(), name="resume"),
    path("queues/<row:session_id>/change-room/", calling.ChangeRoom.as_view(), name="change_room"),
    path("queues/<row:session_id>/undo/", calling.Undo.as_view(), name="undo"),
    path("queues/<row:session_id>/stop/", calling.Stop.as_view(), name="stop"),
    path("queues/<row:session_id>/close/", calling.Close.as_view(), name="close"),
    path("queues/<row:session_id>/hand-over-all/", calling.HandOverAll.as_view(), name="hand_over_all"),
    *(
        path(f"staff/tickets/<row:ticket_id>/{action}/", view.as_view(), name=f"ticket_{action}")
        for action, view in tickets.ACTIONS.items()
    ),
]
