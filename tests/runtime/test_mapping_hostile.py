"""Mappings of any text and rows of any shape: nothing becomes code, nothing is lost by decoding less."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.runtime.definition import EntityDefinition, HttpRead, RequestTemplate
from appliance.runtime.mapping.compiler import MappingCompiler
from appliance.runtime.mapping.narrow import narrow_decoder
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.select import decode, encode
from tests.runtime.opened import MODEL, PART

ORDER = MODEL.entities["PurchaseOrder"]


class Executed(Exception):
    pass


@pytest.fixture(autouse=True)
def nothing_is_executed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Code that got out of a text would most likely call one of these."""

    def caught(*args: object) -> None:
        raise Executed(args)

    monkeypatch.setattr("os.system", caught)
    yield


CODE = st.sampled_from(
    [
        "__import__('os').system('x')",
        "'",
        "\\",
        "\\'",
        '"',
        "a') or __import__('os').system('x') or row.get('a",
        "\n    raise SystemExit\n",
        "{",
        "}",
        "{row}",
        "f'{1}'",
        "\u2028",
        "\x00",
        "\r\n",
        "row",
        "lambda: 0",
        "a][",
    ]
)
NAMES = st.text(min_size=1, max_size=12) | CODE
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | CODE


@st.composite
def expressions(draw: st.DrawFn) -> Any:
    name, other = draw(NAMES), draw(NAMES)
    return draw(
        st.sampled_from(
            [
                name,
                {"path": name, "values": {other: draw(NAMES)}, "default": draw(NAMES)},
                {"const": draw(VALUES)},
                {"first": [name, {"path": other}]},
                {"join": [name, other], "with": draw(NAMES)},
            ]
        )
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_text_of_a_definition_becomes_code(data: st.DataObject) -> None:
    name, status, member = (data.draw(NAMES) for _ in range(3))
    mapping = {
        "title": data.draw(expressions()),
        "statusKey": {"status": status, "path": name},
        "vendorKey": {"parts": [name, data.draw(expressions())]},
        "lineItems": {"each": name, "key": [f"^.{name}", member], "map": {"name": data.draw(expressions())}},
        "customFields": {"fields": {member: name}},
        "notes": {"const": data.draw(CODE)},
    }
    row = data.draw(
        st.dictionaries(st.just(name.split(".")[0]) | NAMES, VALUES | st.lists(VALUES), max_size=4)
    )
    definition = EntityDefinition(
        read=HttpRead(request=RequestTemplate()), key=(name,), map=mapping, modified=None
    )
    try:
        projection = Projection(MODEL, ORDER, definition, part=PART, zone=None, where="plant")
    except ConfigurationError:
        return  # such as a path that begins with ^.
    try:
        record = decode(projection.record(encode(row)).payload)
    except RowRejected:
        return
    assert record["notes"] == (mapping["notes"]["const"] if mapping["notes"]["const"].strip() else None)
    assert list(record) == list(ORDER.fields)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", "lines", "lines.0.a", "lines.a", "a.b", "lines.0.x.y", "lines.0.z"]),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "a": VALUES | st.fixed_dictionaries({"b": VALUES}),
            "b": VALUES,
            "lines": st.lists(
                st.fixed_dictionaries(
                    {"a": VALUES, "x": st.fixed_dictionaries({"y": VALUES}) | VALUES, "z": VALUES}
                ),
                max_size=2,
            )
            | st.fixed_dictionaries({"a": VALUES})
            | VALUES,
        },
    ),
)
def test_decoding_only_what_is_looked_at_gives_the_same_record(
    paths: list[str], lines: bool, row: dict[str, Any]
) -> None:
    mapping: dict[str, Any] = {"customFields": {"fields": {f"f{n}": path for n, path in enumerate(paths)}}}
    if lines:
        mapping["lineItems"] = {"each": "lines", "map": {"lineNo": "a", "name": "x.y", "code": "^.b"}}
    compiler = MappingCompiler(MODEL, PART, times="iso", zone=None, where="plant")
    convert = compiler.entity(ORDER, ["a"], mapping)
    raw = encode(row)
    results: list[Any] = []
    for read in (decode, narrow_decoder(compiler.looks)):
        try:
            results.append(encode(convert(read(raw))))
        except (ValueError, AttributeError, TypeError) as failure:
            results.append(type(failure))
    assert results[0] == results[1]
