"""Every operation that is not about records, walked over with what it must refuse: found in the OpenAPI document, so
that a new one is walked over without being named here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import TestResponse

from appliance.sync.passes.hold_table import HoldTable
from appliance.users.scopes import Scope
from tests.api.conftest import Plant
from tests.support.state import everything

ACCOUNT = ("/api/system/", "/api/v1/connections/")
VERBS = ("get", "post", "put", "patch", "delete")
# They end what the walk needs, or call a source and are held to this elsewhere.
LEFT_OUT = {
    ("DELETE", "/api/integrations/current"),
    ("DELETE", "/api/system/connections/{connection_id}"),
    ("POST", "/api/system/connections/{connection_id}/reauthorize"),
}
TAKES_A_LIST = ("POST /api/system/connections/{connection_id}/metadata", "a list")
NO_BODIES: dict[str, bytes] = {
    "a list": b"[]",
    "a number": b"7",
    "text": b'"text"',
    "no JSON": b"name=1",
    "half": b'{"name":',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep below a name": b'{"events":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "invalid UTF-8": b'{"name":"\xff\xfe"}',
    "an unknown member": b'{"no_such_member":1}',
    "NaN": b'{"hours":NaN}',
}
WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1.5, "", "x" * 20_000, "\x00", "\ud800", "' OR 1=1 --", [], {}, [[]], [None], [{}],
    [2**70], ["x"] * 2_000, {"a": {"b": []}}, {"": None},
)  # fmt: skip


@dataclass
class Operation:
    method: str
    path: str
    members: list[str] = field(default_factory=list)
    takes_a_body: bool = False

    @property
    def is_of_the_account(self) -> bool:
        return self.path.startswith(ACCOUNT)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Walk:
    """`mine` and `theirs` are values of the parameters of paths, of the first connection and of the other."""

    plant: Plant
    operations: list[Operation]
    mine: dict[str, str]
    theirs: dict[str, str]

    def send(
        self, one: Operation, ids: dict[str, str], *, token: str | None = None, **given: Any
    ) -> TestResponse:
        path = one.path
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"{one}: the walk knows no value of this parameter"
        usual = self.plant.key if one.is_of_the_account else self.plant.one.token
        return self.plant.send(one.method, path, token=usual if token is None else token, **given)


def found_in(plant: Plant) -> Iterator[Operation]:
    model = plant.appliance.model
    records = {
        (one.method, f"/api/{area}/{one.path}") for one in model.operations for area in (one.category, "v1")
    }
    document = plant.json("/api/openapi.json", token=plant.key)
    for path, item in document["paths"].items():
        for verb in VERBS:
            one = Operation(verb.upper(), path)
            if verb not in item or (one.method, path) in {*records, *LEFT_OUT} or path.endswith("/batch"):
                continue
            if not path.startswith("/api/") or path.endswith(".json"):
                continue
            content = item[verb].get("requestBody", {}).get("content", {}).get("application/json")
            one.takes_a_body = content is not None
            one.members = sorted(_members(document, content["schema"])) if content else []
            yield one


def _members(document: Any, schema: Any) -> set[str]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    inner = [part for name in ("allOf", "oneOf", "anyOf") for part in schema.get(name, [])]
    return set(schema.get("properties", {})).union(*(_members(document, part) for part in inner))


def things_of(plant: Plant, connection_id: str, token: str) -> dict[str, str]:
    """One of everything that has an id, of a connection."""
    appliance, database = plant.appliance, plant.appliance.database
    made = plant.send(
        "POST", "/api/v1/webhooks", token=token, json={"url": "https://portal.example/h", "events": ["*"]}
    )
    webhook = made.get_json()["data"]["id"]
    tried = plant.send(
        "POST", f"/api/v1/webhooks/{webhook}/test", token=token, json={"event": "sync.completed"}
    )
    run = appliance.planner.runs.recent(connection_id, 1)[0]["id"]
    HoldTable(database).open(
        f"hold_{connection_id}", connection_id, "Asset", run, missing=9, known=10, sample=["a"], now=1
    )
    stream = appliance.records.stream(connection_id, "Asset")
    database.insert(
        "rejected_row", stream_id=stream.id, key="?1", digest=b"1", reason="no", count=1, first_at=1, last_at=1,
    )  # fmt: skip
    database.insert(
        "issue", id=f"iss_{connection_id}", connection_id=connection_id, code="X", severity="info", message="m",
        fix="f", who="vendor", opened_at=1, updated_at=1,
    )  # fmt: skip
    return {
        "connection_id": connection_id,
        "webhook_id": webhook,
        "event_id": tried.get_json()["data"]["id"],
        "run_id": run,
        "hold_id": f"hold_{connection_id}",
        "row_id": str(database.value("SELECT max(id) FROM rejected_row")),
        "issue_id": f"iss_{connection_id}",
        "task_id": "tsk_none",
        "entity": "Asset",
        "table": "Asset",
        "name": "Asset",
        "key": plant.json("/api/eam/statuses?per_page=1", token=token)["data"][0]["key"],
    }


@pytest.fixture(scope="module")
def walk(plant: Plant) -> Walk:
    mine = things_of(plant, plant.one.connection.id, plant.one.token)
    theirs = things_of(plant, plant.other.connection.id, plant.other.token)
    return Walk(plant, list(found_in(plant)), mine, theirs)


def test_there_is_something_to_walk_over(walk: Walk) -> None:
    assert len(walk.operations) > 50
    assert sum(len(one.members) for one in walk.operations) > 40


def refused(answer: TestResponse, what: object) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:300])
    error = answer.get_json()["error"]
    assert error["request_id"] == answer.headers["X-Request-Id"], what
    assert "Traceback" not in answer.text and len(answer.text) < 20_000, what


@pytest.mark.parametrize("what", NO_BODIES)
def test_what_is_no_body_is_refused(walk: Walk, what: str) -> None:
    for one in walk.operations:
        if one.takes_a_body and (str(one), what) != TAKES_A_LIST:
            answer = walk.send(one, walk.mine, data=NO_BODIES[what], content_type="application/json")
            refused(answer, f"{one}: {what}")


def test_a_member_of_a_wrong_type_is_no_error_of_ours(walk: Walk) -> None:
    for one in walk.operations:
        for member in one.members:
            for value in WRONG:
                sent = json.dumps({member: value})
                answer = walk.send(one, walk.mine, data=sent, content_type="application/json")
                assert answer.status_code < 500, (str(one), member, repr(value)[:60], answer.text[:300])


def test_the_ids_of_another_connection_are_not_found(walk: Walk) -> None:
    before = everything(walk.plant.appliance.database)
    for one in walk.operations:
        named = [name for name in walk.theirs if f"{{{name}}}" in one.path and name not in SHARED]
        for name in named:
            if one.is_of_the_account and (name == "connection_id" or "{connection_id}" not in one.path):
                continue
            body = {"json": {}} if one.takes_a_body else {}
            answer = walk.send(one, {**walk.mine, name: walk.theirs[name]}, **body)
            assert answer.status_code in (400, 404), (str(one), name, answer.status_code, answer.text[:200])
    after = everything(walk.plant.appliance.database)
    assert {name for name in after if after[name] != before[name]} <= {"api_key", "token"}


def test_a_token_opens_nothing_of_the_account(walk: Walk) -> None:
    for one in walk.operations:
        if one.is_of_the_account:
            body = {"json": {}} if one.takes_a_body else {}
            for ids in (walk.mine, walk.theirs):
                answer = walk.send(one, ids, token=walk.plant.one.token, **body)
                assert answer.status_code in (401, 403), (str(one), answer.status_code, answer.text[:200])


def test_a_key_for_one_connection_reaches_no_other(walk: Walk) -> None:
    plant = walk.plant
    limits = {"connections": [plant.one.connection.id]}
    key = plant.appliance.api_keys.create("one", Scope.of(limits, plant.appliance.model.entities))
    for one in walk.operations:
        named = {name for name in walk.theirs if f"{{{name}}}" in one.path and name not in SHARED}
        body = {"json": {}} if one.takes_a_body else {}
        if named:
            headers = {} if one.is_of_the_account else {"X-Connection-Id": plant.other.connection.id}
            answer = walk.send(one, walk.theirs, token=key, headers=headers, **body)
            assert answer.status_code in (400, 403, 404), (str(one), answer.status_code, answer.text[:200])


SHARED = {"entity", "table", "name"}
"""What every connection has one of by the same name."""


@pytest.mark.parametrize(
    "value", ["%00", "%FF%FE", "..%2F..%2Fetc", "' OR 1=1 --", "9" * 400, "\U0001f600", "a" * 4000]
)
def test_no_id_is_an_error_of_ours(walk: Walk, value: str) -> None:
    for one in walk.operations:
        for name in walk.mine:
            if f"{{{name}}}" in one.path:
                body = {"json": {}} if one.takes_a_body else {}
                answer = walk.send(one, {**walk.mine, name: value}, **body)
                assert 400 <= answer.status_code < 500, (
                    str(one),
                    name,
                    answer.status_code,
                    answer.text[:300],
                )
