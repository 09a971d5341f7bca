"""Filters, sorting and cursors against plain Python over the same records: any filter, on any field, of any kind."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.model.entity import load_model
from appliance.store.records import NewRecord
from tests.api.conftest import Plant
from tests.support.filled import document, key

MODEL = load_model()
ENTITY = MODEL.entities["PurchaseOrder"]
PATH = "/api/erp/purchase-orders"
COUNT = 60

relaxed = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Values that are easy to confuse: the same number in two forms, more digits than a double has, letters of two
# cases, wildcards and quotes, fractions of a second.
TEXTS = ["", "a", "A", "ab", "Ärger", "ärger", "b%", "b_", "'", '"', "\\", "0010", "10", "nul\0l", "日本"]
DECIMALS = ["10", "10.0", "9.99", "-3", "0", "12345678901234567.01", "12345678901234567.02", "0.1", "0.10"]
MOMENTS = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z", "2026-01-01T23:59:59Z", "2026-01-02T00:00:00Z"]
CUSTOM: list[Any] = [None, "x", "10", "9", "0010", 10, Decimal("10.5"), 9, True, False, "true"]


@dataclass(frozen=True)
class Field:
    path: str
    kind: str
    values: list[Any]


FIELDS = [
    Field("title", "text", TEXTS),
    Field("orderDate", "time", MOMENTS),
    Field("totalNetValue", "number", DECIMALS),
    Field("deliveryAddress.city", "text", TEXTS),
    Field("deliveryAddress.isActive", "boolean", [True, False]),
    Field("lineItems.name", "text", TEXTS),
    Field("lineItems.price", "number", [Decimal(d) for d in DECIMALS]),
    Field("customFields.color", "any", CUSTOM),
]
OPERATORS = {
    "text": [
        "eq",
        "ne",
        "contains",
        "startsWith",
        "endsWith",
        "gt",
        "gteq",
        "lt",
        "lted",
        "in",
        "notIn",
        "exists",
    ],
    "number": ["eq", "ne", "gt", "gteq", "lt", "lteq", "in", "notIn", "exists"],
    "time": ["eq", "ne", "gt", "gteq", "lt", "lteq", "exists"],
    "boolean": ["eq", "ne", "exists"],
    "any": ["eq", "ne", "contains", "gt", "gteq", "lt", "lteq", "in", "exists"],
}
GIVEN = {
    "text": [t for t in TEXTS if t and "," not in t],
    "number": DECIMALS,
    "time": [*MOMENTS, "2026-01-01", "2026-01-01T01:00:00+01:00"],
    "boolean": ["true", "false"],
    "any": ["x", "10", "10.50", "9", "0010", "true"],
}


def put(record: dict[str, Any], path: str, value: Any) -> None:
    first, _, rest = path.partition(".")
    if not rest:
        record[first] = value
    elif isinstance(record[first], list):
        for number, item in enumerate(record[first]):
            put(item, rest, value if number == 0 else None)
    else:
        put(record[first], rest, value)


def held(record: Any, path: str) -> list[Any]:
    """The values at a path, without those that are null."""
    first, _, rest = path.partition(".")
    values = [record.get(first)]
    found = [item for value in values for item in (value if isinstance(value, list) else [value])]
    if rest:
        found = [inner for item in found if isinstance(item, dict) for inner in held(item, rest)]
    return [value for value in found if value is not None]


def number(value: Any) -> Decimal | None:
    try:
        return None if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "gt": lambda a, b: a > b,
    "gteq": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lteq": lambda a, b: a <= b,
    "contains": lambda a, b: b.lower() in a.lower(),
    "startsWith": lambda a, b: a.lower().startswith(b.lower()),
    "endsWith": lambda a, b: a.lower().endswith(b.lower()),
}


def fits_one(value: Any, kind: str, operator: str, given: str) -> bool:
    compare = COMPARE[operator]
    match kind:
        case "text":
            return compare(value, given)
        case "number":
            return compare(number(value), Decimal(given))
        case "boolean":
            return compare(str(value).lower(), given)
        case "time":
            have, first = value.removesuffix("Z"), given.removesuffix("Z")
            if given == "2026-01-01T01:00:00+01:00":
                first = "2026-01-01T00:00:00"
            if len(given) == 10:
                day = "2026-01-01T00:00:00", "2026-01-02T00:00:00"
                return {
                    "eq": day[0] <= have < day[1],
                    "gt": have >= day[1],
                    "gteq": have >= day[0],
                    "lt": have < day[0],
                    "lteq": have < day[1],
                }[operator]
            return compare(have, first)
    if isinstance(value, bool):
        return operator == "eq" and str(value).lower() == given
    if isinstance(value, str):
        if operator in ("gt", "gteq", "lt", "lteq") and number(given) is not None:
            return number(value) is not None and compare(number(value), number(given))
        return compare(value, given)
    return (
        operator in ("eq", "gt", "gteq", "lt", "lteq")
        and number(given) is not None
        and compare(number(value), number(given))
    )


def fits(record: dict[str, Any], field: Field, operator: str, given: str) -> bool:
    values = held(record, field.path)
    operator = {"lted": "lteq"}.get(operator, operator)
    match operator:
        case "exists":
            return bool(values) == (given == "true")
        case "ne":
            return not any(fits_one(value, field.kind, "eq", given) for value in values)
        case "in" | "notIn":
            found = any(
                fits_one(value, field.kind, "eq", one) for value in values for one in given.split(",")
            )
            return found == (operator == "in")
    return any(fits_one(value, field.kind, operator, given) for value in values)


@pytest.fixture(scope="module")
def orders(full: Plant) -> Iterator[list[dict[str, Any]]]:
    """Sixty orders, in which the fields above have values that are drawn from a fixed list."""
    part = full.other.connection.part
    made: list[dict[str, Any]] = []
    for n in range(COUNT):
        record = document(MODEL, ENTITY, part, n)
        for shift, field in enumerate(FIELDS):
            value = [*field.values, None][(n * (shift * 2 + 3) + n // 7) % (len(field.values) + 1)]
            put(record, field.path, value if value != "" else None)
        made.append(record)
    from appliance.runtime.select import encode

    stream = full.appliance.records.stream(full.other.connection.id, ENTITY.name)
    full.appliance.records.write(
        stream, [NewRecord(r["key"], b"h" * 16, encode(r), 1000 + n, b"{}") for n, r in enumerate(made)]
    )
    yield made


def listed(full: Plant, parameters: dict[str, str], per_page: int = 100) -> list[str]:
    """The keys of all pages, by cursor; no page and no total may differ from the whole."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {**parameters, "per_page": str(per_page), **({"cursor": cursor} if cursor else {})}
        body = full.json(PATH, query_string=asked, token=full.other.token)
        seen += [record["key"] for record in body["data"]]
        total, cursor = body["meta"]["total"], body["next_cursor"]
    assert total == len(seen)
    return seen


@st.composite
def filters(draw: st.DrawFn) -> tuple[Field, str, str]:
    field = draw(st.sampled_from(FIELDS))
    operator = draw(st.sampled_from(OPERATORS[field.kind]))
    given = GIVEN[field.kind]
    if operator == "exists":
        return field, operator, draw(st.sampled_from(["true", "false"]))
    if operator in ("in", "notIn"):
        return field, operator, ",".join(draw(st.lists(st.sampled_from(given), min_size=1, max_size=3)))
    return field, operator, draw(st.sampled_from(given))


@relaxed
@given(
    chosen=st.lists(filters(), min_size=1, max_size=3, unique_by=lambda one: (one[0].path, one[1])),
    match=st.sampled_from(["any", "all"]),
    per_page=st.integers(3, 100),
)
def test_a_filter_finds_what_it_says(
    full: Plant, orders: list[dict[str, Any]], chosen: list[tuple[Field, str, str]], match: str, per_page: int
) -> None:
    parameters = {f"filter[{field.path}:{operator}]": given for field, operator, given in chosen}
    decide = any if match == "any" else all
    expected = [o["key"] for o in orders if decide(fits(o, *one) for one in chosen)]
    assert listed(full, {**parameters, "filterMatch": match}, per_page) == expected


def rank(field: Field, value: Any) -> Any:
    if field.kind == "number":
        return float(value)
    return value.removesuffix("Z") if field.kind == "time" else value


@relaxed
@given(
    sorts=st.lists(
        st.tuples(
            st.sampled_from([f for f in FIELDS if "lineItems" not in f.path and f.kind != "any"]),
            st.booleans(),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one[0].path,
    ),
    per_page=st.integers(3, 40),
    documented=st.booleans(),
)
def test_sorting_is_that_of_python_with_nothing_last(
    full: Plant,
    orders: list[dict[str, Any]],
    sorts: list[tuple[Field, bool]],
    per_page: int,
    documented: bool,
) -> None:
    expected = list(orders)
    for field, descending in reversed(sorts):
        have = [o for o in expected if held(o, field.path)]
        none = [o for o in expected if not held(o, field.path)]
        have.sort(key=lambda o: rank(field, held(o, field.path)[0]), reverse=False)
        if descending:
            # Python's reverse keeps the order of equals; so does sorting by the negated rank of each.
            ranks = sorted({rank(field, held(o, field.path)[0]) for o in have}, reverse=True)
            have.sort(key=lambda o: ranks.index(rank(field, held(o, field.path)[0])))
        expected = have + none
    if documented:
        parameters = {f"sort[{field.path}]": "1" if descending else "0" for field, descending in sorts}
    else:
        parameters = {"sort": ",".join(f"{'-' if down else ''}{field.path}" for field, down in sorts)}
    assert listed(full, parameters, per_page) == [o["key"] for o in expected]


@pytest.mark.parametrize(
    "entity", [e for e in MODEL.entities.values() if e.path and e.prefix], ids=lambda e: e.name
)
def test_every_field_of_every_entity_can_be_filtered_and_sorted(full: Plant, entity: Any) -> None:
    """Each value of the second record is found again in that record, by each field of the model, nested ones too."""
    path = (
        next(f"/api/{o.category}/{entity.path}" for o in [*MODEL.operations] if o.entity == entity.name)
        if (entity.name != "Status")
        else "/api/eam/statuses"
    )
    part = full.one.connection.part
    record = full.json(f"{path}/{key(entity, part, 1)}")["data"]
    for name, nested in paths(entity):
        values = held(record, name)
        assert values, name
        value = json.dumps(values[0]).strip('"')
        found = full.json(path, query_string={f"filter[{name}]": value})["data"]
        assert record["key"] in [one["key"] for one in found], name
        if not nested:
            assert len(full.json(path, query_string={"sort": name})["data"]) == 3


def paths(entity: Any, before: str = "", many: bool = False, depth: int = 0) -> Iterator[tuple[str, bool]]:
    for field in entity.fields.values():
        if field.type in ("object", "list"):
            if depth < 2:
                inner = MODEL.entities[field.of]
                yield from paths(inner, f"{before}{field.name}.", many or field.type == "list", depth + 1)
        elif field.type == "any":
            yield f"{before}{field.name}.color", many
        else:
            yield before + field.name, many or field.type == "keys"
