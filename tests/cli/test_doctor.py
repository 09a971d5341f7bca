"""`appliance doctor` and `appliance check-config`."""

import os
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.operations.checks import Finding, examined, machine, network, state, worst
from appliance.operations.heartbeat import Heartbeat
from appliance.sync.engine import EngineLock
from appliance.transport.errors import unreachable
from tests.cli.conftest import Call
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.transport.authority import Authority


def levels(body: dict, check: str) -> set[str]:
    return {one["level"] for one in body["findings"] if one["check"] == check}


def test_a_sound_installation_has_nothing_to_mend(call: Call) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "S")
    done = call("doctor", "--json")
    assert done.status == 0, done.out
    checks = {one["check"] for one in done.json["findings"]}
    assert checks >= {
        *("paths", "authorities", "certificate", "connectors", "files", "clock", "open files", "FIPS"),
        *("SELinux", "hardening", "engine", "proxy", "database", "schema", "log", "keys", "disk"),
        *("connections", "webhooks", "backups", "endings", "names", "temporary folder"),
    }
    assert levels(done.json, "engine") == {"warn"}, "the service does not run"
    assert levels(done.json, "connections") == {"ok"}
    text = call("doctor").out
    assert "→ systemctl start appliance" in text


def test_it_works_beside_a_running_engine(call: Call, appliances: Appliances) -> None:
    appliance = appliances.open()
    with EngineLock(appliance.settings.data_dir) as lock:
        assert lock.acquire()
        Heartbeat(appliance.settings.data_dir, SystemClock()).beat()
        assert machine.engine_process(appliance.settings.data_dir) == os.getpid()
        done = call("doctor", "--json")
        assert levels(done.json, "engine") == {"ok"}
        assert "The engine may open" in done.out


def test_before_a_setup_nothing_is_made(call: Call, tmp_path: Path) -> None:
    done = call("doctor")
    assert "no data directory" in done.out
    assert not (tmp_path / "data").exists()
    assert call("check-config").status == 0
    assert not (tmp_path / "data").exists()


def test_files_that_others_may_read_are_found_and_mended(call: Call, tmp_path: Path) -> None:
    call("status")
    key = tmp_path / "data" / "keyring.json"
    key.chmod(0o644)
    done = call("doctor", "--json")
    assert done.status == 1
    assert f"chmod 0600 {key}" in done.out
    assert "Mended" in call("doctor", "--fix").out
    assert key.stat().st_mode & 0o777 == 0o600
    assert call("doctor").status == 0


def test_what_cannot_be_mended_is_told_and_the_other_checks_go_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("status")
    (tmp_path / "data" / "keyring.json").chmod(0o644)
    whole = {one["check"] for one in call("doctor", "--json").json["findings"]}

    def refused(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    done = call("doctor", "--fix", "--json")
    assert done.status == 1 and {one["check"] for one in done.json["findings"]} == whole
    assert "It could not be mended: [Errno 1] Operation not permitted" in done.out


def test_a_damaged_keyring_is_a_finding_and_the_other_checks_go_on(call: Call, tmp_path: Path) -> None:
    call("status")
    (tmp_path / "data" / "keyring.json").write_text("{}")
    done = call("doctor", "--json")
    assert done.status == 1
    assert levels(done.json, "database") == {"fail"}
    assert levels(done.json, "files") == {"ok"}, done.out


def test_a_database_of_another_release_is_looked_at_and_left_alone(
    call: Call, appliances: Appliances
) -> None:
    opened = appliances.open()
    opened.database.run("PRAGMA user_version = 9999")
    done = call("doctor", "--json")
    assert levels(done.json, "schema") == {"fail"}
    assert opened.database.value("PRAGMA user_version") == 9999


def test_secrets_that_no_longer_open_are_named(appliances: Appliances) -> None:
    appliance = appliances.open()
    appliance.secrets.put("con_1", {"password": "x"})
    assert worst(list(state.secrets_open(appliance.database, appliance.secrets))) == "ok"
    appliance.database.run("UPDATE secret SET sealed = zeroblob(60)")
    (finding,) = state.secrets_open(appliance.database, appliance.secrets)
    assert (finding.level, "con_1" in finding.what) == ("fail", True)


def test_connections_that_wait_for_credentials_are_named_with_their_last_proof(
    appliances: Appliances,
) -> None:
    appliance = appliances.open()
    made = connect_sandbox(appliance, "North").connection
    work(appliance)
    appliance.connections.table.set_status(made.id, "reauthorization_required", "The password ended.", 1)
    wrong, counted = state.connections(appliance.database)
    assert wrong.level == "fail"
    assert "North is reauthorization required" in wrong.what and "The password ended." in wrong.what
    assert made.id in wrong.fix
    assert counted.what == "0 of 1 connections work."


def test_a_clock_behind_the_last_sign_of_life_is_found(tmp_path: Path) -> None:
    clock = ManualClock(start=SystemClock().now())
    Heartbeat(tmp_path, clock).beat()
    assert worst(list(machine.clock_is_sane(tmp_path, clock))) == "ok"
    clock.jump(-3600)
    (finding,) = machine.clock_is_sane(tmp_path, clock)
    assert finding.level == "fail" and "3600 s behind" in finding.what


def test_room_is_told_against_growth(tmp_path: Path) -> None:
    assert [one.level for one in machine.free_disk(tmp_path, 0, None)] == ["ok"]
    assert [one.level for one in machine.free_disk(tmp_path, 1 << 62, None)] == ["fail"]
    assert [one.level for one in machine.free_disk(tmp_path, 0, 1 << 50)] == ["warn"]


def test_what_the_system_enforces_is_read_from_its_files(tmp_path: Path) -> None:
    file = tmp_path / "flag"
    assert worst(list(machine.fips(file))) == worst(list(machine.selinux(file))) == "ok"
    file.write_text("1\n")
    (finding,) = machine.fips(file)
    assert (finding.level, "no validated module" in finding.what) == ("warn", True)
    assert worst(list(machine.selinux(file))) == "ok"


def test_names_that_no_resolver_knows_are_told_together() -> None:
    def resolve(host: str) -> None:
        if host.startswith("gone"):
            raise unreachable("resolve", host, 0, "unknown", f"The name {host} cannot be resolved.")

    found = list(network.names(["a.example", "gone.example", "gone2.example"], resolve, SystemClock()))
    assert [one.level for one in found] == ["warn", "warn"]


def test_a_check_that_fails_itself_is_a_finding() -> None:
    def broken() -> list[Finding]:
        raise ZeroDivisionError("odd")

    found = list(examined({"odd": broken, "fine": lambda: [Finding("ok", "well")]}))
    assert [(name, one.level) for name, one in found] == [("odd", "fail"), ("fine", "ok")]
    assert "ZeroDivisionError" in found[0][1].what


class TestCheckConfig:
    def test_an_unknown_key_fails_with_its_code(self, call: Call, tmp_path: Path) -> None:
        file = tmp_path / "appliance.toml"
        file.write_text('lisen = "127.0.0.1:1"\n')
        done = call("check-config", "--config", str(file))
        assert done.status == 1
        assert "SETTINGS_INVALID" in done.err and "Did you mean listen" in done.err

    def test_paths_that_are_not_there_fail(self, call: Call, tmp_path: Path) -> None:
        done = call(
            *("check-config", "--json", "--set", f"connectors_dir={tmp_path}/none"),
            *("--set", f"ca_files={tmp_path}/none.pem"),
        )
        assert done.status == 1
        assert levels(done.json, "paths") == levels(done.json, "authorities") == {"fail"}

    def test_a_connector_that_does_not_load_fails(self, call: Call, tmp_path: Path) -> None:
        (tmp_path / "own" / "broken").mkdir(parents=True)
        (tmp_path / "own" / "broken" / "connector.yaml").write_text("system: 5\n")
        done = call("check-config", "--set", f"connectors_dir={tmp_path}/own")
        assert done.status == 1
        assert "The connector broken is left out" in done.out

    def test_a_certificate_and_a_key_that_do_not_belong_together_fail(
        self, call: Call, tmp_path: Path
    ) -> None:
        authority = Authority(tmp_path)
        (certificate, key), (_, other) = authority.issue("localhost"), authority.issue("localhost")
        flags = ("--set", "tls.mode=files", "--set", f"tls.certificate={certificate}")
        assert call("check-config", *flags, "--set", f"tls.key={key}").status == 0
        done = call("check-config", *flags, "--set", f"tls.key={other}")
        assert done.status == 1
        assert "does not load" in done.out
