"""Mapping, writes and pass-through of a connection on the command line."""

import json
from pathlib import Path

import pytest

from appliance.server.wsgi import create_app
from tests.cli.conftest import Call
from tests.support.appliance import Appliances


@pytest.fixture
def token(call: Call) -> str:
    made = call("connection", "add", "--system", "sandbox", "--name", "Sample", "--json").json
    call("sync", "run", "Sample", "--entity", "PurchaseOrder", "--wait")
    return str(made["token"])


def test_a_mapping_is_shown_changed_and_taken_back(call: Call, token: str, tmp_path: Path) -> None:
    shown = call("connection", "mapping", "Sample", "PurchaseOrder")
    assert "vendorKey" in shown.out and "source field" in shown.out
    file = tmp_path / "change.yaml"
    file.write_text("map: {terms: {const: 30 days}, title: null}\ncustom: {buyer: vendor}\nnote: Agreed\n")
    change = ("connection", "mapping", "Sample", "PurchaseOrder")
    made = call(*change, "--file", str(file), "--json").json
    assert (made["version"], made["note"], made["author"]) == (1, "Agreed", "command line")
    assert made["map"] == {"terms": {"const": "30 days"}, "title": None}
    after = call(*change)
    assert "*  terms" in after.out and "(taken out)" in after.out and "customFields.buyer" in after.out
    (order,) = [
        one
        for one in call("connection", "mapping", "Sample", "--json").json
        if one["entity"] == "PurchaseOrder"
    ]
    assert order["changed"] is True
    assert "is in force" in call(*change, "--rollback", "0").out
    assert "changed" not in call("connection", "mapping", "Sample").out.replace("mapping", "")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("map: {terms: {path: a, odd: 1}}", "MAPPING_INVALID"),
        ("map: [", "MAPPING_INVALID"),
        ("- a", "INVALID_REQUEST"),
    ],
)
def test_a_change_that_cannot_be_is_refused(call: Call, token: str, given: str, code: str) -> None:
    change = ("connection", "mapping", "Sample", "PurchaseOrder", "--json")
    refused = call(*change, "--file", "-", given=given)
    assert (refused.status, refused.json["error"]["code"]) == (1, code)
    assert call(*change).json["versions"] == []


def test_a_change_names_its_entity(call: Call, token: str) -> None:
    refused = call("connection", "mapping", "Sample", "--rollback", "0", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "INVALID_REQUEST")


def test_writes_are_listed_with_what_went_wrong(call: Call, token: str, tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open()
        client = create_app(appliance).test_client()
        answer = client.post(
            "/api/eam/work-orders",
            json={"title": "Grease"},
            headers={"Authorization": f"Bearer {token}"},
            base_url="https://localhost",
        )
        assert answer.status_code == 201
        write_id = answer.headers["X-Write-Id"]
        (listed,) = call("connection", "writes", "Sample", "--json").json
        assert (listed["id"], listed["state"], listed["error"]) == (write_id, "done", None)
        failure = {"code": "SOURCE_REJECTED", "message": "Not on Sundays", "details": {}}
        appliance.writes.table.fail(write_id, "failed", failure, 1)
    assert "SOURCE_REJECTED: Not on Sundays" in call("connection", "writes", "Sample").out
    assert call("connection", "writes", "Sample", "--state", "unknown", "--json").json == []


def test_pass_through_is_closed_opened_and_closed(call: Call, token: str) -> None:
    assert "hands nothing on" in call("connection", "passthrough", "Sample").out
    opened = call("connection", "passthrough", "Sample", "--allow", "GET /orders/**", "SQL", "--json").json
    assert opened == {"allow": ["GET /orders/**", "SQL"], "calls": []}
    refused = call("connection", "passthrough", "Sample", "--allow", "fetch it", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "INVALID_REQUEST")
    assert json.loads(call("connection", "passthrough", "Sample", "--close", "--json").out)["allow"] == []


def test_health_tells_each_aspect_with_its_last_proof(call: Call, token: str) -> None:
    shown = call("connection", "health", "Sample")
    assert shown.status == 0
    assert all(f"{aspect:14} proven" in shown.out for aspect in ("reachable", "authenticated", "authorized"))
    told = call("connection", "health", "Sample", "--json").json
    assert (told["status"], told["issues"]) == ("connected", [])


def test_issues_are_listed_and_dismissed(call: Call, token: str, tmp_path: Path) -> None:
    assert "No issue is open." in call("issues").out
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open()
        (connection,) = appliance.connections.table.all()
        appliance.issues.open("SOURCE_ERROR", "Refused.", connection_id=connection.id, entity="Vendor")
    listed = call("issues", "--connection", "Sample")
    assert "SOURCE_ERROR, Sample Vendor" in listed.out and "source admin: Look the message up" in listed.out
    (issue,) = call("issues", "--json").json
    assert call("issues", "--dismiss", issue["id"]).status == 1, "without a note"
    assert call("issues", "--note", "Known.").status == 1
    dismissed = call("issues", "--dismiss", issue["id"], "--note", "Known.", "--json").json
    assert (dismissed["state"], dismissed["dismissed_by"]) == ("dismissed", "command line")
    assert "dismissed: Known." in call("issues", "--state", "dismissed").out
