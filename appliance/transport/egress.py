"""Where the appliance may connect to, decided on the address that is really dialed."""

import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from appliance.errors import ConfigurationError
from appliance.transport.errors import EgressRefused

Address = IPv4Address | IPv6Address

SETTING = "egress.allow"

# Metadata services outside the link-local ranges: AWS over IPv6, Alibaba Cloud.
_METADATA_ADDRESSES = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))
_METADATA_NAMES = frozenset({"metadata.google.internal"})
_BROADCAST = IPv4Address("255.255.255.255")
_NAT64 = IPv6Network("64:ff9b::/96")


def literal_address(host: str) -> Address | None:
    """The address `host` spells, also in the old forms `0x7f.1` and `2130706433`; None for a name."""
    bare = host.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare))
    except (OSError, ValueError):
        return None


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4 or NAT64 form, since that is where packets end up."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


class Egress:
    """The policy. With an empty `allow` any destination but the forbidden kinds; otherwise only those listed.

    `allow` holds CIDR blocks or addresses (`10.20.0.0/16`), host names (`erp.plant.local`) and suffixes
    (`*.plant.local`). A name entry admits whatever the name resolves to, except the forbidden kinds:
    unspecified, multicast, broadcast, link-local and cloud metadata addresses, in IPv4, IPv6 and mapped
    forms. Raises ConfigurationError for an entry that is none of these.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        self._suffixes: list[str] = []
        for entry in (item.strip().lower() for item in allow):
            self._add(entry)
        self._limited = bool(allow)

    def _add(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry, strict=False))
            return
        except ValueError:
            pass
        suffix = entry.startswith("*.")
        name = entry[2:] if suffix else entry
        if not name or any(character in name for character in "*/: ") or literal_address(name):
            raise ConfigurationError(
                f"{SETTING}: {entry!r} is no CIDR block, host name or *.suffix. Correct or remove the entry.",
                details={"setting": SETTING, "entry": entry},
            )
        if suffix:
            self._suffixes.append("." + name)
        else:
            self._names.add(name)

    def is_here(self, host: str) -> bool:
        """Whether `host` spells this machine itself. Raises EgressRefused for a spelled address that is forbidden.

        What a name resolves to is judged when it is called.
        """
        literal = literal_address(host)
        if literal is None:
            return _plain(host) == "localhost"
        self.check(host, str(literal))
        return _unwrapped(literal).is_loopback

    def check(self, host: str, address: str) -> None:
        """Raise EgressRefused unless `host`, resolved to `address`, may be connected to."""
        effective = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        kind = _forbidden_kind(effective)
        if kind:
            raise _refused(
                host, address, f"{kind} addresses are never connected to", "Correct the host name."
            )
        if self._limited and not self._lists_name(host) and not self._lists_address(effective):
            raise _not_listed(host, address)

    def check_name(self, host: str) -> None:
        """Raise EgressRefused unless a proxy may be asked for `host`, whose address only the proxy learns."""
        literal = literal_address(host)
        if literal is not None:
            self.check(host, str(literal))
        elif _plain(host) in _METADATA_NAMES:
            raise _refused(
                host, host, "cloud metadata services are never connected to", "Correct the host name."
            )
        elif self._limited and not self._lists_name(host):
            raise _not_listed(host, host)

    def _lists_name(self, host: str) -> bool:
        name = _plain(host)
        return name in self._names or any(name.endswith(suffix) for suffix in self._suffixes)

    def _lists_address(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _forbidden_kind(address: Address) -> str | None:
    if address.is_unspecified or address == _BROADCAST:
        return "unspecified and broadcast"
    if address.is_multicast:
        return "multicast"
    if address.is_link_local or address in _METADATA_ADDRESSES:
        return "link-local and cloud metadata"
    # 0.0.0.0/8 means "this network": the kernel takes some of it for the machine itself.
    if isinstance(address, IPv4Address) and int(address) >> 24 == 0:
        return "unspecified and broadcast"
    return None


def _not_listed(host: str, address: str) -> EgressRefused:
    return _refused(host, address, "it is not in the list of permitted destinations", f"Add it to {SETTING}.")


def _refused(host: str, address: str, why: str, remedy: str) -> EgressRefused:
    shown = host if host == address else f"{host} ({address})"
    return EgressRefused(
        f"Connection to {shown} refused: {why}. {remedy}",
        details={"host": host, "address": address, "setting": SETTING},
    )
