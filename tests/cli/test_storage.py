"""`appliance retention` and `appliance database compact`."""

import pytest

from appliance.operations.disk import DiskGuard
from appliance.store.space import Space
from appliance.sync.engine import EngineLock
from tests.cli.conftest import Call
from tests.support.appliance import Appliances


def test_rules_and_contents_are_shown_and_carried_out_on_demand(call: Call) -> None:
    shown = call("retention")
    assert "retention" not in shown.err
    assert "90 days" in shown.out and "not yet" in shown.out and "until they expire" in shown.out
    done = call("retention", "--run", "--json")
    assert done.status == 0
    assert set(done.json["deleted_now"].values()) == {0}
    rules = {rule["rule"]: rule for rule in call("retention", "--json").json["retention"]}
    assert rules["runs"]["ran_at"] is not None
    assert rules["raw_rows"]["off"] is True and rules["raw_rows"]["ran_at"] is None


def test_the_file_is_compacted_while_no_service_runs(call: Call, appliances: Appliances) -> None:
    call("status")
    opened = appliances.open().database
    opened.run("CREATE TABLE large (x BLOB)")
    opened.run("INSERT INTO large VALUES (zeroblob(4000000))")
    opened.run("DROP TABLE large")
    appliances.close()
    done = call("database", "compact", "--json")
    assert done.status == 0
    assert done.json["after"] < done.json["before"] - 3_000_000


def test_a_pause_stands_in_the_status_and_ends_a_wait(
    call: Call, appliances: Appliances, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "S")
    database = appliances.open().database
    database.run("INSERT INTO disk_pause (id, paused_at, free) VALUES (1, 1767000000000, 1)")
    assert "waits for room on the disk since 2025-12-29" in call("status").out
    monkeypatch.setattr(DiskGuard, "space", lambda self: Space(1 << 20, 100 << 30))
    refused = call("sync", "run", "S", "--wait")
    assert (refused.status, refused.err.split(":")[0]) == (1, "DISK_LOW")
    assert "It goes on by itself above 1,280 MiB" in refused.err


def test_a_disk_that_fills_while_the_service_has_the_run_ends_a_wait(
    call: Call, appliances: Appliances, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "S")
    monkeypatch.setattr(DiskGuard, "space", lambda self: Space(1 << 20, 100 << 30))
    opened = appliances.open()
    service = EngineLock(opened.settings.data_dir)
    assert service.acquire()
    with service:
        refused = call("sync", "run", "S", "--wait")
    assert (refused.status, refused.err.split(":")[0]) == (1, "DISK_LOW")
    (run,) = opened.planner.runs.recent(None, 10)
    assert run["state"] == "queued", "it goes on by itself"
