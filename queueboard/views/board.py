"""The waiting-room screen: who is called to which room, who is next (R6.1, R6.2)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from queueboard import access
from queueboard.build import build_id
from queueboard.models import Board
from queueboard.screens import cookie
from queueboard.views import board_face, source
from queueboard.views.language import in_language
from queueboard.views.screens import ask_for_code
from queueboard.views.texts import board_texts


@require_safe
@never_cache
@in_language
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """The board, or a code. A board that does not exist and one that is not public look alike to strangers."""
    shown = Board.objects.filter(slug=slug).first()
    device = cookie.device_of(request.COOKIES)
    staff = access.may_see_boards(request.user)
    if device is not None and not staff and not (shown is not None and cookie.shows(device, shown)):
        return redirect(device.address)
    if shown is None or not (shown.public or staff or device is not None):
        return ask_for_code(request)
    first = get_language() or settings.LANGUAGE_CODE
    second = "en" if first != "en" else "zh-hans"
    texts = board_texts(second)
    queues = source.of_board(shown)
    now = timezone.now()
    rows = board_face.rows(queues, texts, (first, second), now)
    calls = board_face.open_calls(queues)
    context = {
        "board": shown,
        "texts": texts,
        "queues": queues,
        "rows": rows,
        "call": calls[-1] if calls else None,
        "room": board_face.call_room(calls[-1], (first, second)) if calls else None,
        "first": first,
        "second": second,
        "second_title": shown.titles[second] if shown.titles[second] != shown.titles[first] else "",
        "now": now,
        "version": build_id(),
        "connected": cookie.shows(device, shown),
        "zone": settings.TIME_ZONE,
    }
    response = render(request, "board.html", context)
    response.headers["X-Robots-Tag"] = "noindex"
    return response
