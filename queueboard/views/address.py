"""Where a request comes from, for limits per address, and where it went to."""

from django.conf import settings
from django.http import HttpRequest

from queueboard import addresses


def written_address(request: HttpRequest) -> str:
    """The client's address; behind a trusted proxy the last one that the proxy noted."""
    return addresses.written(*_told(request))


def address_of(request: HttpRequest) -> str:
    """The client's address, as far as it counts."""
    return addresses.counted(*_told(request))


def site_of(request: HttpRequest) -> str:
    """Where this site is reached from outside: https://queue.hospital.example."""
    return settings.SITE_URL or f"{request.scheme}://{request.get_host()}"


def _told(request: HttpRequest) -> tuple[str, str]:
    return request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
