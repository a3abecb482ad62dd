"""For staff: the code that patients type on site (R4.1), by department. It renews itself, without script too."""

from math import ceil

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from queueboard import access, on_site
from queueboard.content_policy import strict


@require_safe
@never_cache
def codes(request: HttpRequest) -> HttpResponse:
    """The codes of this minute. 403 without the permission to work a desk."""
    if not access.may(request.user, access.DESK):
        raise PermissionDenied
    now = timezone.now()
    until = on_site.valid_until(now)
    departments = access.departments_of(request.user).order_by("name", "pk")
    context = {
        "codes": [(department.names, on_site.code(department.pk, now)) for department in departments],
        "until": until,
        "seconds": ceil((until - now).total_seconds()) + 1,
    }
    return strict(render(request, "admin/on_site.html", context))
