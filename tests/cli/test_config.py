"""`appliance config export`, `diff` and `apply`."""

from pathlib import Path

import yaml

from tests.cli.conftest import Call


def test_a_setup_goes_from_file_to_appliance_and_back(call: Call, tmp_path: Path) -> None:
    file, exported = tmp_path / "setup.yaml", tmp_path / "exported.yaml"
    file.write_text("connections: [{name: North, system: sandbox, historical_days: 30}]\n")
    differs = call("config", "diff", str(file))
    assert (differs.status, "connection North: created" in differs.out) == (2, True)
    rehearsed = call("config", "apply", str(file), "--dry-run")
    assert (rehearsed.status, "Nothing was changed." in rehearsed.out) == (0, True)
    applied = call("config", "apply", str(file))
    assert applied.status == 0
    assert "token, shown once: apl_" in applied.out
    assert call("config", "export", "--out", str(exported)).status == 0
    assert yaml.safe_load(exported.read_text())["connections"][0]["historical_days"] == 30
    again = call("config", "apply", "-", "--json", given=exported.read_text())
    assert [one["state"] for one in again.json] == ["same"]
    assert call("config", "diff", str(exported)).status == 0
    exported.write_text(exported.read_text().replace("historical_days: 30", "historical_days: 60"))
    changed = call("config", "diff", str(exported))
    assert (changed.status, "historical_days: 30 → 60" in changed.out) == (2, True)


def test_one_wrong_object_is_a_failure(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "setup.yaml"
    file.write_text("connections: [{name: A, system: none-such}, {name: B, system: sandbox}]\n")
    done = call("config", "apply", str(file))
    assert done.status == 1
    assert "connection A: failed" in done.out and "connection B: created" in done.out


def test_a_file_that_is_no_setup_is_an_error(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "setup.yaml"
    file.write_text("connectoins: []\n")
    done = call("config", "apply", str(file))
    assert (done.status, "SETUP_INVALID" in done.err) == (1, True)
    assert call("config", "apply", str(tmp_path / "none.yaml")).status == 1


def test_settings_are_shown_with_where_they_come_from(call: Call) -> None:
    shown = {one["key"]: one for one in call("config", "show", "--effective", "--json").json}
    assert shown["data_dir"]["origin"].startswith("flag")
    assert shown["listen"]["origin"] == "default"
