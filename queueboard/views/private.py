"""Pages of one person: kept nowhere, found by no search engine, their address told to nobody (R6.2)."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from queueboard.services.sharing import OnlyLooks
from queueboard.views.language import in_language


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view with the headers of a private page. Who has a shared link only looks: told so, with 403."""

    @wraps(view)
    @never_cache
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return close(view(request, *args, **kwargs))
        except OnlyLooks as refused:
            return close(_only_looks(request, refused, *args, **kwargs))

    return wrapped


def close(response: HttpResponse) -> HttpResponse:
    # Keeps the address back from other sites and from logs of our own. "no-referrer" would too, but then a browser
    # sends "Origin: null" and the language switch is refused.
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@in_language
def _only_looks(request: HttpRequest, refused: OnlyLooks, token: str, **kwargs: object) -> HttpResponse:
    return render(request, "phone/only_looks.html", {"refused": refused, "token": token}, status=refused.status)
