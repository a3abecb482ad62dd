"""The picture that is read where no script solves the challenge (R3.7)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from queueboard.challenge import picture as pictures


@require_GET
@never_cache
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Raises Http404 for a name that is none, is too old or was answered."""
    drawn = pictures.draw(name, now=timezone.now())
    if drawn is None:
        raise Http404
    return HttpResponse(drawn, content_type="image/png")
