"""Codes that an expert cannot have: another page stands where their days would be booked (/book/<code>/), or none."""

from django.core.exceptions import ValidationError
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _


def check(code: str) -> None:
    """Raises ValidationError."""
    try:
        page = resolve(f"/book/{code}/").url_name
    except Resolver404:
        page = None
    if page != "book_expert":
        words = _("/book/%(code)s/ cannot be the page of an expert: please choose another code.")
        raise ValidationError(words % {"code": code})
