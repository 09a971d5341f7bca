"""Where a request comes from, also behind a proxy that ends TLS."""

import ipaddress
from collections.abc import Sequence

from flask import Request


def address_of(request: Request, trusted: Sequence[str]) -> str | None:
    """The caller's address: that of the connection, or behind trusted proxies the last one they do not vouch for.

    `trusted` are networks. X-Forwarded-For is read from its end, where the nearest proxy wrote; what a caller put
    into it himself stands before that and is not believed.
    """
    address = request.remote_addr
    if not trusted:
        return address
    networks = [ipaddress.ip_network(network) for network in trusted if _is_network(network)]
    behind = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    while behind and _is_in(address, networks):
        address = behind.pop()
    return address


def _is_in(address: str | None, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(found in network for network in networks)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
