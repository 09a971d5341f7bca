"""`$select` and `$expand` checked against $metadata, with the customer's own properties added."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from appliance.errors import ConfigurationError
from appliance.runtime.definition import ODataRead
from appliance.runtime.protocols.odata.edmx import EntityType, Metadata, short


def select_and_expand(
    read: ODataRead, version: int, kind: EntityType, metadata: Metadata, *, where: str
) -> list[tuple[str, str]]:
    """The two options as query parameters; those that would be empty are left out.

    Where a select is given, properties whose names begin as `read.custom` says are added to it.
    Raises ConfigurationError naming what is missing and what there is.
    """
    checked = _Checked(read.custom, metadata, where)
    if version == 4:
        select = checked.select(kind, read.select)
        expand = [checked.expand(kind, single) for single in read.expand]
    else:
        select = checked.select_along(kind, read.select)
        expand = list(read.expand)
        for path in expand:
            checked.follow(kind, path)
    pairs = (("$select", ",".join(select)), ("$expand", ",".join(expand)))
    return [(name, value) for name, value in pairs if value]


class _Checked:
    def __init__(self, custom: tuple[str, ...], metadata: Metadata, where: str) -> None:
        self._custom = custom
        self._metadata = metadata
        self._where = where

    def select(self, kind: EntityType, names: Sequence[str]) -> list[str]:
        if not names or "*" in names:
            return list(names)
        for name in names:
            self.follow(kind, name)
        return list(dict.fromkeys([*names, *self._own(kind)]))

    def select_along(self, kind: EntityType, paths: Sequence[str]) -> list[str]:
        """V2: paths such as `to_Item/Plant` select inside an expanded navigation."""
        inside: dict[str, list[str]] = {}
        for path in paths:
            along, _, name = path.rpartition("/")
            inside.setdefault(along, []).append(name)
        selected: list[str] = []
        for along, names in inside.items():
            target = self.follow(kind, along) if along else kind
            selected += [f"{along}/{name}" if along else name for name in self.select(target, names)]
        return selected

    def expand(self, kind: EntityType, text: str) -> str:
        """V4: `Name` or `Name($select=A,B;$expand=C;…)`, checked and with nested selects completed."""
        name, bracket, rest = text.strip().partition("(")
        target = self.follow(kind, name.partition("/")[0])
        if not bracket:
            return name
        if not rest.endswith(")"):
            raise ConfigurationError(f"{self._where}: the expand {text!r} lacks its closing bracket.")
        nested = []
        for option in split(rest[:-1], ";"):
            key, _, value = option.strip().partition("=")
            if key == "$select":
                value = ",".join(self.select(target, [n.strip() for n in value.split(",")]))
            elif key == "$expand":
                value = ",".join(self.expand(target, single) for single in split(value, ","))
            nested.append(f"{key}={value}")
        return f"{name}({';'.join(nested)})"

    def follow(self, kind: EntityType, path: str) -> EntityType:
        """The type that a path leads to; a last step to a simple property stays at the type that holds it."""
        for step in path.split("/"):
            if step == "*":
                continue
            kind = self._step(kind, step)
        return kind

    def _step(self, kind: EntityType, step: str) -> EntityType:
        types = self._metadata.types
        if step in kind.navigation:
            return types.get(kind.navigation[step], kind)
        if step in kind.properties:
            return types.get(short(kind.properties[step]), kind)
        raise ConfigurationError(
            f"{self._where}: {kind.name} has no {step!r}. "
            f"There are: {some({**kind.properties, **kind.navigation})}."
        )

    def _own(self, kind: EntityType) -> list[str]:
        return [name for name in kind.properties if self._custom and name.startswith(self._custom)]


def split(text: str, separator: str) -> list[str]:
    """Split outside of brackets and quoted texts."""
    parts, depth, quoted, begin = [], 0, False, 0
    for position, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == separator and not quoted and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return [*parts, text[begin:]]


def some(names: Mapping[str, Any] | Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:40]) + (" …" if len(listed) > 40 else "")
