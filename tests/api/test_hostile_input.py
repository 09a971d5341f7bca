"""Whatever is sent, the answer is a clean refusal."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.api.conftest import Plant
from tests.support.filled import key
from tests.support.state import everything

SQL = (
    "' OR '1'='1",
    "1; DROP TABLE record; --",
    '") UNION SELECT key FROM secret --',
    "\\'; DELETE FROM token;--",
    "%27%20OR%201=1",
)
PARAMETERS = ("page", "per_page", "pageSize", "cursor", "modified_after")
READING = (
    *("sort", "sort[name]", "fields", "expand", "include", "deleted", "count", "filterMatch"),
    *("filter[name]", "filter[name:contains]", "filter[name:in]", "filter[customFields.x:gt]"),
    *("filter[createdAt]", "filter[createdAt:lteq]", "filter[isActive]", "created_after", "modified_before"),
)


@pytest.mark.parametrize("text", SQL)
def test_sql_in_any_place_is_only_text(plant: Plant, text: str) -> None:
    before = everything(plant.appliance.database)
    for parameter in PARAMETERS:
        answer = plant.get("/api/eam/assets", query_string={parameter: text})
        assert answer.status_code == 400, parameter
    for parameter in ("filter[name]", "filter[name:contains]", "filter[name:in]", "filter[customFields.x]"):
        assert plant.json("/api/eam/assets", query_string={parameter: text})["data"] == []
    for parameter in (
        f"filter[{text}]",
        f"filter[customFields.{text}]",
        f"filter[name:{text}]",
        f"sort[{text}]",
    ):
        assert plant.get("/api/eam/assets", query_string={parameter: "1"}).status_code in (200, 400)
    for parameter in ("sort", "fields", "expand", "include", "deleted", "filterMatch", "created_after"):
        assert plant.get("/api/eam/assets", query_string={parameter: text}).status_code == 400, parameter
    quoted = text.replace("/", "")
    paths = [f"/api/eam/assets/{quoted}", f"/api/v1/sync/{quoted}"]
    assert [plant.get(path).status_code for path in paths] == [404, 404]
    assert plant.get("/api/eam/assets", token=text).status_code == 401
    for method, path, body in (
        ("DELETE", "", None),
        ("POST", "/test", {}),
        ("POST", "/reauthorize", {"credentials": {}}),
    ):
        address = f"/api/system/connections/{quoted}{path}"
        assert plant.send(method, address, token=plant.key, json=body).status_code == 404, address
    for body in ({"entities": [text]}, {"mode": text}):
        assert plant.send("POST", "/api/v1/sync", json=body).status_code == 400
    after = everything(plant.appliance.database)
    assert {name for name in after if after[name] != before[name]} <= {"api_key", "token"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"entities": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"mode": NaN}',
        b'{"entities": []}',
        b'{"entities": [1]}',
        b'{"entities": {"a": 1}}',
        b'{"mode": null}',
        b'{"mode": ["full"]}',
        b'{"entities": ["Nothing"]}',
    ],
)
def test_a_body_that_is_none_is_refused(plant: Plant, body: bytes) -> None:
    answer = plant.send("POST", "/api/v1/sync", data=body)
    assert answer.status_code == 400, answer.text
    assert answer.get_json()["error"]["type"] == "validation"


@pytest.mark.parametrize(
    "path",
    [
        "/api/eam/assets/%FF%FE",
        "/api/eam/assets/%00",
        "/api/eam/assets/" + "a" * 7000,
        "/api/eam/assets/..%2F..%2Fetc%2Fpasswd",
        "/api/eam/../system/connections",
        "/api/eam/assets?modified_after=%FF",
        "/api/eam/assets?cursor=%ED%A0%80",
        "/api/eam/assets?page=1&page=2&page=x",
        "/api/eam/assets?" + "&".join(f"a{number}=1" for number in range(1000)),
        "/api/eam/assets?modified_after=" + "1" * 8000,
        "//api//eam//assets",
        "/%2e%2e/%2e%2e/data/master.key",
    ],
)
def test_a_hostile_path_is_refused(plant: Plant, path: str) -> None:
    assert 300 <= plant.get(path).status_code < 500


@pytest.mark.parametrize("name", ["X-Request-Id", "Accept", "User-Agent", "Content-Type"])
def test_a_very_long_header_does_no_harm(plant: Plant, name: str) -> None:
    assert plant.get("/healthz", headers={name: "x" * 60_000}).status_code < 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("provider", "name", "email", "hosting", "historical_days", "credentials")


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=st.dictionaries(st.sampled_from(FIELDS), VALUES), provider=st.booleans())
def test_no_body_of_a_connect_is_an_error_of_ours(plant: Plant, body: dict[str, Any], provider: bool) -> None:
    sent = {**body, **({"provider": "generic_odata", "name": "N"} if provider else {})}
    answer = plant.send("POST", "/api/system/connections", token=plant.key, data=json.dumps(sent))
    assert 400 <= answer.status_code < 500, answer.text


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parameters=st.dictionaries(
        st.sampled_from([*PARAMETERS, *READING]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        min_size=1,
    )
)
def test_no_parameter_of_a_list_is_an_error_of_ours(plant: Plant, parameters: dict[str, str]) -> None:
    assert plant.get("/api/eam/assets", query_string=parameters).status_code in (200, 400)
    assert plant.get("/api/raw/tables/Asset/data", query_string=parameters).status_code in (200, 400)
    assert plant.get(
        "/api/v1/changes", query_string={"since": next(iter(parameters.values()))}
    ).status_code in (
        200,
        400,
    )


HUGE = b'{"title":"' + b"x" * 10_000_000 + b'"}'
EVERYWHERE = (
    ("GET", "/api/eam/work-orders"),
    ("GET", "/api/erp/purchase-orders.line-items"),
    ("GET", "/api/eam/work-orders/custom-fields"),
    ("GET", "/api/v1/changes"),
    ("GET", "/api/raw/tables/Asset/data"),
)
SENT = (
    ("POST", "/api/eam/work-orders"),
    ("PUT", "/api/eam/work-orders/{key}"),
    ("PUT", "/api/eam/work-orders/{key}/status"),
    ("POST", "/api/eam/work-orders/{key}/materials"),
    ("POST", "/api/eam/work-orders/batch"),
    ("POST", "/api/eam/documents"),
    ("PUT", "/api/v1/mappings/WorkOrder"),
    ("POST", "/api/v1/mappings/WorkOrder/preview"),
    ("POST", "/api/v1/mappings/WorkOrder/rollback"),
    ("POST", "/api/v1/sync"),
    ("POST", "/api/passthrough"),
)
BODIES = {
    "ten megabytes": HUGE,
    "invalid UTF-8": b'{"title":"\xff\xfe"}',
    "a lone surrogate": b'{"title":"\\ud800"}',
    "deep": b'{"customFields":' * 50_000,
    "a list": b"[]",
    "no JSON": b"title=1",
    "wrong types": b'{"title":[1],"assetKey":7,"estimatedTime":"long","dueAt":"soon","tasks":{},"siteKeys":1}',
    "numbers without end": b'{"estimatedTime":1e999999,"actualTime":' + b"9" * 5000 + b"}",
    "SQL": b'{"assetKey":"\' OR 1=1 --","title; DROP TABLE record":"x"}',
}


def check_refusal(answer: TestResponse, what: object) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:200])
    error = answer.get_json()["error"]
    assert error["request_id"] == answer.headers["X-Request-Id"], what
    assert "Traceback" not in answer.text and len(answer.text) < 40_000, what


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize(("method", "path"), SENT)
def test_a_hostile_body_is_refused_with_a_request_id(
    complete: Plant, method: str, path: str, what: str
) -> None:
    order = key(complete.appliance.model.entities["WorkOrder"], complete.one.connection.part, 1)
    answer = complete.send(
        method, path.replace("{key}", order), data=BODIES[what], content_type="application/json"
    )
    check_refusal(answer, (path, what))


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_a_hostile_parameter_is_refused_with_a_request_id(complete: Plant, method: str, path: str) -> None:
    deep = "filter[" + ".".join(["tasks"] * 200) + "]"
    parameters = {
        "page": ("0", "-1", "9" * 30, "1e9", "x", "\x00", *SQL),
        "per_page": ("0", "-5", "9" * 30, "1.5", *SQL),
        "cursor": ("x", "0" * 5000, "eyJhIjoxfQ", "\U0001f600", *SQL),
        "since": ("x", "9" * 400, *SQL),
        deep: ("1",),
        "filter[]": ("1",),
        "filter[name][x]": ("1",),
        "filter[name:nothing]": ("1",),
        "modified_after": ("soon", "2026-13-01", *SQL),
        "fields": ("nothing", *SQL),
        "sort": ("-" * 100, *SQL),
        "expand": (".".join(["assetKey"] * 100), *SQL),
        "no_such_parameter": ("1",),
    }
    for name, values in parameters.items():
        for value in values:
            check_refusal(complete.send(method, path, query_string={name: value}), (path, name, value))
    for query in ("page=%FF", "cursor=%ED%A0%80", "filter%5Bname%5D=%FF%FE", "%FF=1"):
        check_refusal(complete.send(method, f"{path}?{query}"), (path, query))
