"""What comes in: JSON bodies within bounds, parameters and fields that no database chokes on."""

import io
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import IO, Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

BODY_LIMIT = 64 * 1024  # bytes; the largest request of this API needs less than one of them
LARGEST_ID = 2**63 - 1


class ParameterError(ValidationError):
    """As ValidationError, for what stands after the question mark."""


class TooLarge(APIException):
    """The body is larger than any request of this API needs to be."""

    status_code = 413
    default_detail = _("The request is too large.")
    default_code = "too_large"


class SmallJSONParser(JSONParser):
    """JSON of a bounded size. DRF's own parser reads all that is sent, and fails on brackets nested by thousands."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(BODY_LIMIT + 1)
        if len(body) > BODY_LIMIT:
            raise TooLarge
        try:
            parsed = super().parse(io.BytesIO(body), media_type, parser_context)
            # Half a character ("\\ud83d") is JSON, but no text that can be stored, or be sent back in an error.
            json.dumps(parsed, ensure_ascii=False).encode()
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError from error
        return parsed


class IdField(serializers.IntegerField):
    """The id of a row: what no column could hold is refused here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **options)


class MomentField(serializers.DateTimeField):
    """A time with its offset: without one it would mean another moment in another zone."""

    default_error_messages = {"naive": _("The time needs its offset, as in 2026-11-23T10:20:00+08:00.")}

    def to_internal_value(self, value: Any) -> datetime:
        parsed = super().to_internal_value(value)
        if parse_datetime(value) is None or parse_datetime(value).tzinfo is None:  # type: ignore[union-attr]
            self.fail("naive")
        return parsed


def query(request: Request, shape: type[serializers.Serializer]) -> dict[str, Any]:
    """The parameters of a request, checked by `shape`. Raises ParameterError."""
    asked = shape(data=request.query_params)
    if not asked.is_valid():
        raise ParameterError(asked.errors)
    return dict(asked.validated_data)


def body(request: Request, shape: type[serializers.Serializer]) -> dict[str, Any]:
    """The body of a request, checked by `shape`. Raises ValidationError."""
    return dict(_kept(shape).run_validation(request.data))


def shown(thing: Any, shape: type[serializers.Serializer]) -> dict[str, Any]:
    """A thing as `shape` shows it."""
    return dict(_kept(shape).to_representation(thing))


@cache
def _kept(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """One serializer for all requests: to copy or make its fields anew for each takes longer than the rest of it.

    Neither checking nor showing changes it.
    """
    return shape()
