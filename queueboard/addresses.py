"""Whose address counts for a limit per address."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings


def written(direct: str, forwarded_for: str) -> str:
    """The address of who connects; behind a trusted proxy the last one that the proxy noted."""
    noted = forwarded_for if settings.TRUST_PROXY else ""
    return noted.split(",")[-1].strip() or direct


def counted(direct: str, forwarded_for: str) -> str:
    """The same; of an IPv6 address only the network, as one household has 2^64 of them."""
    whole = written(direct, forwarded_for)
    try:
        address = ip_address(whole)
    except ValueError:
        return whole
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)
