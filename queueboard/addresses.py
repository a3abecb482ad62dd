"""Whose address counts for a limit per address."""

import re
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings

WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")


def written(direct: str, forwarded_for: str) -> str:
    """The address of who connects; behind a trusted proxy the last one that the proxy noted."""
    noted = forwarded_for if settings.TRUST_PROXY else ""
    last = noted.split(",")[-1].strip()
    with_port = WITH_PORT.fullmatch(last)  # some proxies note it too, and each connection has another
    return (with_port[1] or with_port[2] if with_port else last) or direct


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
