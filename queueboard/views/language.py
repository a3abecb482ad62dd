"""`?lang=` on a public page goes before cookie and browser: a screen on a wall has no one to press a switch."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

CODES = tuple(code for code, _name in settings.LANGUAGES)


def asked_for(request: HttpRequest) -> str:
    """The language that `?lang=` names; empty where it names none of ours."""
    asked = request.GET.get("lang", "").lower()
    return asked if asked in CODES else ""


def in_language(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view in the language of `?lang=` where that names one, else in the one that the middleware chose."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        with translation.override(asked_for(request) or translation.get_language()):
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
            return response

    return wrapped


def keep_language(response: HttpResponse, language: str) -> None:
    """This browser reads in that language from now on."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        samesite="Lax",
        secure=settings.SECURE_COOKIES,
    )
