"""Rejected rows and changes of the source's fields over the API: listed, tried again, put aside, acknowledged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.app import Appliance
from appliance.server.wsgi import create_app
from appliance.users.scopes import Scope
from tests.support.appliance import Appliances, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant


class Caller:
    """An account key's calls about one connection; its plant has three orders, two of them without a date."""

    def __init__(self, appliance: Appliance, plant: Plant) -> None:
        self.appliance, self.plant = appliance, plant
        plant.put("PurchaseOrder", "1", "2", "3", ordered="no date")
        plant.put("PurchaseOrder", "1", ordered="2026-01-02")
        made = connect_plant(appliance, plant)
        self.connection_id, self.token = made.connection.id, made.token
        work(appliance)
        self.key = appliance.api_keys.create("tests")
        self._client: FlaskClient = create_app(appliance).test_client()

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        answer = self._client.open(
            f"/api/v1/connections/{self.connection_id}/{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
            base_url="https://localhost",
        )
        return answer.status_code, answer.get_json()

    def data(self, method: str, path: str, body: Any = None) -> Any:
        status, answered = self.send(method, path, body)
        assert status == 200, answered
        return answered["data"]


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    clock = ManualClock()
    with Appliances(tmp_path) as appliances:
        yield Caller(appliances.open(clock, connectors_dir=CONNECTORS), Plant(clock))


def test_rejected_rows_are_listed_in_pages_and_narrowed(caller: Caller) -> None:
    status, answered = caller.send("GET", "quarantine?entity=PurchaseOrder&per_page=1")
    assert (status, answered["meta"]["total"], len(answered["data"])) == (200, 2, 1)
    assert "entity=PurchaseOrder" in answered["links"]["next"]
    assert "PurchaseOrder" in answered["data"][0]["reason"] and "raw" not in answered["data"][0]
    assert caller.data("GET", "quarantine?entity=Vendor") == []
    assert caller.data("GET", "quarantine?state=dismissed") == []
    assert caller.send("GET", "quarantine?state=odd")[0] == 400


def test_one_row_comes_with_what_the_source_sent(caller: Caller) -> None:
    first = caller.data("GET", "quarantine")[-1]
    assert caller.data("GET", f"quarantine/{first['id']}")["raw"] == caller.plant.rows["PurchaseOrder"]["2"]
    for unknown in ("77", "9" * 40):
        status, answered = caller.send("GET", f"quarantine/{unknown}")
        assert (status, answered["error"]["code"]) == (404, "REJECTED_ROW_NOT_FOUND")


def test_rows_are_tried_again_one_by_one_or_all_at_once(caller: Caller) -> None:
    chosen = [caller.data("GET", "quarantine")[0]["id"]]
    tried = caller.data("POST", "quarantine/retry", {"ids": chosen})
    assert tried == {"accepted": 0, "rejected": 1, "waiting": False}
    caller.appliance.mappings.change(caller.connection_id, "PurchaseOrder", {"map": {"orderDate": None}})
    tried = caller.data("POST", "quarantine/retry", {"entity": "PurchaseOrder"})
    assert tried == {"accepted": 2, "rejected": 0, "waiting": False}
    assert caller.data("GET", "quarantine") == []
    assert caller.send("POST", "quarantine/retry", {})[1]["error"]["code"] == "REJECTED_ROW_NOT_FOUND"


def test_rows_are_dismissed_with_who_and_why(caller: Caller) -> None:
    chosen = [caller.data("GET", "quarantine")[0]["id"]]
    assert caller.data("POST", "quarantine/dismiss", {"ids": chosen, "why": "Test data"}) == {"dismissed": 1}
    (aside,) = caller.data("GET", "quarantine?state=dismissed")
    assert (aside["dismissed_by"], aside["dismissed_why"]) == ("tests", "Test data")
    assert len(caller.data("GET", "quarantine")) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("quarantine/dismiss", {"ids": [1]}),
        ("quarantine/dismiss", {"ids": [1], "why": " "}),
        ("quarantine/dismiss", {"ids": [], "why": "x"}),
        ("quarantine/dismiss", {"ids": [True], "why": "x"}),
        ("quarantine/dismiss", {"ids": [2**70], "why": "x"}),
        ("quarantine/dismiss", {"ids": list(range(1, 502)), "why": "x"}),
        ("quarantine/retry", {"ids": "1"}),
        ("quarantine/retry", {"ids": [1], "entity": "Vendor"}),
        ("quarantine/retry", {"odd": 1}),
        ("drift/acknowledge", {}),
    ],
)
def test_a_body_that_says_nothing_clear_is_refused(caller: Caller, path: str, body: Any) -> None:
    status, answered = caller.send("POST", path, body)
    assert (status, answered["error"]["code"]) == (400, "INVALID_REQUEST")


def test_another_connection_s_rows_are_not_there(caller: Caller) -> None:
    chosen = [one["id"] for one in caller.data("GET", "quarantine")]
    other = connect_plant(caller.appliance, Plant(caller.plant.clock), "Other").connection.id
    caller.connection_id = other
    assert caller.data("GET", "quarantine") == []
    for path, body in (
        ("quarantine/retry", {"ids": chosen}),
        ("quarantine/dismiss", {"ids": chosen, "why": "x"}),
    ):
        assert caller.send("POST", path, body)[0] == 404
    assert caller.send("GET", f"quarantine/{chosen[0]}")[0] == 404


def test_changes_of_the_source_s_fields_are_listed_with_what_they_fill_and_acknowledged(
    caller: Caller,
) -> None:
    caller.plant.put("PurchaseOrder", "1", name=7)
    synchronize(caller.appliance, caller.connection_id)
    (found,) = caller.data("GET", "drift?entity=PurchaseOrder")
    told = {name: found[name] for name in ("path", "kind", "before", "after", "fills")}
    assert told == {
        "path": "name",
        "kind": "retyped",
        "before": "text",
        "after": "number",
        "fills": ["title"],
    }
    assert caller.data("POST", "drift/acknowledge", {"ids": [found["id"]]}) == {"acknowledged": 1}
    assert caller.data("GET", "drift") == []
    (kept,) = caller.data("GET", "drift?state=all")
    assert kept["acknowledged_by"] == "tests"
    assert caller.send("POST", "drift/acknowledge", {"ids": [99]})[1]["error"]["code"] == "DRIFT_NOT_FOUND"


def test_it_is_for_the_account_and_a_limited_key_needs_the_verb(caller: Caller) -> None:
    assert caller.send("GET", "quarantine", key=caller.token)[0] == 401
    known = caller.appliance.model.entities
    reading = caller.appliance.api_keys.create("reading", scope=Scope.of({"verbs": ["read"]}, known))
    raw = caller.appliance.api_keys.create("raw", scope=Scope.of({"verbs": ["raw"]}, known))
    for path in ("quarantine", "drift"):
        assert caller.send("GET", path, key=reading)[0] == 403
        assert caller.send("GET", path, key=raw)[0] == 200
    assert caller.send("POST", "quarantine/retry", {}, key=raw)[0] == 403
