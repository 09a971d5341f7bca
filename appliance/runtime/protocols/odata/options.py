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
    Raises ConfigurationError naming what is missing and what there is, unless `read.missing` leaves it out.
    """
    checked = _Checked(read.custom, metadata, where, lenient=read.missing == "leave_out")
    if version == 4:
        select = checked.select(kind, read.select)
        expand = [checked.expand(kind, single) for single in checked.there(kind, read.expand)]
    else:
        select = checked.select_along(kind, read.select)
        expand = checked.there(kind, read.expand)
        for path in expand:
            checked.navigate(kind, path)
    pairs = (("$select", ",".join(select)), ("$expand", ",".join(expand)))
    return [(name, value) for name, value in pairs if value]


class _Checked:
    def __init__(
        self, custom: tuple[str, ...], metadata: Metadata, where: str, *, lenient: bool = False
    ) -> None:
        self._custom = custom
        self._metadata = metadata
        self._where = where
        self._lenient = lenient

    def there(self, kind: EntityType, expands: Sequence[str]) -> list[str]:
        """The expands; only those the service has, where missing ones are left out."""
        return [single for single in expands if not self._lenient or self._leads(kind, single)]

    def _leads(self, kind: EntityType, expand: str) -> bool:
        try:
            self.navigate(kind, expand.partition("(")[0])
        except ConfigurationError:
            return False
        return True

    def select(self, kind: EntityType, names: Sequence[str]) -> list[str]:
        if not names or "*" in names:
            return list(names)
        if self._lenient:
            names = [name for name in names if name in kind.properties or name in kind.navigation]
        for name in names:
            self.check(kind, name)
        return list(dict.fromkeys([*names, *self._own(kind)]))

    def select_along(self, kind: EntityType, paths: Sequence[str]) -> list[str]:
        """V2: paths such as `to_Item/Plant` select inside an expanded navigation."""
        inside: dict[str, list[str]] = {}
        for path in paths:
            along, _, name = path.rpartition("/")
            inside.setdefault(along, []).append(name)
        selected: list[str] = []
        for along, names in inside.items():
            if along and not self.there(kind, [along]):
                continue
            target = self._along(kind, along.split("/")) if along else kind
            selected += [f"{along}/{name}" if along else name for name in self.select(target, names)]
        return selected

    def expand(self, kind: EntityType, text: str) -> str:
        """V4: `Name` or `Name($select=A,B;$expand=C;…)`, checked and with nested selects completed."""
        name, bracket, rest = text.strip().partition("(")
        target = self.navigate(kind, name)
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
                value = ",".join(
                    self.expand(target, single) for single in self.there(target, split(value, ","))
                )
                if not value:
                    continue
            nested.append(f"{key}={value}")
        return f"{name}({';'.join(nested)})"

    def check(self, kind: EntityType, path: str) -> None:
        """Check a path to select: it leads along navigations and complex properties to any property."""
        *steps, last = path.split("/")
        kind = self._along(kind, steps)
        known = {**kind.properties, **kind.navigation}
        if last != "*" and last not in known:
            raise ConfigurationError(f"{self._where}: {kind.name} has no {last!r}. There are: {some(known)}.")

    def navigate(self, kind: EntityType, path: str) -> EntityType:
        """The type that a path to expand leads to: its last step is a navigation."""
        # V4 also writes `*` for all, and `/$ref`, `/$count` or a cast behind a navigation.
        *steps, last = [step for step in path.split("/") if not step.startswith("$")] or [path]
        kind = self._along(kind, steps)
        if last == "*":
            return kind
        if "." in last:
            return self._along(kind, [last])
        if last not in kind.navigation:
            raise ConfigurationError(
                f"{self._where}: {kind.name} has no {last!r} to expand. There are: {some(kind.navigation)}."
            )
        return self._metadata.types.get(kind.navigation[last], kind)

    def _along(self, kind: EntityType, steps: Sequence[str]) -> EntityType:
        """The type at the end of navigations, complex properties and casts, whose qualified names hold a dot."""
        types = self._metadata.types
        for step in steps:
            if "." in step:
                kind = types.get(short(step), kind)
                continue
            ways = {n: short(t) for n, t in kind.properties.items() if short(t) in types} | kind.navigation
            if step not in ways:
                raise ConfigurationError(
                    f"{self._where}: {kind.name} has no navigation {step!r}. There are: {some(ways)}."
                )
            kind = types.get(ways[step], kind)
        return kind

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
