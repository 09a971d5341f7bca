"""What a key, an application or a token may be used for: which entities, verbs, connections, from where.

A part that is not limited allows everything. What does not concern one entity (synchronizing, managing connections,
raw tables, pass-through) is closed to whoever is limited to entities, unless its verb is named as well.
"""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from appliance.errors import InvalidInput
from appliance.users.errors import ScopeExceeded

VERBS = ("read", "create", "update", "delete", "sync", "manage", "raw", "passthrough")
"""`manage` is all of `/api/system`: connecting, disconnecting, issuing tokens."""

_OF_ENTITIES = frozenset(("read", "create", "update", "delete"))

PARTS = ("entities", "verbs", "connections", "networks")
LONGEST_LIST = 200

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request is about. `entity` and `connection_id` are None where it is not about one."""

    verb: str
    entity: str | None = None
    connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """None means not limited; an empty set allows nothing."""

    entities: frozenset[str] | None = None
    verbs: frozenset[str] | None = None
    connections: frozenset[str] | None = None
    networks: tuple[Network, ...] | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], known_entities: Collection[str]) -> Self:
        """A scope as it is asked for: each part a list of texts, or left out.

        Raises InvalidInput that names the part and what it may hold.
        """
        parts = {name: _texts(given.get(name), name) for name in PARTS}
        _check("verbs", parts["verbs"], VERBS)
        _check("entities", parts["entities"], known_entities)
        networks = parts["networks"]
        return cls(
            entities=_set(parts["entities"]),
            verbs=_set(parts["verbs"]),
            connections=_set(parts["connections"]),
            networks=None if networks is None else tuple(_network(text) for text in networks),
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """A scope as it is stored."""
        parts = msgspec.json.decode(text)
        networks = parts.get("networks")
        return cls(
            entities=_set(parts.get("entities")),
            verbs=_set(parts.get("verbs")),
            connections=_set(parts.get("connections")),
            networks=None if networks is None else tuple(ipaddress.ip_network(one) for one in networks),
        )

    def write(self) -> str:
        return msgspec.json.encode(self.as_dict()).decode()

    def as_dict(self) -> dict[str, list[str]]:
        """The limited parts, each a sorted list; nothing for a scope that allows everything."""
        parts = {
            "entities": self.entities,
            "verbs": self.verbs,
            "connections": self.connections,
            "networks": None if self.networks is None else [str(one) for one in self.networks],
        }
        return {name: sorted(part) for name, part in parts.items() if part is not None}

    def check_address(self, address: str | None) -> None:
        """Raises ScopeExceeded for a caller from elsewhere, also for one whose address is not known."""
        if self.networks is None:
            return
        try:
            found = ipaddress.ip_address(address or "")
        except ValueError:
            found = None
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        if found is None or not any(found in network for network in self.networks):
            raise ScopeExceeded(
                "This key or token may not be used from your address. An administrator sets the address ranges.",
                details={"address": address},
            )

    def check(self, wanted: Wanted) -> None:
        """Raises ScopeExceeded, naming what is allowed."""
        if self.verbs is not None and wanted.verb not in self.verbs:
            raise _exceeded(f"may not {wanted.verb}", "verbs", self.verbs)
        if self.entities is not None:
            if wanted.entity is None:
                if self.verbs is None or wanted.verb in _OF_ENTITIES:
                    raise _exceeded(
                        "is limited to entities, which this is not about", "entities", self.entities
                    )
            elif wanted.entity not in self.entities:
                raise _exceeded(f"is not for {wanted.entity}", "entities", self.entities)
        self.check_connection(wanted.connection_id)

    def check_connection(self, connection_id: str | None) -> None:
        """Raises ScopeExceeded for a connection that is left out; None is about none."""
        if (
            self.connections is not None
            and connection_id is not None
            and connection_id not in self.connections
        ):
            raise _exceeded("is not for this connection", "connections", self.connections)

    def sees(self, connection_id: str) -> bool:
        return self.connections is None or connection_id in self.connections

    def within(self, outer: "Scope") -> bool:
        """Whether this one allows nothing that `outer` does not."""
        sets = (
            (self.entities, outer.entities),
            (self.verbs, outer.verbs),
            (self.connections, outer.connections),
        )
        # Naming such a verb opens what a limit to entities alone keeps closed.
        opened = (
            outer.entities is not None
            and outer.verbs is None
            and self.verbs is not None
            and not self.verbs <= _OF_ENTITIES
        )
        return not opened and all(
            wide is None or (narrow is not None and narrow <= wide) for narrow, wide in sets
        )


def _exceeded(what: str, part: str, allowed: Collection[str]) -> ScopeExceeded:
    return ScopeExceeded(f"This key or token {what}.", details={"part": part, "allowed": sorted(allowed)})


def _texts(value: Any, name: str) -> list[str] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or not 1 <= len(value) <= LONGEST_LIST
        or not all(isinstance(one, str) and one for one in value)
    ):
        raise _refused(name, f"a list of 1 to {LONGEST_LIST} texts, or left out")
    return list(value)


def _check(name: str, given: list[str] | None, known: Collection[str]) -> None:
    unknown = [one for one in given or () if one not in known]
    if unknown:
        raise _refused(name, f"some of {', '.join(known)}; {unknown[0][:60]!r} is none of them")


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise _refused(
            "networks", f"addresses or ranges such as 10.20.0.0/16, which {text[:60]!r} is not"
        ) from None


def _refused(name: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{name} is {rule}.", details={"fields": {name: rule}})


def _set(values: Collection[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
