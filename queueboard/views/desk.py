"""The clerk's desk: one field, one answer, the queues of the own departments. Its script uses the REST interface."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from booking.models import Patient
from queueboard import access
from queueboard.content_policy import strict
from queueboard.staff_words import desk_words
from queueboard.views.seats import open_today, queue_face


def page(request: HttpRequest) -> HttpResponse:
    """`?session=` says which queue is shown first. 403 without the permission to work a desk."""
    if not access.may(request.user, access.DESK):
        raise PermissionDenied
    departments = access.departments_of(request.user)
    queues = [queue_face(session) for session in open_today(timezone.now()).filter(department__in=departments)]
    wanted = request.GET.get("session", "")
    context = {
        "texts": desk_words(),
        "queues": queues,
        "chosen": next((queue["session"] for queue in queues if str(queue["session"]) == wanted), None),
        "departments": departments,
        "id_types": Patient.IdType.choices,
        "zone": timezone.get_current_timezone_name(),
    }
    return strict(render(request, "admin/desk.html", context))
