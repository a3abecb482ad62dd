"""Errors of the API as problem details (RFC 9457)."""

from booking.errors import BookingError
from django.http import JsonResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

CONTENT_TYPE = "application/problem+json"


def problem(*, status: int, code: str, detail: str, **extra: object) -> dict[str, object]:
    """The body of a problem: `code` is stable for clients, `detail` is a sentence for people."""
    return {"type": f"urn:queueboard:{code}", "title": code.replace("_", " "), "status": status, "code": code,
            "detail": detail, **extra}  # fmt: skip


def handler(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: refusals and its own errors, both as problem details."""
    if isinstance(error, BookingError):
        body = problem(status=error.status, code=error.code, detail=str(error.message), **error.extra)
        return Response(body, status=error.status, content_type=CONTENT_TYPE)
    response = exception_handler(error, context)
    if response is None:
        return None
    extra: dict[str, object] = {}
    code = "error"
    detail = str(error)
    if isinstance(error, ValidationError):
        extra["errors"] = response.data
        code, detail = "invalid", str(error.default_detail)
    elif isinstance(error, APIException):
        code, detail = str(error.default_code), str(error.detail)
    elif response.status_code == 404:
        code, detail = "not_found", str(response.data.get("detail", error))
    elif response.status_code == 403:
        code, detail = "permission_denied", str(response.data.get("detail", error))
    response.data = problem(status=response.status_code, code=code, detail=detail, **extra)
    response.content_type = CONTENT_TYPE
    return response


def json_problem(error: BookingError) -> JsonResponse:
    """A refusal as problem details, for views that are not DRF's."""
    body = problem(status=error.status, code=error.code, detail=str(error.message), **error.extra)
    return JsonResponse(body, status=error.status, content_type=CONTENT_TYPE)
