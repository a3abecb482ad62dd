"""Where a request comes from, for limits per address."""

from django.http import HttpRequest

from queueboard import addresses


def address_of(request: HttpRequest) -> str:
    """The client's address, as far as it counts."""
    return addresses.counted(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))
