"""Pages of one person: kept nowhere, found by no search engine, their address told to nobody (R6.2)."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view with the headers of a private page."""

    @wraps(view)
    @never_cache
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return close(view(request, *args, **kwargs))

    return wrapped


def close(response: HttpResponse) -> HttpResponse:
    # Keeps the address back from other sites and from logs of our own. "no-referrer" would too, but then a browser
    # sends "Origin: null" and the language switch is refused.
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
