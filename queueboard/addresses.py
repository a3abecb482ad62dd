"""Whose address counts for a limit per address."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings


def counted(direct: str, forwarded_for: str) -> str:
    """The address of who connects; behind a trusted proxy the last one that the proxy noted.

    Of an IPv6 address only the network counts, as one household has 2^64 of them.
    """
    noted = forwarded_for if settings.TRUST_PROXY else ""
    written = noted.split(",")[-1].strip() or direct
    try:
        address = ip_address(written)
    except ValueError:
        return written
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)
