"""One walk over all operations of the public contract: those of data, and those of the system."""

from pathlib import Path
from typing import Any

from tests.api.calls import address, body_of, write
from tests.api.conftest import Plant
from tests.api.contract import DOCUMENTED
from tests.support.appliance import connect_sandbox, work
from tests.transport.servers import Exchange, serving

SYSTEM = [
    tuple(line.split(" ", 3)[:2])
    for line in Path(__file__).with_name("system_operations.txt").read_text("utf-8").splitlines()
]
Called = tuple[str, str]


def test_every_one_of_the_289_operations_is_carried_out(complete: Plant) -> None:
    passed = {*data_operations(complete), *system_operations(complete)}
    assert passed == {*((one.method, one.path) for one in DOCUMENTED), *SYSTEM}
    assert len(passed) == 289


def data_operations(complete: Plant) -> set[Called]:
    """Those that were answered with data."""
    passed = set()
    for documented in DOCUMENTED:
        path = address(complete, documented)
        if documented.method == "GET":
            answer = complete.get(path)
        else:
            answer = write(complete, documented, path, body_of(complete, documented))
        if answer.status_code in (200, 201) and answer.get_json()["data"]:
            passed.add((documented.method, documented.path))
    return passed


def system_operations(complete: Plant) -> set[Called]:
    """Those that were answered with data; a passed-through request has reached the source."""
    made = connect_sandbox(complete.appliance, "Walked")
    work(complete.appliance)
    ended = connect_sandbox(complete.appliance, "Ended")
    bodies: dict[str, Any] = {
        "/api/system/connections": {"provider": "sandbox", "name": "New", "credentials": {}},
        "/api/system/connections/{id}/metadata": [{"key": "customer", "value": "17"}],
        "/api/system/connections/{id}/token": {"expires_in": 300},
    }
    passed = set()
    # What ends a connection comes last.
    for method, path in sorted(SYSTEM, key=lambda one: one[0] == "DELETE"):
        if path == "/api/passthrough":
            passed |= {(method, path)} if passes_through(complete) else set()
            continue
        of_connection = path.startswith(("/api/integrations", "/api/raw"))
        answer = complete.send(
            method,
            path.replace("{id}", ended.connection.id).replace("{table}", "Asset"),
            token=made.token if of_connection else complete.key,
            json=bodies.get(path) if method == "POST" else None,
        )
        if answer.status_code in (200, 201) and answer.get_json()["data"]:
            passed.add((method, path))
    return passed


def passes_through(complete: Plant) -> bool:
    def answer(exchange: Exchange) -> None:
        exchange.reply(200, b"[]", Content_Type="application/json")

    with serving(answer) as source:
        connections = complete.appliance.connections
        made = connections.connect(system="workshop", name="Shop", fields={"url": source.url})
        allowed = complete.send(
            "PUT",
            f"/api/v1/connections/{made.connection.id}/passthrough",
            token=complete.key,
            json={"allow": ["GET /report"]},
        )
        asked = {"method": "get", "path": "/report"}
        answered = complete.send("POST", "/api/passthrough", token=made.token, json=asked)
        reached = [path for _, path, _, _ in source.requests if path == "/report"]
        connections.disconnect(made.connection.id)
    return (allowed.status_code, answered.status_code, len(reached)) == (200, 200, 1)
