"""What holds for every row on its way from the source's answer to the record, and for every moment asked for."""

# ruff: noqa: DTZ001 - times that hypothesis puts into their zone

import ast
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import appliance.runtime
from appliance.clock import iso, to_ms
from appliance.runtime.definition import EntityDefinition, HttpRead, RequestTemplate
from appliance.runtime.mapping.projection import Projection
from appliance.runtime.reading.local_time import local_time
from appliance.runtime.template import compile_template
from tests.runtime.opened import MODEL, PART, all_records, defined
from tests.transport.servers import Exchange, serving

DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?", fullmatch=True).filter(lambda d: d != "-0")
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
)


def projection(entity: str = "Vendor", *, zone: str | None = None, **said: Any) -> Projection:
    definition = EntityDefinition(
        **{"read": HttpRead(request=RequestTemplate()), "key": ("id",), "map": {"name": "name"}, **said}
    )
    return Projection(MODEL, MODEL.entities[entity], definition, part=PART, zone=zone, where="plant")


# Amounts and quantities


EXACT = [
    (entity.name, field.name)
    for entity in MODEL.entities.values()
    if entity.prefix is not None
    for field in entity.fields.values()
    if field.type in ("number", "decimal")
]


@pytest.mark.parametrize(("entity", "field"), EXACT)
def test_every_amount_of_the_model_keeps_its_digits(entity: str, field: str) -> None:
    made = projection(entity, map={field: "x"})
    for digits in (
        "0.1",
        "12345678901234567890.12345678901234567890",
        "-0.0000000001",
        "99999999999999999999",
    ):
        for written in (digits, f'"{digits}"'):
            payload = made.record(f'{{"id":1,"x":{written}}}'.encode()).payload
            sent = bytes(msgspec.json.decode(payload, type=dict[str, msgspec.Raw])[field]).decode()
            assert Decimal(sent.strip('"')) == Decimal(digits)


SHAPES: list[dict[str, Any]] = [
    {},
    {"add": {"kind": "x"}},
    {"without": {"kind": ["y"]}},
    {"pivot": {"list": "pairs", "name": "n", "value": "v"}},
    {"children": [{"into": "lines", "request": {"path": "lines"}, "by": "id", "of": "id"}]},
    {"detail": {"request": {"path": "one"}}},
    {"paging": {"kind": "keyset", "by": ["x", "id"], "size": 500}},
    {"newest_first": {"by": "at"}, "paging": {"kind": "offset", "size": 9, "overlap": 2}},
    {"each": [{"n": 1}]},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: next(iter(shape), "plain"))
def test_no_shape_of_a_read_passes_an_amount_through_a_float(shape: dict[str, Any]) -> None:
    sent = ""

    def answer(exchange: Exchange) -> None:
        row = f'{{"id":1,"x":{sent},"at":"2026-01-05","pairs":[{{"n":"p","v":{sent}}}]}}'
        body = row if exchange.path.startswith("/one") else f"[{row}]"
        exchange.reply(200, body.encode(), Content_Type="application/json")

    amount = {"first": ["p", "x"]} if "pivot" in shape else "lines.0.x" if "children" in shape else "x"
    read = {"protocol": "http", "request": {"path": "list"}, **shape}
    entity = {"read": read, "key": ["id"], "map": {"totalNetValue": amount, "totalTaxValue": "x"}}
    document = {"http": {"base_url": "${url}"}, "entities": {"Receipt": entity}}

    with serving(answer) as server:
        connector = defined(document, {"url": server.url})

        @settings(max_examples=12, deadline=None)
        @given(DIGITS)
        def keeps(digits: str) -> None:
            nonlocal sent
            sent = digits
            (record,) = all_records(connector, "Receipt").values()
            assert Decimal(record["totalNetValue"]) == Decimal(record["totalTaxValue"]) == Decimal(digits)

        keeps()
        connector.close()


def test_nothing_between_answer_and_record_makes_a_float() -> None:
    room = Path(appliance.runtime.__file__).parent
    names = (
        *("select", "document", "reading/shape", "reading/paging", "reading/children"),
        *("mapping/narrow", "mapping/compiler", "mapping/projection", "mapping/transforms"),
    )
    for name in names:
        calls = [
            node.func.id
            for node in ast.walk(ast.parse((room / f"{name}.py").read_text("utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert "float" not in calls, name


# Keys


@pytest.mark.parametrize(
    ("paths", "raw", "digest"),
    [
        (("id",), b'{"id":"10000012345"}', "27d7cc8c56f8e89d4e4cdd9dc3ac8eba"),
        (("id",), b'{"id":4711}', "86d819572bf10d390fe3846e4b3dca2e"),
        (("order", "line"), b'{"line":10,"order":"4500000012"}', "052a09c850e5bd84d384f47226315822"),
        (
            ("doc.order", "line"),
            b'{"line":10,"doc":{"order":"4500000012"}}',
            "052a09c850e5bd84d384f47226315822",
        ),
    ],
)
def test_the_key_of_a_row_is_for_ever(paths: tuple[str, ...], raw: bytes, digest: str) -> None:
    made = projection("WorkOrder", key=paths, map={})
    assert made.key(raw) == f"03{PART}{digest}"
    assert json.loads(made.record(raw).payload)["key"] == f"03{PART}{digest}"


KEYS = st.text(min_size=1, max_size=8).filter(lambda text: text.strip() != "") | st.integers(-(2**70), 2**70)
BESIDE = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: name not in ("id", "name")),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
    max_size=4,
)


@given(KEYS, BESIDE, BESIDE, st.booleans(), st.integers(0, 3))
def test_the_same_key_at_the_source_is_the_same_key_whatever_stands_beside_it(
    value: Any, before: dict[str, Any], after: dict[str, Any], escapes: bool, indent: int
) -> None:
    alone = json.dumps({"id": value}).encode()
    among = json.dumps({**before, "id": value, **after}, ensure_ascii=escapes, indent=indent or None).encode()
    made = projection()
    assert made.key(alone) == made.key(among) == json.loads(made.record(among).payload)["key"]


@given(st.integers(0, 10**25))
def test_a_number_and_its_digits_are_the_same_key(number: int) -> None:
    assert projection().key(b'{"id":%d}' % number) == projection().key(b'{"id":"%d"}' % number)


# Times


def written(at: datetime, times: str, zone: ZoneInfo) -> Any:
    milliseconds = to_ms(at)
    match times:
        case "unix":
            return f"{milliseconds / 1000:.3f}"
        case "unix_ms":
            return milliseconds
        case "odata2":
            return f"/Date({milliseconds}+0060)/"
        case "compact":
            return at.strftime("%Y%m%d%H%M%S")
        case "parts":
            return {name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second")}
        case "local":
            return at.astimezone(zone).replace(tzinfo=None).isoformat(" ")
    return at.astimezone(zone).isoformat()


@given(
    MOMENTS.map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(["unix", "unix_ms", "odata2", "compact", "parts", "iso", "local", "iso_or_ms"]),
    ZONES,
)
def test_a_time_in_any_format_and_zone_is_the_same_moment_in_the_record(
    at: datetime, times: str, zone: str
) -> None:
    there = ZoneInfo(zone)
    value = written(at, times, there)
    made = projection(
        modified="t",
        times="iso" if times == "local" else times,
        zone=zone if times == "local" else None,
    )
    record = made.record(json.dumps({"id": 1, "t": value}).encode())
    # In the hour that comes twice a clock on the wall tells either of two moments.
    hour_twice = times == "local" and at.astimezone(there).fold == 1
    shift = timedelta(minutes=30 if zone == "Australia/Lord_Howe" else 60) if hour_twice else timedelta()
    assert record.modified_at == to_ms(at - shift)
    assert json.loads(record.payload)["updatedAt"] == iso(to_ms(at - shift))


# From where on changes are asked for


def floored(at: datetime, step: str) -> datetime:
    if step == "day":
        return at.replace(hour=0, minute=0, second=0, microsecond=0)
    return at.replace(microsecond=at.microsecond // 1000 * 1000 if step == "millisecond" else 0)


FILTERS = [
    ("${since|iso}", "second", "utc"),
    ("${since|iso}", "millisecond", "utc"),
    ("${since|iso_ms}", "millisecond", "utc"),
    ("${since|unix}", "second", "unix"),
    ("${since|unix_ms}", "millisecond", "unix_ms"),
    ("${since_local|sql}", "second", "wall"),
    ("${since_local|day_before|date}", "day", "wall_day"),
    ("${since|day_before|date}", "day", "wall_day"),
]


@pytest.mark.parametrize(("template", "step", "kind"), FILTERS)
def test_a_source_that_stamps_in_its_own_steps_loses_no_change(template: str, step: str, kind: str) -> None:
    """The source keeps `at` in its steps and its zone, and gives what is at or after the text of the filter."""
    ask = compile_template(template, where="filter")

    @given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=2)), ZONES)
    def loses_none(since: datetime, later: timedelta, zone: str) -> None:
        since = floored(since, "millisecond")
        at = since + later
        asked = ask({"since": since, "since_local": local_time(since, zone)})
        wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        match kind:
            case "utc":
                assert floored(at, step) >= datetime.fromisoformat(asked)
            case "unix":
                assert int(at.timestamp()) >= asked
            case "unix_ms":
                assert to_ms(at) >= asked
            case "wall":
                assert floored(wall, step) >= datetime.fromisoformat(asked)
            case "wall_day":
                assert wall.date() >= date.fromisoformat(asked)

    loses_none()
