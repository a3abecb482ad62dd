"""A patient's page lets a relative look along: the link for it, and its end."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from queueboard.errors import QueueError
from queueboard.services import sharing
from queueboard.views import phone
from queueboard.views.address import site_of
from queueboard.views.language import in_language
from queueboard.views.own import visit_of
from queueboard.views.private import private


@require_http_methods(["GET", "HEAD", "POST"])
@private
@in_language
def share(request: HttpRequest, token: str) -> HttpResponse:
    """A POST makes a link: for a script {"url"}, else a page with it. With `end` it ends those that were made."""
    visit = visit_of(token)
    by_script = request.accepts("application/json") and not request.accepts("text/html")
    if request.method != "POST":
        return redirect("phone", token=token)
    if "end" in request.POST:
        sharing.end(visit)
        return HttpResponse(status=204) if by_script else redirect("phone", token=token)
    try:
        secret = sharing.share(visit)
    except QueueError as refused:
        if by_script:
            return JsonResponse({"code": refused.code, "detail": str(refused)}, status=refused.status)
        return phone.shown(request, token, refused=refused)
    url = site_of(request) + reverse("phone", args=[secret])
    if by_script:
        return JsonResponse({"url": url})
    return render(request, "phone/shared.html", {"token": token, "url": url})
