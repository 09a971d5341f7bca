"""$filter of OData V2: a strict parser into a small tree, its compilation to a predicate, and the keys it
pins down.

Accepted: `Property op literal` with eq ne gt ge lt le, `substringof('x',Property)`,
`startswith(Property,'x')`, `endswith(Property,'x')` (alone or `eq true`/`eq false`), and, or, not,
parentheses. The literal must be of the type of the property; anything else is a 400 that says why.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import GatewayError, bad_request
from .metadata import EntityType, Property
from .wire import INTEGERS, Value, parse_datetime, parse_guid, parse_offset, parse_time

MAX_DEPTH = 50
MAX_CONDITIONS = 500

_TOKEN = re.compile(
    r"\s*(?:(?P<prefixed>(?P<kind>datetimeoffset|datetime|time|guid|binary|X)'(?P<inside>[^']*)')"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[mMdDfFlL]?(?![\w.:-]))"
    r"|(?P<word>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)"
    r"|(?P<mark>[(),]))"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt,
    "le": operator.le,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "substringof": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_RESERVED = {"and", "or", "not", "null", "true", "false", *_OPERATORS}


@dataclass(frozen=True)
class Comparison:
    prop: Property
    operator: str
    value: Value


@dataclass(frozen=True)
class TextTest:
    prop: Property
    function: str
    part: str


@dataclass(frozen=True)
class Both:
    left: "Condition"
    right: "Condition"


@dataclass(frozen=True)
class Either:
    left: "Condition"
    right: "Condition"


@dataclass(frozen=True)
class Negation:
    inner: "Condition"


Condition = Comparison | TextTest | Both | Either | Negation
Predicate = Callable[[int], bool]


def parse(text: str, entity: EntityType) -> Condition:
    """The tree of `text` over the properties of `entity`. Raises GatewayError 400."""
    return _Parser(_tokens(text), entity).whole()


def compile_condition(
    condition: Condition, column: Callable[[Property], Callable[[int], Value]]
) -> Predicate:
    """A predicate over row positions; `column(property)` reads the typed value of a property at a position.

    Null follows the specification: it equals only null and is neither greater nor less than anything.
    """
    match condition:
        case Both(left, right):
            first, second = compile_condition(left, column), compile_condition(right, column)
            return lambda position: first(position) and second(position)
        case Either(left, right):
            first, second = compile_condition(left, column), compile_condition(right, column)
            return lambda position: first(position) or second(position)
        case Negation(inner):
            negated = compile_condition(inner, column)
            return lambda position: not negated(position)
        case TextTest(prop, function, part):
            read, test = column(prop), _FUNCTIONS[function]
            return lambda position: (value := read(position)) is not None and test(str(value), part)
        case Comparison(prop, name, wanted):
            return _compile_comparison(column(prop), _OPERATORS[name], name, wanted)


def _compile_comparison(
    read: Callable[[int], Value], compare: Callable[[Any, Any], bool], name: str, wanted: Value
) -> Predicate:
    if name in ("eq", "ne"):
        return lambda position: compare(read(position), wanted)
    return lambda position: (value := read(position)) is not None and compare(value, wanted)


def pinned_values(condition: Condition, name: str) -> frozenset[Value] | None:
    """The only values that property `name` can have where `condition` holds, or None when it is not pinned.

    This is the index lookup: `Key eq 'a' or Key eq 'b'` must not read the whole set.
    """
    match condition:
        case Comparison(prop, "eq", value) if prop.name == name:
            return frozenset([value])
        case Both(left, right):
            first, second = pinned_values(left, name), pinned_values(right, name)
            if first is None or second is None:
                return second if first is None else first
            return first & second
        case Either(left, right):
            first, second = pinned_values(left, name), pinned_values(right, name)
            return None if first is None or second is None else first | second
    return None


def _tokens(text: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if not found:
            raise bad_request(
                f"Invalid token at position {position} of $filter: {text[position : position + 20]}"
            )
        tokens.append(found)
        position = found.end()
    return tokens


class _Parser:
    """Recursive descent with the precedence of the specification: not, and, or."""

    def __init__(self, tokens: list[re.Match[str]], entity: EntityType) -> None:
        self._tokens = tokens
        self._entity = entity
        self._at = 0
        self._depth = 0
        self._conditions = 0

    def whole(self) -> Condition:
        condition = self._either()
        if self._at < len(self._tokens):
            raise bad_request(f"Syntax error in $filter before '{self._peek()}'")
        return condition

    def _either(self) -> Condition:
        left = self._both()
        while self._peek() == "or":
            self._at += 1
            left = Either(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._unary()
        while self._peek() == "and":
            self._at += 1
            left = Both(left, self._unary())
        return left

    def _unary(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad_request(f"$filter is nested deeper than {MAX_DEPTH} levels")
        try:
            if self._peek() == "not":
                self._at += 1
                bare = self._peek() != "("
                inner = self._unary()
                if bare and isinstance(inner, Comparison):
                    # `not` binds tighter than `eq`: `not A eq 1` would negate A, which is no Boolean.
                    raise bad_request(
                        "'not' needs parentheses around a comparison", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR"
                    )
                return Negation(inner)
            if self._peek() == "(":
                self._at += 1
                inner = self._either()
                self._expect(")")
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise bad_request(f"$filter has more than {MAX_CONDITIONS} conditions")
        name = self._word()
        if self._peek() == "(":
            return self._text_test(name)
        prop = self._property(name)
        operator_name = self._word()
        if operator_name not in _OPERATORS:
            raise bad_request(
                f"'{operator_name}' is not a comparison operator", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR"
            )
        value = _literal(self._next(), prop)
        if value is None and operator_name not in ("eq", "ne"):
            raise bad_request(f"null can only be compared with eq or ne (property '{prop.name}')")
        return Comparison(prop, operator_name, value)

    def _text_test(self, name: str) -> Condition:
        if name not in _FUNCTIONS:
            raise bad_request(f"Function '{name}' is not supported in $filter")
        self._expect("(")
        first = self._next()
        self._expect(",")
        second = self._next()
        self._expect(")")
        text, named = (first, second) if name == "substringof" else (second, first)
        prop = self._property(named["word"] or named[0].strip())
        if prop.type != "String":
            raise bad_request(f"Function '{name}' needs a property of type Edm.String, not '{prop.name}'")
        test = TextTest(prop, name, str(_literal(text, prop)))
        if self._peek() != "eq":
            return test
        self._at += 1
        answer = self._word()
        if answer not in ("true", "false"):
            raise bad_request(f"Function '{name}' can only be compared with true or false")
        return test if answer == "true" else Negation(test)

    def _property(self, name: str) -> Property:
        if name in self._entity.properties:
            return self._entity.properties[name]
        if name in _RESERVED or not name[:1].isalpha():
            raise bad_request(
                f"A property is expected in $filter, not '{name}'", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR"
            )
        raise unknown_property(name, self._entity)

    def _word(self) -> str:
        token = self._next()
        if not token["word"]:
            raise bad_request(
                f"Syntax error in $filter at '{token[0].strip()}'", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR"
            )
        return token["word"]

    def _peek(self) -> str:
        return self._tokens[self._at][0].strip() if self._at < len(self._tokens) else ""

    def _next(self) -> re.Match[str]:
        if self._at >= len(self._tokens):
            raise bad_request("$filter ends too early", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, mark: str) -> None:
        found = self._next()
        if found["mark"] != mark:
            raise bad_request(
                f"'{mark}' is expected in $filter, not '{found[0].strip()}'", "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR"
            )


def unknown_property(name: str, entity: EntityType) -> GatewayError:
    """The 400 for a property that this release of the service does not have."""
    return bad_request(f"Property {name} not found in type {entity.name}", "/IWBEP/CM_MGW_RT/021")


def parse_literal(text: str, prop: Property) -> Value:
    """The typed value of one literal, as in the key of a URL. Raises GatewayError 400."""
    found = _TOKEN.fullmatch(text)
    if not found:
        raise bad_request(f"Malformed URI literal syntax in '{text}'")
    return _literal(found, prop)


_PREFIXED: Mapping[str, tuple[str, Callable[[str], Value]]] = {
    "DateTime": ("datetime", parse_datetime),
    "DateTimeOffset": ("datetimeoffset", parse_offset),
    "Time": ("time", parse_time),
    "Guid": ("guid", parse_guid),
}
_NUMBERS = {
    "Decimal": re.compile(r"-?\d+(\.\d+)?[mM]|-?\d+"),
    "Double": re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?[dD]?"),
    "Single": re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?[fF]?"),
    "Int64": re.compile(r"-?\d+[lL]?"),
}
_INTEGER = re.compile(r"-?\d+")


def _literal(token: re.Match[str], prop: Property) -> Value:
    text = token[0].strip()
    if text == "null":
        return None
    wrong = bad_request(
        f"Invalid literal {text} for property '{prop.name}' of type Edm.{prop.type}",
        "/IWCOR/CX_DS_EXPR_SYNTAX_ERROR",
    )
    if prop.type in _PREFIXED:
        kind, parse_inside = _PREFIXED[prop.type]
        if token["kind"] != kind:
            raise wrong
        try:
            return parse_inside(token["inside"])
        except ValueError as reason:
            raise bad_request(f"Invalid literal for property '{prop.name}': {reason}") from reason
    if prop.type == "Boolean":
        if text not in ("true", "false"):
            raise wrong
        return text == "true"
    if prop.type in INTEGERS or prop.type in _NUMBERS:
        if not token["number"] or not _NUMBERS.get(prop.type, _INTEGER).fullmatch(text):
            raise wrong
        return _number(text.rstrip("mMdDfFlL"), prop.type)
    if not token["string"]:
        raise wrong
    return text[1:-1].replace("''", "'")


def _number(digits: str, kind: str) -> Value:
    if kind == "Decimal":
        return Decimal(digits)
    return int(digits) if kind in INTEGERS else float(digits)
