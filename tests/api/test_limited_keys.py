"""Limited keys of the account, over the API: entity, verb, connection, end, address."""

from typing import Any

import pytest

from appliance.users.scopes import Scope
from tests.api.conftest import Plant


def key_for(plant: Plant, **limits: Any) -> str:
    return plant.appliance.api_keys.create("limited", Scope.of(limits, plant.appliance.model.entities))


def refused(plant: Plant, method: str, path: str, key: str, **given: Any) -> bool:
    headers = {"X-Connection-Id": plant.one.connection.id, **given.pop("headers", {})}
    answer = plant.send(method, path, token=key, headers=headers, **given)
    if answer.status_code == 403:
        assert answer.get_json()["error"]["code"] in ("SCOPE_EXCEEDED", "PERMISSION_DENIED")
    return answer.status_code == 403


def test_a_key_for_one_entity_reads_that_one_only(plant: Plant) -> None:
    key = key_for(plant, entities=["PurchaseOrder", "Status"])
    assert not refused(plant, "GET", "/api/erp/purchase-orders", key)
    assert not refused(plant, "GET", "/api/erp/statuses/purchase-orders", key)
    order = plant.json("/api/erp/purchase-orders?per_page=1")["data"][0]["key"]
    assert not refused(plant, "GET", f"/api/erp/purchase-orders/{order}", key)
    vendor = plant.json("/api/erp/vendors?per_page=1")["data"][0]["key"]
    for path in ("/api/erp/vendors", f"/api/erp/vendors/{vendor}", "/api/eam/work-orders", "/api/eam/assets"):
        assert refused(plant, "GET", path, key), path
    for method, path in (
        ("GET", "/api/system/connections"),
        ("GET", "/api/system/platforms"),
        ("POST", f"/api/v1/connections/{plant.one.connection.id}/sync"),
        ("DELETE", f"/api/system/connections/{plant.one.connection.id}"),
    ):
        assert refused(plant, method, path, key), path


def test_what_is_expanded_is_covered_by_the_key_too(plant: Plant) -> None:
    key = key_for(plant, entities=["PurchaseOrder", "Site"])
    for expand in ("vendorKey", "vendor", "siteKey,vendorKey", "lineItems.nothing", "vendorKey.name"):
        assert refused(plant, "GET", f"/api/erp/purchase-orders?expand={expand}", key), expand
    assert not refused(plant, "GET", "/api/erp/purchase-orders?expand=siteKey", key)
    # Without a limit to entities the view decides.
    assert not refused(plant, "GET", "/api/erp/purchase-orders?expand=vendorKey", plant.key)


def test_a_key_that_reads_changes_nothing(plant: Plant) -> None:
    key = key_for(plant, verbs=["read"])
    assert not refused(plant, "GET", "/api/eam/assets", key)
    here = plant.one.connection.id
    for method, path in (
        ("POST", "/api/system/connections"),
        ("DELETE", f"/api/system/connections/{here}"),
        ("POST", f"/api/system/connections/{here}/token"),
        ("POST", f"/api/v1/connections/{here}/sync"),
        ("DELETE", "/api/integrations/current"),
    ):
        assert refused(plant, method, path, key), path
    assert plant.appliance.connections.get(here).is_open


def test_a_key_for_one_connection_sees_no_other(plant: Plant) -> None:
    key = key_for(plant, connections=[plant.one.connection.id])
    assert not refused(plant, "GET", "/api/eam/assets", key)
    other = plant.other.connection.id
    assert refused(plant, "GET", "/api/eam/assets", key, headers={"X-Connection-Id": other})
    assert refused(plant, "GET", f"/api/system/connections/{other}/metadata", key)
    assert refused(plant, "POST", f"/api/v1/connections/{other}/sync", key)
    run = plant.appliance.planner.runs.recent(other, 1)[0]["id"]
    for path in (f"sync/{run}", "health", "issues"):
        assert refused(plant, "GET", f"/api/v1/connections/{other}/{path}", key), path
    assert refused(plant, "GET", "/api/v1/health", key, headers={"X-Connection-Id": other})
    listed = plant.json("/api/system/connections", token=key)
    assert [connection["id"] for connection in listed["data"]] == [plant.one.connection.id]
    connect = {"provider": "sandbox", "name": "Another", "credentials": {}}
    assert refused(plant, "POST", "/api/system/connections", key, json=connect)


def test_a_path_cannot_name_one_connection_and_the_header_another(plant: Plant) -> None:
    """The path counts, for the scope as for the view."""
    key = key_for(plant, connections=[plant.one.connection.id])
    path = f"/api/system/connections/{plant.other.connection.id}/metadata"
    assert refused(plant, "GET", path, key, headers={"X-Connection-Id": plant.one.connection.id})


def test_a_key_ends_when_it_was_to_end(plant: Plant) -> None:
    key = plant.appliance.api_keys.create("short", expires_at=plant.clock.now_ms() + 60_000)
    assert plant.get("/api/system/credits", token=key).status_code == 200
    plant.clock.advance(60)
    answer = plant.get("/api/system/credits", token=key)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "API_KEY_INVALID")
    assert (
        next(one for one in plant.appliance.api_keys.list() if one["name"] == "short")["state"] == "expired"
    )


class TestAddresses:
    def ask(self, plant: Plant, key: str, address: str, forwarded: str = "") -> int:
        headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": forwarded}
        return (
            plant.app.test_client()
            .get("/api/system/credits", headers=headers, environ_base={"REMOTE_ADDR": address})
            .status_code
        )

    def test_a_key_works_from_its_range_only(self, plant: Plant) -> None:
        key = key_for(plant, networks=["10.20.0.0/16"])
        assert self.ask(plant, key, "10.20.1.2") == 200
        assert self.ask(plant, key, "10.21.1.2") == 403

    def test_nobody_can_claim_another_address(self, plant: Plant) -> None:
        key = key_for(plant, networks=["10.20.0.0/16"])
        assert self.ask(plant, key, "10.21.1.2", forwarded="10.20.1.2") == 403


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "apk_x", "Bearer " + "x" * 201])
def test_a_header_that_is_no_bearer_is_told_so(plant: Plant, header: str) -> None:
    answer = plant.get("/api/eam/assets", token="", headers={"Authorization": header})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "AUTHENTICATION_FAILED")
