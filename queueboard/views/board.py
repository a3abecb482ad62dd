"""The waiting-room screen: who is called to which room, who is next (R6.1, R6.2)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from queueboard import board_keys
from queueboard.models import Board
from queueboard.views import board_face, source
from queueboard.views.language import in_language
from queueboard.views.texts import board_texts


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_language
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """The board, or the form for its key. A board that does not exist and one without a key look alike to strangers."""
    shown = get_object_or_404(Board, slug=slug)
    if not board_keys.may_see(shown, request.COOKIES):
        return _ask_for_key(request, shown)
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
        "zone": settings.TIME_ZONE,
    }
    response = render(request, "board.html", context)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _ask_for_key(request: HttpRequest, shown: Board) -> HttpResponse:
    wrong = ""
    if request.method == "POST":
        if board_keys.fits(shown, request.POST.get("key", "")):
            response = redirect(request.get_full_path())
            board_keys.remember(response, shown, secure=request.is_secure())
            return response
        wrong = _("This is not the key of this screen.")
    return render(request, "board/key.html", {"wrong": wrong}, status=403)
