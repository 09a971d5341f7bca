"""`appliance connector`: from a new folder to a tested one, without a data directory."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Call
from tests.simulators.anvil import SECRET, Anvil, running
from tests.simulators.plain_rest import KEY, PlainRest

ANVIL = Path(__file__).parents[1] / "connectors_of_customers" / "anvil"


@pytest.fixture
def anvil() -> Anvil:
    return Anvil()


@pytest.fixture
def fields(anvil: Anvil, tmp_path: Path) -> Iterator[str]:
    """A file with the fields of the running system."""
    with running(anvil) as server:
        file = tmp_path / "fields.yaml"
        file.write_text(
            yaml.safe_dump({"url": server.url, "client_id": "appliance", "client_secret": SECRET})
        )
        yield str(file)


def test_five_entities_of_a_rest_system_need_no_python_and_few_lines(call: Call, fields: str) -> None:
    assert not list(ANVIL.glob("*.py"))
    text = (ANVIL / "connector.yaml").read_text("utf-8")
    assert len(text.splitlines()) < 200
    assert call("connector", "validate", str(ANVIL), "--json").json == {"valid": True, "problems": []}
    tested = call("connector", "test", str(ANVIL), "--fields-file", fields, "--json")
    assert tested.status == 0, tested.out
    checks = tested.json["checks"]
    read = {check["entity"] for check in checks if check["name"] == "mapping" and check["state"] == "passed"}
    assert read == {"Vendor", "Part", "Asset", "WorkOrder", "PurchaseOrder", "Status"}
    assert {check["name"] for check in checks if check["state"] == "warning"} == {"probe tls"}


def test_a_failed_check_is_status_1_and_stands_in_the_report(call: Call, anvil: Anvil, fields: str) -> None:
    anvil.flaws.add("exclusive")
    tested = call("connector", "test", str(ANVIL), "--fields-file", fields)
    assert tested.status == 1
    assert re.search(r"^failed   Part changes: ", tested.out, re.M)
    assert re.search(r"^anvil: \d+ passed, 1 warning, 5 failed, \d+ skipped\.$", tested.out, re.M)


def test_a_recording_is_replayed_without_the_system_and_holds_no_secret(
    call: Call, anvil: Anvil, tmp_path: Path
) -> None:
    file = tmp_path / "anvil.jsonl"
    with running(anvil) as server:
        live = call(
            *("connector", "test", str(ANVIL), "--json", "--record", str(file)),
            *("--field", f"url={server.url}", "--field", "client_id=appliance"),
            *("--field", f"client_secret={SECRET}"),
        )
    assert live.status == 0, live.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_text("utf-8")
    assert SECRET not in kept
    assert "Bearer" not in kept
    again = call("connector", "test", str(ANVIL), "--json", "--replay", str(file))
    assert again.status == 0, again.out
    about_entities = [
        [check for check in report["checks"] if check["entity"]] for report in (live.json, again.json)
    ]
    assert about_entities[0] == about_entities[1]


def test_the_fields_are_checked_as_the_form_says(call: Call) -> None:
    refused = call("connector", "test", str(ANVIL), "--field", "url=here", "--json")
    assert refused.status == 1
    assert set(refused.json["error"]["details"]["fields"]) == {"url", "client_id", "client_secret"}


def test_an_installed_connector_is_tested_by_its_name(call: Call) -> None:
    tested = call("connector", "test", "sandbox", "--limit", "20", "--json")
    assert (tested.status, tested.json["system"]) == (0, "sandbox")
    assert all(check["details"]["rows"] <= 50 for check in tested.json["checks"] if check["name"] == "paging")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("test", "no_such"), "UNKNOWN_SYSTEM"),
        (("test", "./no-such"), "NOT_FOUND"),
        (("test", str(ANVIL), "--replay", "no-such.jsonl"), "CONFIGURATION_ERROR"),
        (("test", "sandbox", "--record", "/proc/none"), "INVALID_REQUEST"),
        (("new", "Not A Name"), "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_done_is_told(call: Call, command: tuple[str, ...], said: str) -> None:
    refused = call("connector", *command)
    assert (refused.status, refused.err.split(":")[0]) == (1, said)


def test_a_new_folder_works_against_the_interface_its_comments_describe(call: Call, tmp_path: Path) -> None:
    made = call("connector", "new", "acme_cmms", "--dir", str(tmp_path / "connectors"), "--json")
    folder = Path(made.json["folder"])
    assert folder == tmp_path / "connectors" / "acme_cmms"
    assert "NAME" not in (folder / "connector.yaml").read_text("utf-8")
    assert call("connector", "validate", str(folder)).out == "No problems.\n"
    with PlainRest().running() as server:
        tested = call(
            *("connector", "test", str(folder), "--json"),
            *("--field", f"url={server.url}", "--field", f"api_key={KEY}"),
        )
    assert tested.status == 0, tested.out
    states = {
        check["name"]: check["state"] for check in tested.json["checks"] if check["entity"] == "WorkOrder"
    }
    assert set(states.values()) == {"passed"}, states
    again = call("connector", "new", "acme_cmms", "--dir", str(tmp_path / "connectors"))
    assert (again.status, again.err.split(":")[0]) == (1, "CONFLICT")


def test_a_new_folder_goes_where_the_settings_say(call: Call, tmp_path: Path) -> None:
    there = tmp_path / "of the site"
    there.mkdir()
    made = call("connector", "new", "acme", "--json", "--set", f"connectors_dir={there}")
    assert made.json["folder"] == str(there / "acme")
    listed = call("connector", "list", "--json", "--set", f"connectors_dir={there}").json
    (ours,) = [row for row in listed["connectors"] if not row["packaged"]]
    assert (ours["system"], ours["entities"]) == ("acme", ["Status", "Vendor", "WorkOrder"])


def test_problems_are_listed_with_their_places_and_status_1(call: Call, tmp_path: Path) -> None:
    folder = Path(call("connector", "new", "acme", "--dir", str(tmp_path), "--json").json["folder"])
    file = folder / "connector.yaml"
    file.write_text(
        file.read_text().replace("tier: 3", "tier: 9").replace("      name: name", "      nam: name")
    )
    refused = call("connector", "validate", str(folder))
    assert refused.status == 1
    first, second = refused.out.splitlines()
    assert re.match(r"connector\.yaml:\d+ tier: ", first)
    assert re.match(r"connector\.yaml:\d+ entities\.Vendor\.map\.nam: ", second)


def test_the_list_shows_the_packaged_connectors_and_what_was_left_out(call: Call, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "connector.yaml").write_text("system: broken\n")
    listed = call("connector", "list", "--set", f"connectors_dir={tmp_path}").out
    assert re.search(r"^tryton +Tryton +8\.0 ", listed, re.M)
    assert re.search(r"^Left out: broken: ", listed, re.M)


def test_the_reference_is_printed_or_written(call: Call, tmp_path: Path) -> None:
    printed = call("connector", "docs").out
    assert printed.startswith("# Connector reference\n")
    file = tmp_path / "reference.md"
    assert call("connector", "docs", "--out", str(file)).status == 0
    assert file.read_text("utf-8").strip() == printed.strip()
    assert call("connector", "docs", "--out", str(tmp_path / "no" / "where")).status == 1


def test_no_command_makes_a_data_directory(call: Call, tmp_path: Path, fields: str) -> None:
    call("connector", "test", str(ANVIL), "--fields-file", fields)
    call("connector", "list")
    assert not (tmp_path / "data").exists()
