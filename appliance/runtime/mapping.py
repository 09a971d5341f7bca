"""Compiles the `map` of an entity to one Python function from a source row to the unified record.

A mapping expression is a path (`Supplier`, `party.name`, `^.number` for the row around a list item) or a
mapping with one of these operators:

    path: P                     the value at P; with `values: {raw: unified}` an enumeration, with `default`;
                                with `divide: 100` a number in another unit, such as cents, or `divide: P2`, such as
                                a price by the quantity it is for; with `unpadded: true` without leading zeros;
                                with `when: {path: [text, …]}` only where the value at that path is one of these,
                                and with `match: PATTERN` only where the text is of that form
    const: X                    always X
    first: [E, E]               the first that is not null
    join: [E, E], with: " "     texts joined, nulls left out
    parts: [E, E]               the source's key of the referenced entity, for fields of type key; with `whole: true`
                                null as soon as one part is, such as the number of an asset beside its site
    status: SCOPE, path: P      the key of the status with that scope and code; `code: E` where the code is made
    words: [W, W], path: P      the first of these words that stands in a text of words with blanks between
    each: P, map: {…}           list items; for a list of keys `each: P, parts: [E]`; the first list there is, for
                                several paths
    object: {…}                 a sub-object
    rest: [PREFIX, …]           all members of the row whose names begin so, for customFields
    fields: {name: E}, also: E  a free mapping, for fields of type any; with the members of another one

The field's type in the model says how its value is converted; `as: FORMAT` names another time format than the
entity's. The hot loop holds no interpretation: field names are literals of generated code, everything else is
bound by name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from appliance.errors import ConfigurationError
from appliance.model.entity import Entity, Field, Model
from appliance.model.keys import key_of
from appliance.runtime import transforms
from appliance.runtime.narrow import Looks
from appliance.runtime.select import dig, steps

Row = Mapping[str, Any]
Mapped = Callable[[Row], dict[str, Any]]
Status = tuple[str, str]
"""Scope and code."""

LARGEST_UNKNOWN = 200
"""A code that is free text in the source must not become a list without end."""

_OPERATORS = {
    "path",
    "const",
    "first",
    "join",
    "parts",
    "status",
    "words",
    "each",
    "object",
    "rest",
    "fields",
}
_ALLOWED_BESIDE = {
    "path": {"values", "default", "as", "divide", "when", "unpadded", "match"},
    "first": {"values", "default", "as", "divide"},
    "join": {"with"},
    "status": {"path", "code"},
    "parts": {"whole"},
    "words": {"path"},
    "fields": {"also"},
    "each": {"map", "parts", "key", "whole"},
}
_SHAPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("path", "status", "match"), (str, "a text")),
    **dict.fromkeys(("first", "join", "parts", "rest", "key", "words"), (list, "a list")),
    **dict.fromkeys(("object", "fields", "map", "values", "when"), (dict, "a mapping")),
}


class MappingCompiler:
    """Compiles mapping expressions of one connector for one connection.

    `part` is the connection's six hexadecimal digits in keys; `times` the default time format, `zone` the IANA
    zone of times without one. With `false_is_null` false means nothing, except in fields of type boolean.
    `statuses` are scope to code to name of those that the connector knows.
    """

    def __init__(
        self,
        model: Model,
        part: str,
        *,
        times: str,
        zone: str | None,
        where: str,
        false_is_null: bool = False,
        statuses: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._model = model
        self._part = part
        self._times = times
        self._zone = zone
        self._where = where
        self._convert = transforms.without_false if false_is_null else transforms.anything
        self._false_is_null = false_is_null
        self._bound: dict[str, Any] = {
            "text": self._convert(transforms.text),
            "integer": self._convert(transforms.integer),
            "number": self._convert(transforms.number),
            "decimal": self._convert(transforms.decimal),
            "boolean": transforms.boolean,
            "divided": transforms.divided,
            "dig": dig,
            "items": items,
            "members": members_of,
            "unpadded": transforms.unpadded,
        }
        self._statuses = statuses or {}
        self.unknown_statuses: dict[Status, None] = {}
        """Statuses of the rows so far that the connector does not know, in order, at most LARGEST_UNKNOWN."""
        self._functions: list[str] = []
        self.looks = Looks()
        """Where the compiled mapping looks in a row."""
        self._scopes = [self.looks]

    def entity(self, entity: Entity, key: Iterable[str], mapping: Mapping[str, Any]) -> Mapped:
        """The function of a row; `key` are the paths of the row's own key.

        Raises ConfigurationError naming the field for anything it cannot compile.
        """
        name = self._record_function(entity, mapping, self._where, list(key))
        source = "\n".join(self._functions)
        code = compile(source, f"<mapping {self._where}>", "exec")
        exec(code, self._bound)  # noqa: S102 - generated from checked parts only, see the module docstring
        function = self._bound[name]
        return lambda row: function(row, None)

    def moment(self, expression: Any) -> Callable[[Row], int | None]:
        """A function of a row that gives milliseconds since 1970, for the time of the last change."""
        body = self._value(
            expression, None, f"{self._where}.modified", wrap=self._time_name(expression, "ms")
        )
        code = compile(f"def moment(row, up=None):\n    return {body}", f"<mapping {self._where}>", "exec")
        exec(code, self._bound)  # noqa: S102 - as above
        return self._bound["moment"]  # type: ignore[no-any-return]

    def _record_function(
        self, entity: Entity, mapping: Mapping[str, Any], where: str, key: list[Any] | None = None
    ) -> str:
        unknown = sorted(set(mapping) - set(entity.fields))
        if unknown:
            raise ConfigurationError(
                f"{where}: {entity.name} has no field {unknown[0]!r}. Fields: {', '.join(entity.fields)}."
            )
        members = []
        for name, field in entity.fields.items():
            if name == "key" and key:
                members.append(f"'key': {self._key_of(entity, key, where, own=True)}")
            elif name in mapping:
                members.append(f"{name!r}: {self._field(field, mapping[name], f'{where}.{name}')}")
            else:
                members.append(f"{name!r}: None")
        return self._function("{" + ",\n        ".join(members) + "}")

    def _function(self, body: str) -> str:
        name = f"f{len(self._functions)}"
        self._functions.append(f"def {name}(row, up):\n    return {body}\n")
        return name

    def _bind(self, value: Any) -> str:
        name = f"v{len(self._bound)}"
        self._bound[name] = value
        return name

    def _field(self, field: Field, expression: Any, where: str) -> str:
        operator = _operator(expression, where)
        match field.type:
            case "key":
                return self._key(field, expression, operator, where)
            case "keys":
                return self._keys(field, expression, operator, where)
            case "object":
                if operator != "object":
                    raise ConfigurationError(f"{where}: an object is mapped with `object: {{field: …}}`.")
                inner = self._record_function(
                    self._model.entities[str(field.of)], expression["object"], where
                )
                return f"{inner}(row, up)"
            case "list":
                if operator != "each" or "map" not in expression:
                    raise ConfigurationError(
                        f"{where}: a list is mapped with `each: path, map: {{field: …}}`."
                    )
                with self._items(expression["each"], where) as listed:
                    inner = self._record_function(
                        self._model.entities[str(field.of)], expression["map"], where, expression.get("key")
                    )
                return f"[{inner}(item, row) for item in items({listed})]"
            case "any":
                return self._any(expression, operator, where)
            case "datetime" | "date":
                return self._value(expression, operator, where, wrap=self._time_name(expression, field.type))
            case "string" if operator is None:
                # Most fields are texts that need nothing done; the call is spared for them.
                found = self._path(expression, where)
                return f"(v if type(v := {found}) is str and v and not v.isspace() else text(v))"
            case _:
                return self._value(expression, operator, where, wrap=_CONVERT[field.type])

    def _key(self, field: Field, expression: Any, operator: str | None, where: str) -> str:
        if operator == "status":
            if ("path" in expression) == ("code" in expression):
                raise ConfigurationError(
                    f"{where}: `status` needs the `path` of the code, or a `code` that is made."
                )
            make = self._bind(_remembered(self._status_key(expression["status"])))
            made = expression.get("code", expression.get("path"))
            code = self._value(made, None, where, wrap="text")
            # Without a code there is no status; the scope alone would make a key that leads nowhere.
            return f"(None if (v := {code}) is None else {make}({expression['status']!r}, v))"
        parts = expression["parts"] if operator == "parts" else [expression]
        return self._key_of(self._target(field, where), parts, where, whole=_is_whole(expression))

    def _status_key(self, scope: str) -> Callable[[Sequence[object]], str | None]:
        make = key_of(str(self._model.entities["Status"].prefix), self._part)
        known = self._statuses.get(scope)
        if known is None:
            return make

        # Called for the first row with a code and hardly again, so that looking costs the other rows nothing.
        def noting(parts: Sequence[object]) -> str | None:
            code = str(parts[1])
            if code not in known and len(self.unknown_statuses) < LARGEST_UNKNOWN:
                self.unknown_statuses[scope, code] = None
            return make(parts)

        return noting

    def _target(self, field: Field, where: str) -> Entity:
        if field.to is None:
            raise ConfigurationError(f"{where}: the model does not say which entity these keys are of.")
        return self._model.entities[field.to]

    def _key_of(
        self, target: Entity, parts: Iterable[Any], where: str, *, own: bool = False, whole: bool = False
    ) -> str:
        """Source text of a key; `own` for that of the record itself, which hardly comes twice.

        `whole` keys lack no part: a reference by company and number is none without the number.
        """
        if target.prefix is None:
            raise ConfigurationError(f"{where}: {target.name} has no keys.")
        make = key_of(target.prefix, self._part)
        values = [self._value(part, _operator(part, where), where, wrap="text") for part in parts]
        if own:
            return f"{self._bind(make)}(({', '.join(values)},))"
        if whole:
            remembered = _remembered(lambda parts: None if None in parts else make(parts))
            return f"{self._bind(remembered)}({', '.join(values)})"
        return f"{self._bind(_remembered(make))}({', '.join(values)})"

    def _keys(self, field: Field, expression: Any, operator: str | None, where: str) -> str:
        if operator == "each":
            target = self._target(field, where)
            if "parts" not in expression:
                listed = self._path(expression["each"], where)
                one = f"{self._bind(_remembered(key_of(str(target.prefix), self._part)))}(text(item))"
            else:
                with self._items(expression["each"], where) as listed:
                    made = self._key_of(target, expression["parts"], where, whole=_is_whole(expression))
                    one = f"{self._function(made)}(item, row)"
            return f"[key for item in items({listed}) if (key := {one}) is not None]"
        single = self._key(field, expression, operator, where)
        return f"[key for key in ({single},) if key is not None]"

    def _any(self, expression: Any, operator: str | None, where: str) -> str:
        if operator == "rest":
            prefixes = self._bind(tuple(expression["rest"]))
            self._scopes[-1].everywhere = True
            return "{name: value for name, value in row.items() if name.startswith(" + prefixes + ")}"
        if operator == "fields":
            members = [
                f"{name!r}: {self._value(inner, _operator(inner, where), f'{where}.{name}', wrap='')}"
                for name, inner in expression["fields"].items()
            ]
            if "also" in expression:
                also = expression["also"]
                members.insert(0, f"**members({self._any(also, _operator(also, where), where)})")
            return "{" + ", ".join(members) + "}"
        if operator == "each":
            if "map" not in expression:
                return f"items({self._path(expression['each'], where)})"
            with self._items(expression["each"], where) as listed:
                members = [
                    f"{name!r}: {self._value(inner, _operator(inner, where), f'{where}.{name}', wrap='')}"
                    for name, inner in expression["map"].items()
                ]
                inner = self._function("{" + ", ".join(members) + "}")
            return f"[{inner}(item, row) for item in items({listed})]"
        return self._value(expression, operator, where, wrap="")

    def _value(self, expression: Any, operator: str | None, where: str, *, wrap: str) -> str:
        """Source text of a scalar; `wrap` is the bound name of the conversion, empty for none."""
        operator = operator or _operator(expression, where)
        if operator is None:
            return f"{wrap}({self._path(expression, where)})" if wrap else self._path(expression, where)
        match operator:
            case "const":
                return self._bind(self._fixed(expression["const"], wrap, where))
            case "path":
                value = self._path(expression["path"], where)
                for path, wanted in expression.get("when", {}).items():
                    value = self._only(value, path, wanted, where)
                if expression.get("unpadded") is True:
                    value = f"unpadded({value})"
                if "match" in expression:
                    fits = self._bind(_pattern(expression["match"], where))
                    value = f"(lambda v: v if v is not None and {fits}(v) else None)(text({value}))"
            case "first":
                values = [self._value(e, _operator(e, where), where, wrap="") for e in expression["first"]]
                given = "v is not None and v != ''" + (" and v is not False" if self._false_is_null else "")
                value = f"next((v for v in ({', '.join(values)},) if {given}), None)"
            case "join":
                values = [self._value(e, _operator(e, where), where, wrap="text") for e in expression["join"]]
                joint = self._bind(str(expression.get("with", " ")))
                value = f"{joint}.join(v for v in ({', '.join(values)},) if v is not None)"
            case "words" if "path" in expression:
                among = self._bind(transforms.word_of(expression["words"]))
                value = f"{among}({self._path(expression['path'], where)})"
            case _:
                raise ConfigurationError(f"{where}: `{operator}` does not fit a field of this type.")
        if isinstance(expression, dict) and "values" in expression:
            # As text, so that YAML's true, 1 and blank mean what the source sends.
            known = {
                self._fixed(raw, "text", where): unified for raw, unified in expression["values"].items()
            }
            table = self._bind(known)
            value = f"(lambda v: {table}.get(v, v))(text({value}))"
        if isinstance(expression, dict) and "divide" in expression:
            value = self._divided(value, expression["divide"], where)
        converted = f"{wrap}({value})" if wrap else value
        if isinstance(expression, dict) and "default" in expression:
            default = self._bind(self._fixed(expression["default"], wrap, where))
            return f"(lambda v: {default} if v is None else v)({converted})"
        return converted

    def _divided(self, value: str, by: Any, where: str) -> str:
        """Source text of a number divided by a whole number of the definition, or by one at a path of the row."""
        if isinstance(by, str):
            return f"divided({value}, {self._path(by, where)})"
        if type(by) is not int or by < 1:
            raise ConfigurationError(f"{where}: {by!s:.40} is not a whole number to divide by.")
        return f"divided({value}, {by})"

    def _only(self, value: str, path: str, wanted: Any, where: str) -> str:
        """Source text of a value that counts only where the text at `path` is one of `wanted`."""
        if not isinstance(wanted, list):
            raise ConfigurationError(f"{where}: `when` lists the texts that count at {path}.")
        counted = self._bind(frozenset(self._fixed(text, "text", where) for text in wanted))
        return f"({value} if text({self._path(path, where)}) in {counted} else None)"

    def _fixed(self, value: Any, wrap: str, where: str) -> Any:
        """A value of the mapping itself, as its field wants it. Times are written as they go out."""
        if wrap not in _CONVERT.values():
            return value
        try:
            return self._bound[wrap](value)
        except ValueError as failure:
            raise ConfigurationError(f"{where}: {failure}.") from None

    @contextmanager
    def _items(self, path: Any, where: str) -> Iterator[str]:
        """Source text of the list at a path, or the first there is of several. Inside, its items are meant."""
        paths = path if isinstance(path, list) and path else [path]
        row, scope, along = self._resolve(paths[0], where)
        inside = scope.items(along)
        listed = _lookup(row, along)
        for other in paths[1:]:
            row, scope, along = self._resolve(other, where)
            scope.same_items(along, inside)
            listed = f"({listed} or {_lookup(row, along)})"
        self._scopes.append(inside)
        try:
            yield listed
        finally:
            self._scopes.pop()

    def _path(self, path: Any, where: str) -> str:
        """Source text of the value at a path."""
        row, scope, along = self._resolve(path, where)
        scope.at(along)
        return _lookup(row, along)

    def _resolve(self, path: Any, where: str) -> tuple[str, Looks, tuple[str, ...]]:
        """The variable a path starts from, where looks into it are noted, and the steps from there."""
        if not isinstance(path, str) or not path:
            raise ConfigurationError(f"{where}: a path is a text such as `party.name`.")
        if not path.startswith("^."):
            return "row", self._scopes[-1], tuple(steps(path))
        if path.startswith("^.^.") or len(self._scopes) == 1:
            raise ConfigurationError(f"{where}: ^. reaches the row around a list item, one level up.")
        return "up", self._scopes[-2], tuple(steps(path[2:]))

    def _time_name(self, expression: Any, kind: str) -> str:
        name = expression.get("as", self._times) if isinstance(expression, dict) else self._times
        try:
            parse = self._convert(transforms.time_parser(name, self._zone))
        except KeyError:
            known = ", ".join(sorted(transforms.FORMATS))
            raise ConfigurationError(
                f"{self._where}: there is no time format {name!r}. Formats: {known}."
            ) from None
        except ValueError as failure:
            raise ConfigurationError(f"{self._where}: {failure}.") from None
        if kind == "ms":
            return self._bind(parse)
        return self._bind(transforms.date_of(parse) if kind == "date" else transforms.datetime_of(parse))


_CONVERT = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "decimal": "decimal",
    "boolean": "boolean",
}


def _is_whole(expression: Any) -> bool:
    return isinstance(expression, dict) and expression.get("whole") is True


def _pattern(pattern: str, where: str) -> Callable[[str], object]:
    """What tells whether a text is of a form. Raises ConfigurationError for a wrong pattern."""
    try:
        return re.compile(pattern).fullmatch
    except re.error as failure:
        raise ConfigurationError(f"{where}: `match` is no pattern: {failure}.") from None


def _lookup(row: str, along: tuple[str, ...]) -> str:
    return f"{row}.get({along[0]!r})" if len(along) == 1 else f"dig({row}, {along!r})"


def _remembered(make: Callable[[Sequence[object]], str | None]) -> Callable[..., str | None]:
    """Keys by their values. The same vendors, units and products come again and again."""
    return lru_cache(16384)(lambda *values: make(values))


def items(value: Any) -> list[Any]:
    """A list as it is, nothing as the empty list, a single value as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None or value is False or value == "" else [value]


def members_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _operator(expression: Any, where: str) -> str | None:
    if not isinstance(expression, dict):
        return None
    found = [name for name in expression if name in _OPERATORS]
    # `status` and `each` bring a path or a parts list of their own.
    leading = next((name for name in ("status", "each", "first", "join", "words") if name in found), None)
    operator = leading or (found[0] if len(found) == 1 else None)
    if operator is None:
        raise ConfigurationError(f"{where}: use exactly one of {', '.join(sorted(_OPERATORS))}.")
    unknown = set(expression) - {operator} - _ALLOWED_BESIDE.get(operator, set())
    if unknown:
        raise ConfigurationError(
            f"{where}: `{operator}` does not go with {', '.join(sorted(map(str, unknown)))}."
        )
    for name, value in expression.items():
        shape, wanted = _SHAPES.get(name, (object, ""))
        if not isinstance(value, shape):
            raise ConfigurationError(f"{where}: `{name}` is {wanted}.")
        if name in ("object", "fields", "map") and not all(
            isinstance(member, str) for member in expression[name]
        ):
            raise ConfigurationError(f"{where}: `{name}` names its fields with texts.")
    return operator
