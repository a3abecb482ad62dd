"""The button "tell me" on a patient's page: its browser subscribes, for this one visit or wish for one (R5.4)."""

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from queueboard.errors import QueueError
from queueboard.notify import forgetting
from queueboard.notify.push import subscriptions
from queueboard.services import sharing
from queueboard.views.language import CODES
from queueboard.views.own import TOKEN

LONGEST = 4096  # bytes; a subscription has about 500


@require_http_methods(["POST", "DELETE"])
@never_cache
def tell(request: HttpRequest, token: str) -> HttpResponse:
    """POST: what `PushSubscription.toJSON()` says, and the page's `language`; DELETE: its `endpoint`.

    Whoever has the patient's link may, as whoever has it sees the page. Raises Http404 for a token that is none.
    """
    known = TOKEN.fullmatch(token) and any(
        each._default_manager.filter(token=token).exists() for each in forgetting.SESSIONS
    )
    try:
        if not known:
            sharing.refuse(token)
            raise Http404
        given = _read(request)
        if request.method == "DELETE":
            subscriptions.drop(token=token, endpoint=given.get("endpoint"))
        else:
            asked = given.get("language")
            language = asked if asked in CODES else get_language() or settings.LANGUAGE_CODE
            subscriptions.keep(token=token, given=given, language=language)
    except QueueError as refusal:
        return JsonResponse({"code": refusal.code, "detail": str(refusal)}, status=refusal.status)
    return HttpResponse(status=204)


def _read(request: HttpRequest) -> dict[str, Any]:
    # The length is asked for first: what is too long is not read.
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        raise QueueError(_("This is too long."), code="too_long", status=413)
    try:
        given = json.loads(request.body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise QueueError(_("This is not a subscription of a browser."), code="bad_subscription", status=400)
    return given
