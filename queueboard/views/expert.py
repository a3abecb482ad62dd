"""The expert's page: one room of one session, one big "next"."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from booking.models import SessionRoom
from queueboard import access, pauses
from queueboard.services import foretold
from queueboard.staff_words import expert_words, foretold_words
from queueboard.views.seats import seats_of


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """The room where the user sits; `?session=` and `&room=` choose another. Several: a list to choose from."""
    if not access.may(request.user, access.CALL):
        raise PermissionDenied
    seat, seats = _chosen(request)
    if seat is None:
        return render(request, "expert_rooms.html", {"seats": seats, "zone": timezone.get_current_timezone_name()})
    if not access.may_call(request.user, seat.session, seat.room_id):
        raise PermissionDenied
    context = {
        "seat": seat,
        "texts": expert_words(),
        "pause_reasons": pauses.REASONS.items(),
        "rooms": seat.session.department.rooms.order_by("code"),
        "several": len(seats) > 1,
        "foretold": foretold_words(foretold.last_month(seat.expert)),
        "may_add": access.may_manage(request.user) or access.sits(request.user, seat.session),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "expert.html", context)


def _chosen(request: HttpRequest) -> tuple[SessionRoom | None, list[SessionRoom]]:
    now = timezone.now()
    seats = seats_of(request.user, now)
    session, room = request.GET.get("session", ""), request.GET.get("room", "")
    if not session.isdecimal():
        return (seats[0] if len(seats) == 1 else None), seats
    wanted = SessionRoom.objects.filter(session_id=int(session)).select_related(
        "room", "expert", "session__department", "session__expert"
    )
    if room.isdecimal():
        wanted = wanted.filter(room_id=int(room))
    found = [seat for seat in wanted if access.may_call(request.user, seat.session, seat.room_id)]
    if wanted and not found:
        raise PermissionDenied
    return (found[0] if len(found) == 1 else None), found or seats
