"""Which reads prove by one pass that a row they do not meet is gone."""

from typing import Any

import pytest

from appliance.runtime.definition import parse_entities
from appliance.runtime.reading.narrowed import proves_absence

REQUEST = {"path": "rows"}
BY_KEY = {"kind": "keyset", "by": "id"}
BY_TIME = {"kind": "keyset", "by": ["changed", "id"]}
SLICED = {"path": "rows", "query": {"from": "${window.from}", "to": "${window.to}"}}


@pytest.mark.parametrize(
    ("read", "all_rows", "since_a_time"),
    [
        ({"request": REQUEST}, True, True),
        ({"request": REQUEST, "paging": BY_KEY}, True, True),
        ({"request": REQUEST, "paging": BY_TIME}, False, False),
        ({"request": REQUEST, "paging": {"kind": "number"}}, False, False),
        ({"request": REQUEST, "paging": {"kind": "offset", "overlap": 5}}, False, False),
        ({"request": REQUEST, "paging": {"kind": "cursor", "next": "next"}}, False, False),
        ({"request": REQUEST, "each": [{"site": "A"}, {"site": "B"}]}, False, False),
        ({"request": SLICED, "paging": BY_KEY, "window": {"days": 30}}, True, False),
        ({"protocol": "odata2", "set": "A", "paging": "skip"}, True, True),
        ({"protocol": "odata2", "set": "A", "paging": "server"}, False, False),
        ({"protocol": "sql", "table": "a", "keys": ["id"]}, True, True),
        (
            {"protocol": "sql", "table": "a", "keys": ["id"], "cursor": {"columns": ["changed"], "kind": "timestamp"}},
            True,
            False,
        ),
        (
            {
                "protocol": "sql", "table": "a", "keys": ["id"],
                "cursor": {"columns": ["version"], "kind": "number"},
            },
            True,
            True,
        ),
    ],
)  # fmt: skip
def test_a_pass_that_a_row_can_get_behind_proves_nothing(
    read: dict[str, Any], all_rows: bool, since_a_time: bool
) -> None:
    document = {"Vendor": {"key": ["id"], "read": read, "map": {"name": "name"}}}
    one = parse_entities(document, {"read": {"protocol": "http"}}, where="a test")["Vendor"]
    assert proves_absence(one.read, one.key, since=False) == all_rows
    assert proves_absence(one.read, one.key, since=True) == since_a_time
