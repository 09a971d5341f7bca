"""Compiles the `map` of an entity to one Python function from a source row to the unified record.

What an expression may be stands in `expression.py`, the pieces of code that are made of it in `code_text.py`. The hot
loop holds no interpretation: field names are literals of generated code, everything else is bound by name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from appliance.errors import ConfigurationError
from appliance.model.entity import Entity, Field, Model
from appliance.model.keys import key_of
from appliance.runtime.mapping import code_text, transforms
from appliance.runtime.mapping.expression import is_whole, operator_of
from appliance.runtime.mapping.narrow import Looks
from appliance.runtime.select import dig, steps

Row = Mapping[str, Any]
Mapped = Callable[[Row], dict[str, Any]]
Status = tuple[str, str]
"""Scope and code."""

LARGEST_UNKNOWN = 200
"""A code that is free text in the source must not become a list without end."""


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
            "single": single,
            "unpadded": transforms.unpadded,
        }
        self._statuses = statuses or {}
        self.unknown_statuses: dict[Status, None] = {}
        """Statuses of the rows so far that the connector does not know, in order, at most LARGEST_UNKNOWN."""
        self._functions: list[str] = []
        self._remembering: dict[str, str] = {}
        """Bound name of a conversion of times to that of the one which remembers texts."""
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
        return self._bound[name]  # type: ignore[no-any-return]

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
        self._functions.append(f"def {name}(row, up=None):\n    return {body}\n")
        return name

    def _bind(self, value: Any) -> str:
        name = f"v{len(self._bound)}"
        self._bound[name] = value
        return name

    def _field(self, field: Field, expression: Any, where: str) -> str:
        operator = operator_of(expression, where)
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
            case _:
                return self._value(expression, operator, where, wrap=_CONVERT[field.type])

    def _key(self, field: Field, expression: Any, operator: str | None, where: str) -> str:
        if operator == "status":
            if ("path" in expression) == ("code" in expression):
                raise ConfigurationError(
                    f"{where}: `status` needs the `path` of the code, or a `code` that is made."
                )
            make = self._bind(self._status_key(expression["status"]))
            made = expression.get("code", expression.get("path"))
            code = self._value(made, None, where, wrap="text")
            # Without a code there is no status; the scope alone would make a key that leads nowhere.
            return f"(None if (v := {code}) is None else {make}(v))"
        parts = expression["parts"] if operator == "parts" else [expression]
        return self._key_of(self._target(field, where), parts, where, whole=is_whole(expression))

    def _status_key(self, scope: str) -> Callable[[str], str | None]:
        make = key_of(str(self._model.entities["Status"].prefix), self._part)
        known = self._statuses.get(scope)
        if known is None:
            return lru_cache(16384)(lambda code: make((scope, code)))

        # Called for the first row with a code and hardly again, so that looking costs the other rows nothing.
        def noting(code: str) -> str | None:
            if code not in known and len(self.unknown_statuses) < LARGEST_UNKNOWN:
                self.unknown_statuses[scope, code] = None
            return make((scope, code))

        return lru_cache(16384)(noting)

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
        wrap = "text" if whole else "key part"
        values = [self._value(part, operator_of(part, where), where, wrap=wrap) for part in parts]
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
                    made = self._key_of(target, expression["parts"], where, whole=is_whole(expression))
                    one = f"{self._function(made)}(item, row)"
            return f"[key for item in items({listed}) if (key := {one}) is not None]"
        single = self._key(field, expression, operator, where)
        return f"single({single})"

    def _any(self, expression: Any, operator: str | None, where: str) -> str:
        if operator == "rest":
            prefixes = self._bind(tuple(expression["rest"]))
            self._scopes[-1].beginning(expression["rest"])
            return "{name: value for name, value in row.items() if name.startswith(" + prefixes + ")}"
        if operator == "fields":
            members = [
                f"{name!r}: {self._value(inner, operator_of(inner, where), f'{where}.{name}', wrap='')}"
                for name, inner in expression["fields"].items()
            ]
            if "also" in expression:
                also = expression["also"]
                members.insert(0, f"**members({self._any(also, operator_of(also, where), where)})")
            return "{" + ", ".join(members) + "}"
        if operator == "each":
            if "map" not in expression:
                return f"items({self._path(expression['each'], where)})"
            with self._items(expression["each"], where) as listed:
                members = [
                    f"{name!r}: {self._value(inner, operator_of(inner, where), f'{where}.{name}', wrap='')}"
                    for name, inner in expression["map"].items()
                ]
                inner = self._function("{" + ", ".join(members) + "}")
            return f"[{inner}(item, row) for item in items({listed})]"
        return self._value(expression, operator, where, wrap="")

    def _value(self, expression: Any, operator: str | None, where: str, *, wrap: str) -> str:
        """Source text of a scalar; `wrap` is the bound name of the conversion, empty for none."""
        operator = operator or operator_of(expression, where)
        if operator is None:
            return self._converted(self._path(expression, where), wrap)
        match operator:
            case "const":
                kind = "text" if wrap == "key part" else wrap
                return self._bind(self._fixed(expression["const"], kind, where))
            case "path":
                value = self._path(expression["path"], where)
                for path, wanted in expression.get("when", {}).items():
                    value = self._only(value, path, wanted, where)
                if expression.get("unpadded") is True:
                    value = f"unpadded({value})"
                if "match" in expression:
                    fits = self._bind(_pattern(expression["match"], where))
                    value = f"(v if (v := {code_text.as_text(value)}) is not None and {fits}(v) else None)"
            case "first":
                values = [self._value(e, operator_of(e, where), where, wrap="") for e in expression["first"]]
                value = code_text.first_of(values, "v != ''" + (" and v is not False" * self._false_is_null))
            case "join":
                values = [
                    self._value(e, operator_of(e, where), where, wrap="text") for e in expression["join"]
                ]
                joint = self._bind(str(expression.get("with", " ")))
                value = f"{joint}.join(filter(None, ({', '.join(values)},)))"
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
            value = code_text.known_or_same(self._bind(known), code_text.as_text(value))
        if isinstance(expression, dict) and "divide" in expression:
            value = self._divided(value, expression["divide"], where)
        converted = self._converted(value, wrap)
        if isinstance(expression, dict) and "default" in expression:
            default = self._bind(self._fixed(expression["default"], wrap, where))
            return code_text.or_default(converted, default)
        return converted

    def _converted(self, value: str, wrap: str) -> str:
        match wrap:
            case "":
                return value
            case "text":
                return code_text.as_text(value)
            case "key part":
                return code_text.as_key_part(value)
            case _ if wrap in self._remembering:
                return code_text.as_time(value, self._remembering[wrap], wrap)
            case _:
                return f"{wrap}({value})"

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
        listed = code_text.dug(row, along)
        for other in paths[1:]:
            row, scope, along = self._resolve(other, where)
            scope.same_items(along, inside)
            listed = f"({listed} or {code_text.dug(row, along)})"
        self._scopes.append(inside)
        try:
            yield listed
        finally:
            self._scopes.pop()

    def _path(self, path: Any, where: str) -> str:
        """Source text of the value at a path."""
        row, scope, along = self._resolve(path, where)
        scope.at(along)
        return code_text.looked_up(row, along)

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
        if kind == "date":
            convert = transforms.date_of(parse)
        else:
            convert = transforms.datetime_of(parse, from_iso=name.startswith("iso"))
        bound = self._bind(convert)
        self._remembering[bound] = self._bind(lru_cache(8192)(convert))
        return bound


_CONVERT = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "decimal": "decimal",
    "boolean": "boolean",
}


def _pattern(pattern: str, where: str) -> Callable[[str], object]:
    """What tells whether a text is of a form. Raises ConfigurationError for a wrong pattern."""
    try:
        return re.compile(pattern).fullmatch
    except re.error as failure:
        raise ConfigurationError(f"{where}: `match` is no pattern: {failure}.") from None


def _remembered(make: Callable[[Sequence[object]], str | None]) -> Callable[..., str | None]:
    """Keys by their values. The same vendors, units and products come again and again."""
    return lru_cache(16384)(lambda *values: make(values))


def single(key: str | None) -> list[str]:
    return [] if key is None else [key]


def items(value: Any) -> list[Any]:
    """A list as it is, nothing as the empty list, a single value as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None or value is False or value == "" else [value]


def members_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
