"""Whatever is sent, the answer is a clean refusal."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Plant
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
    for method, path in (("DELETE", ""), ("POST", "/test"), ("POST", "/reauthorize")):
        answer = plant.send(
            method, f"/api/system/connections/{quoted}{path}", token=plant.key, json={"credentials": {}}
        )
        assert answer.status_code == 404
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
