"""What one token does is never seen in the other connection, whatever it does and in whatever order."""

from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from appliance.connections.lifecycle import Connected
from appliance.model.entity import load_model
from tests.api.calls import write
from tests.api.conftest import Plant
from tests.api.contract import WRITES, Documented
from tests.support.complete import body
from tests.support.filled import key
from tests.transport.servers import Exchange, serving

MODEL = load_model()
MAPPED = {"custom": [{"name": "told", "path": "name"}]}
CALLS: list[tuple[str, str, Any]] = [
    ("PUT", "/api/v1/mappings/WorkOrder", MAPPED),
    ("PUT", "/api/v1/mappings/Asset", {"map": {"name": "description"}}),
    ("POST", "/api/v1/mappings/Asset/preview", {"map": {"name": "code"}}),
    ("POST", "/api/v1/mappings/Asset/rollback", {"version": 0}),
    ("GET", "/api/v1/mappings", None),
    ("GET", "/api/v1/mappings/Asset", None),
    ("GET", "/api/v1/changes?limit=1000", None),
    ("GET", "/api/raw/tables", None),
    ("GET", "/api/raw/tables/Asset/data", None),
    ("GET", "/api/v1/capabilities", None),
    ("GET", "/api/v1/openapi.json", None),
    ("GET", "/api/v1/sync-status", None),
    ("POST", "/api/v1/sync", {"entities": ["Asset"]}),
    ("POST", "/api/passthrough", {"method": "get", "path": "/x"}),
]


class Act(NamedTuple):
    """One call. `by_other` has the second connection do it; a foreign one names a record of the other side."""

    call: tuple[str, str, Any] | Documented
    by_other: bool
    foreign: bool
    later: bool


ACTS = st.builds(
    Act,
    st.sampled_from([*CALLS, *WRITES]),
    by_other=st.booleans(),
    foreign=st.booleans(),
    later=st.booleans(),
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=1, max_size=8))
def test_no_call_of_one_connection_shows_or_changes_a_row_of_the_other(
    complete: Plant, acts: list[Act]
) -> None:
    for act in acts:
        mine, theirs = (complete.other, complete.one) if act.by_other else (complete.one, complete.other)
        before = rows_of(complete, theirs)
        answer = carried_out(complete, act, mine, theirs)
        assert answer.status_code < 500, answer.text
        assert rows_of(complete, theirs) == before, act
        if answer.status_code < 300:
            assert theirs.connection.part not in answer.text, act
            assert theirs.connection.id not in answer.text, act
        task = answer.headers.get("Location") if answer.status_code == 202 else None
        if task and "/tasks/" in task:
            assert complete.get(task, token=mine.token).status_code == 200
            refused = complete.get(task, token=theirs.token)
            assert (refused.status_code, refused.get_json()["error"]["code"]) == (404, "TASK_NOT_FOUND")


def carried_out(complete: Plant, act: Act, mine: Connected, theirs: Connected) -> TestResponse:
    if not isinstance(act.call, Documented):
        method, path, sent = act.call
        return complete.send(method, path, token=mine.token, json=sent)
    operation = act.call.operation(MODEL)
    named = theirs.connection.part if act.foreign else mine.connection.part
    path = act.call.path.replace("{key}", key(MODEL.entities[operation.owner], named, 1))
    path = path.replace("{materialKey}", key(MODEL.entities["Part"], named, 1))
    sent = body(MODEL, operation, named)
    headers = {"Prefer": "respond-async"} if act.later else {}
    answer = write(complete, act.call, path, sent, token=mine.token, **headers)
    refers = "{key}" in path or any(named in str(value) for value in sent.values())
    if act.foreign and refers and operation.kind != "status":
        assert answer.status_code in (404, 422), answer.text
    return answer


def rows_of(complete: Plant, made: Connected) -> dict[str, list[tuple[Any, ...]]]:
    """Table to its rows of a connection, records with what they hold."""
    database, own = complete.appliance.database, made.connection.id
    tables = database.tuples(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.name = 'connection_id'"
    )
    found = {
        name: database.tuples(f"SELECT * FROM {name} WHERE connection_id = ?", (own,)) for (name,) in tables
    }
    assert {"stream", "run", "token", "write_order", "mapping_version", "request_log"} <= set(found)
    found["record"] = database.tuples(
        "SELECT record.* FROM record JOIN stream ON stream.id = stream_id WHERE connection_id = ?", (own,)
    )
    assert found["record"] and found["token"]
    return found


def test_the_same_idempotency_key_of_two_connections_stands_for_two_writes(complete: Plant) -> None:
    documented = next(one for one in WRITES if one.path == "/api/eam/work-orders")
    made = set()
    for one in (complete.one, complete.other):
        sent = body(MODEL, documented.operation(MODEL), one.connection.part)
        answer = write(
            complete, documented, documented.path, sent, token=one.token, **{"Idempotency-Key": "shared"}
        )
        assert answer.status_code == 201 and "Idempotency-Replayed" not in answer.headers
        made.add(answer.get_json()["data"]["key"])
    assert len(made) == 2


def test_what_is_opened_for_one_connection_stays_closed_for_the_other(complete: Plant) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.reply(200, b"[]", Content_Type="application/json")

    with serving(answer) as first, serving(answer) as second:
        connections = complete.appliance.connections
        opened, closed = (
            connections.connect(system="workshop", name=name, fields={"url": server.url})
            for name, server in (("Opened", first), ("Closed", second))
        )
        rules = f"/api/v1/connections/{opened.connection.id}/passthrough"
        complete.send("PUT", rules, token=complete.key, json={"allow": ["GET /report"]})
        asked = {"method": "get", "path": "/report"}
        assert complete.send("POST", "/api/passthrough", token=opened.token, json=asked).status_code == 200
        assert complete.send("POST", "/api/passthrough", token=closed.token, json=asked).status_code == 403
        assert [path for _, path, _, _ in second.requests if path == "/report"] == []
        for made, calls in ((opened, [None]), (closed, ["PASSTHROUGH_NOT_ALLOWED"])):
            path = f"/api/v1/connections/{made.connection.id}/passthrough"
            told = complete.json(path, token=complete.key)["data"]["calls"]
            assert [one["error"] for one in told] == calls
            connections.disconnect(made.connection.id)
