"""The forward proxy of the site, and which destinations go around it."""

import base64
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import unquote, urlsplit

from appliance.errors import ConfigurationError
from appliance.transport.egress import literal_address

SETTING = "proxy_url"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy: `scheme` (http or https) is how the proxy itself is spoken to."""

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """The proxy's URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def headers(self) -> dict[str, str]:
        """`Proxy-Authorization` with Basic, or nothing without a user name."""
        if self.username is None:
            return {}
        pair = f"{self.username}:{self.password or ''}".encode()
        return {"Proxy-Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def parse_proxy(url: str, username: str | None = None, password: str | None = None) -> Proxy:
    """`http://[user:password@]host[:port]` as a Proxy; user and password given apart win.

    Raises ConfigurationError for another scheme or a URL without a host; the message never repeats the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid("its port is not a number from 1 to 65535") from None
    if parts.scheme not in ("http", "https"):
        raise _invalid(f"the scheme must be http or https, not {parts.scheme!r}")
    if not parts.hostname:
        raise _invalid("it names no host")
    given = unquote(parts.username) if parts.username else None
    secret = unquote(parts.password) if parts.password else None
    return Proxy(
        parts.scheme,
        parts.hostname,
        port or (443 if parts.scheme == "https" else 3128),
        username if username is not None else given,
        password if password is not None else secret,
    )


def _invalid(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{SETTING} cannot be used: {why}. Write it as http://proxy.example:3128.",
        details={"setting": SETTING},
    )


class ProxyRules:
    """The proxy for each destination: `proxy` for all, except loopback and what `no_proxy` lists.

    `no_proxy` entries: `*`, a CIDR block or address, a host name (which covers its subdomains too, as does
    `.plant.local` or `*.plant.local`), each with an optional `:port`. A CIDR entry covers destinations
    written as addresses; names are not resolved for it: inside a plant often only the proxy can.
    """

    def __init__(self, proxy: Proxy | None = None, no_proxy: Sequence[str] = ()) -> None:
        self._proxy = proxy
        self._everything = False
        self._networks: list[tuple[IPv4Network | IPv6Network, int | None]] = []
        self._names: list[tuple[str, int | None]] = []
        for entry in (item.strip().lower() for item in no_proxy):
            if entry:
                self._add(entry)

    def _add(self, entry: str) -> None:
        if entry == "*":
            self._everything = True
            return
        name, port = _split_port(entry)
        try:
            self._networks.append((ipaddress.ip_network(name.strip("[]"), strict=False), port))
        except ValueError:
            self._names.append((name.removeprefix("*").removeprefix("."), port))

    def for_target(self, host: str, port: int) -> Proxy | None:
        """The proxy to use for `host:port`, or None to connect directly."""
        if self._proxy is None or self._everything:
            return None
        name = host.lower().rstrip(".")
        address = literal_address(name)
        # The loopback of the proxy is another machine: never what was meant.
        if name == "localhost" or (address is not None and address.is_loopback):
            return None
        if address is not None and any(
            address in network for network, listed in self._networks if listed in (None, port)
        ):
            return None
        if any(
            name == listed or name.endswith("." + listed)
            for listed, listed_port in self._names
            if listed_port in (None, port)
        ):
            return None
        return self._proxy


def _split_port(entry: str) -> tuple[str, int | None]:
    """`host:port` apart; an IPv6 address or block without brackets has no port."""
    head, colon, tail = entry.rpartition(":")
    if colon and tail.isdigit() and (":" not in head or head.endswith("]")):
        return head, int(tail)
    return entry, None
