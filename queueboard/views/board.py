"""The waiting-room screen: who is called to which room, who is next (R6.1, R6.2)."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm, model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from queueboard.build import build_id
from queueboard.models import Board
from queueboard.screens import cookie
from queueboard.spoken import recordings
from queueboard.views import board_aloud, board_face, install, source
from queueboard.views.language import asked_for, in_language
from queueboard.views.screens import ask_for_code
from queueboard.views.texts import board_texts


@require_safe
@never_cache
@in_language
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """The board, or a code. A board that does not exist and one that is not public look alike to strangers."""
    shown = Board.objects.filter(slug=slug).first()
    device = cookie.device_of(request.COOKIES)
    elsewhere = cookie.belongs_elsewhere(device, shown, request.user)
    if elsewhere or shown is None or not cookie.may_follow(shown, device, request.user):
        return ask_for_code(request)
    return _page(request, shown, {"connected": cookie.shows(device, shown)})


@require_safe
@never_cache
def call_aloud(request: HttpRequest, slug: str, language: str, session_id: int, number: str) -> HttpResponse:
    """A call as sound, for whoever may see this board: of those it shows now, and of nothing else."""
    shown = Board.objects.filter(slug=slug, sound=Board.Sound.VOICE).first()
    sound = None
    device = cookie.device_of(request.COOKIES)
    if shown and language in recordings.VOICES and cookie.may_follow(shown, device, request.user):
        sentence = board_aloud.of_call(source.of_board(shown), session_id, number, language)
        sound = recordings.recording(sentence, language) if sentence else None
    if sound is None:
        return HttpResponse(status=404)  # for a script: no page, and none of its cookies
    return HttpResponse(sound, content_type="audio/wav")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker of all boards, for a screen that is switched on while the server is away."""
    return install.service_worker("js/board_worker.js")


class LookForm(ModelForm):
    """What a preview tries out."""

    class Meta:
        model = Board
        fields: tuple[str, ...] = ("language", "second_language", "look", "layout", "accent")


class DraftForm(LookForm):
    """What a preview of a new board has besides: it need not be complete."""

    class Meta(LookForm.Meta):
        fields: tuple[str, ...] = (*LookForm.Meta.fields, "title", "title_en", "title_zh_hant", "departments", "rooms")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False


@require_safe
@never_cache
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": [SELF]})  # type: ignore[arg-type]  # typed for views without arguments
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The board as it would be with the values in the query, in a frame of the admin: silent, and no screen."""
    if not request.user.has_perm("queueboard.view_board"):
        raise PermissionDenied
    shown = get_object_or_404(Board, slug=slug)
    asked = LookForm(model_to_dict(shown, LookForm.Meta.fields) | request.GET.dict(), instance=shown)
    if not asked.is_valid():
        return render(request, "board/refused.html", {"form": asked})
    return _page(request, asked.instance, {"preview": True})


@require_safe
@never_cache
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": [SELF]})  # type: ignore[arg-type]
def preview_new(request: HttpRequest) -> HttpResponse:
    """A board that is not saved yet, as it would be with the values in the query. It stands still."""
    if not request.user.has_perm("queueboard.add_board"):
        raise PermissionDenied
    asked = DraftForm(request.GET)
    if not asked.is_valid():
        return render(request, "board/refused.html", {"form": asked})
    queues = source.of_places(asked.cleaned_data["departments"], asked.cleaned_data["rooms"])
    return _page(request, asked.instance, {"preview": True, "queues": queues})


def _page(request: HttpRequest, shown: Board, context: dict[str, Any]) -> HttpResponse:
    first = asked_for(request) or shown.language or translation.get_language() or settings.LANGUAGE_CODE
    second = shown.second_language if shown.second_language != first else ""
    with translation.override(first):
        texts = board_texts(second)
        queues = context["queues"] if "queues" in context else source.of_board(shown)
        now = timezone.now()
        turn = board_face.turn(len(queues), shown.layout, now)
        calls = board_face.open_calls(queues)
        second_title = shown.titles[second] if second else ""
        context |= {
            "board": shown,
            "texts": texts,
            "queues": queues,
            "rows": board_face.rows(queues, texts, (first, second), now, turn),
            "turn": turn,
            "call": calls[-1] if calls else None,
            "room": board_face.call_room(calls[-1], (first, second)) if calls else None,
            "first": first,
            "second": second,
            "second_title": second_title if second_title != shown.titles[first] else "",
            "now": now,
            "version": build_id(),
            "zone": settings.TIME_ZONE,
        }
        response = render(request, "board.html", context)
    response.headers["Content-Language"] = first
    response.headers["X-Robots-Tag"] = "noindex"
    return response
