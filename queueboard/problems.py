"""Errors of the API as problem details (RFC 9457): one shape for refusals, bad input, and addresses that are none."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from booking.errors import BookingError
from queueboard.api.parsing import ParameterError, TooLarge

CONTENT_TYPE = "application/problem+json"
Place = tuple[str, ...]


def problem(*, status: int, code: str, detail: str, **extra: object) -> dict[str, object]:
    """The body of a problem: `code` is stable for clients, `detail` is a sentence for people."""
    return {"type": f"urn:queueboard:{code}", "title": code.replace("_", " "), "status": status, "code": code,
            "detail": detail, **extra}  # fmt: skip


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: refusals and its own errors, both as problem details."""
    if isinstance(error, BookingError):
        body = problem(status=error.status, code=error.code, detail=str(error.message), **error.extra)
        return Response(body, status=error.status, content_type=CONTENT_TYPE)
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge()
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem(status=response.status_code, **_told(error))
    response.content_type = CONTENT_TYPE
    return response


def json_problem(error: BookingError) -> JsonResponse:
    """A refusal as problem details, for views that are not DRF's."""
    body = problem(status=error.status, code=error.code, detail=str(error.message), **error.extra)
    return JsonResponse(body, status=error.status, content_type=CONTENT_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: a fault of ours, told to a client of the API in the shape it can read; pages get Django's page."""
    if not request.path.startswith("/api/"):
        from django.views.defaults import server_error as page

        return page(request)
    body = problem(status=500, code="fault", detail=str(_("Something went wrong here. Please try again.")))
    return JsonResponse(body, status=500, content_type=CONTENT_TYPE)


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, ValidationError):
        in_query = isinstance(error, ParameterError)
        errors = [
            {"parameter" if in_query else "pointer": _name(place, in_query), "code": each.code, "detail": str(each)}
            for place, each in _leaves(error.detail)
        ]
        return {"code": "invalid", "detail": str(_("The request is not valid.")), "errors": errors}
    if isinstance(error, APIException):
        wait = getattr(error, "wait", None)
        code = error.get_codes()
        told = {"code": code if isinstance(code, str) else error.default_code, "detail": str(error.detail)}
        return told if wait is None else told | {"retry_after": ceil(wait)}
    return {"code": "permission_denied", "detail": str(_("You may not do this."))}


def _leaves(detail: Any, place: Place = ()) -> Iterator[tuple[Place, ErrorDetail]]:
    """Each single error with the path to its field; what concerns the whole has the path of the whole."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _leaves(inner, place if name == "non_field_errors" else (*place, str(name)))
    elif isinstance(detail, ErrorDetail):
        yield place, detail
    else:
        for index, inner in enumerate(detail):
            # A list holds the errors of one field, or one dictionary per item of a list.
            yield from _leaves(inner, place if isinstance(inner, ErrorDetail) else (*place, str(index)))


def _name(place: Place, in_query: bool) -> str:
    """A parameter's name, or a JSON pointer into the body as a URI fragment (RFC 6901)."""
    if in_query:
        return ".".join(place)
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in place)
