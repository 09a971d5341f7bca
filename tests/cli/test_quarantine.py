"""Rejected rows and changes of the source's fields on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.support.appliance import Appliances

BREAKS = "map: {totalNetValue: vendor}\n"


@pytest.fixture
def broken(call: Call) -> Call:
    """A sandbox whose purchase orders a change of the mapping cannot map."""
    call("connection", "add", "--system", "sandbox", "--name", "Sample", "--json")
    call("sync", "run", "Sample", "--entity", "PurchaseOrder", "--wait")
    call("connection", "mapping", "Sample", "PurchaseOrder", "--file", "-", given=BREAKS)
    return call


def test_rejected_rows_are_listed_and_shown(broken: Call) -> None:
    listed = broken("connection", "quarantine", "Sample", "--json").json
    assert listed["entities"][0]["open"] >= len(listed["rows"]) > 10
    row = listed["rows"][0]
    assert "PurchaseOrder" in row["reason"] and row["stale_since"]
    assert row["reason"] in broken("connection", "quarantine", "Sample").out
    shown = broken("connection", "quarantine", "Sample", "--show", str(row["id"]), "--json").json
    assert shown["key"] == row["key"] and shown["raw"]["vendor"]
    assert (
        shown["raw"]["vendor"] in broken("connection", "quarantine", "Sample", "--show", str(row["id"])).out
    )


def test_they_are_tried_again_after_the_mapping_is_mended(broken: Call) -> None:
    before = broken("connection", "quarantine", "Sample", "--json").json["entities"][0]["open"]
    assert "Records now: 0. Still do not fit: 1." in broken(
        "connection", "quarantine", "Sample", "--retry",
        str(broken("connection", "quarantine", "Sample", "--json").json["rows"][0]["id"]),
    ).out  # fmt: skip
    broken("connection", "mapping", "Sample", "PurchaseOrder", "--rollback", "0")
    tried = broken("connection", "quarantine", "Sample", "--retry", "--json").json
    assert (tried["accepted"], tried["rejected"]) == (before, 0)
    assert "No row is rejected." in broken("connection", "quarantine", "Sample").out


def test_dismissing_asks_why(broken: Call) -> None:
    row = str(broken("connection", "quarantine", "Sample", "--json").json["rows"][0]["id"])
    refused = broken("connection", "quarantine", "Sample", "--dismiss", row, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "INVALID_REQUEST")
    done = broken("connection", "quarantine", "Sample", "--dismiss", row, "--why", "Known", "--json")
    assert json.loads(done.out) == {"dismissed": 1}
    (aside,) = broken("connection", "quarantine", "Sample", "--state", "dismissed", "--json").json["rows"]
    assert (aside["dismissed_by"], aside["dismissed_why"]) == ("command line", "Known")


def test_changes_of_the_source_s_fields_are_listed_and_acknowledged(call: Call, tmp_path: Path) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "Sample", "--json")
    assert "No field of the source has changed." in call("connection", "drift", "Sample").out
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open()
        stream = appliance.records.stream(appliance.connections.named("Sample").id, "PurchaseOrder")
        appliance.database.insert(
            "drift", stream_id=stream.id, path="vendor", kind="retyped", before="text", after="number",
            noticed_at=0, run_id="run_1",
        )  # fmt: skip
    (found,) = call("connection", "drift", "Sample", "--json").json
    assert (found["path"], found["fills"]) == ("vendor", ["vendorKey", "lineItems"])
    assert "vendorKey" in call("connection", "drift", "Sample").out
    assert "Acknowledged: 1" in call("connection", "drift", "Sample", "--acknowledge", str(found["id"])).out
    assert call("connection", "drift", "Sample", "--json").json == []
    assert len(call("connection", "drift", "Sample", "--all", "--json").json) == 1
