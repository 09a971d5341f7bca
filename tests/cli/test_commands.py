"""Every command, really run, without a service."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.server.wsgi import create_app
from appliance.users.accounts import Accounts
from tests.cli.conftest import PASSWORD, Call
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, gateway_fields
from tests.support.command import ROOT, Program, environment


def test_setup_without_the_page_works_once(program: Program, password_file: Path) -> None:
    made = program("setup", "--admin", "ada", "--password-file", str(password_file), "--json")
    assert made.json == {"account": "ada"}
    again = program("setup", "--admin", "bob", "--password-file", str(password_file), check=False)
    assert (again.status, again.err.split(":")[0]) == (1, "ALREADY_SET_UP")
    piped = program("account", "add", "bob", "--password-file", "-", given=PASSWORD + "\n")
    assert "bob" in piped.out
    program("account", "password", "ada", "--password-file", "-", given="another long passphrase")
    with Appliances(program.data_dir.parent) as appliances:
        accounts: Accounts = appliances.open().accounts
        assert accounts.sign_in("ada", "another long passphrase")
        assert accounts.sign_in("bob", PASSWORD)


@pytest.mark.parametrize(
    "content", [None, b"short\n", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff"]
)
def test_a_password_file_that_does_not_serve_is_told(call: Call, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "p"
    if content is not None:
        file.write_bytes(content)
    refused = call("setup", "--admin", "ada", "--password-file", str(file), "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] in ("CONFIGURATION_ERROR", "INVALID_REQUEST")


def test_keys_of_the_account_are_made_listed_and_revoked(program: Program) -> None:
    key = program("apikey", "add", "integration", "--json").json["key"]
    (listed,) = program("apikey", "list", "--json").json
    assert key not in json.dumps(listed)
    assert listed["name"] == "integration"
    program("apikey", "revoke", listed["id"])
    assert program("apikey", "list", "--json").json[0]["revoked_at"]


def test_a_connection_from_add_to_purge(program: Program) -> None:
    made = program("connection", "add", "--system", "sandbox", "--name", "Sample", "--json").json
    assert made["credits"] == 0
    assert made["token"].startswith("apl_")

    run = program("sync", "run", "Sample", "--wait", "--json").json
    assert run["state"] == "completed"
    assert {entity["state"] for entity in run["entities"]} == {"completed"}

    (listed,) = program("connection", "list", "--json").json
    assert (listed["id"], listed["status"]) == (made["id"], "connected")
    assert program("connection", "test", "Sample", "--json").json["passed"] is True

    again = program("connection", "reauthorize", made["id"], "--json").json
    assert again["id"] == made["id"]
    assert again["token"] != made["token"]

    status = program("status", "--json").json
    assert status["running"] is False
    assert status["connections"][0]["records"]["Asset"] == 45
    assert status["runs"][0]["state"] == "completed"
    assert "service not running" in program("status").out

    gone = program("connection", "disconnect", "Sample", "--json").json
    assert gone == {"id": made["id"], "status": "disconnected", "credits_returned": 0}
    nameless = program("connection", "disconnect", "Sample", check=False)
    assert (nameless.status, nameless.err.split(":")[0]) == (1, "CONNECTION_NOT_FOUND")
    assert program("connection", "purge", made["id"], "--json").json["records_deleted"] == 434


def test_sync_without_wait_only_queues(call: Call) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "Sample")
    queued = call("sync", "run", "Sample", "--entity", "Asset", "--json").json
    assert queued["state"] == "queued"
    unknown = call("sync", "run", "Sample", "--entity", "Nothing", "--json")
    assert (unknown.status, unknown.json["error"]["code"]) == (1, "UNKNOWN_ENTITY")
    done = call("sync", "run", "Sample", "--entity", "Asset", "--mode", "full", "--wait")
    assert re.search(r"Asset +completed +45", done.out)


def test_connecting_a_real_address_with_secrets_kept_off_the_command_line(
    program: Program, tmp_path: Path
) -> None:
    with Gateway(orders=12) as gateway:
        fields = gateway_fields(gateway)
        (tmp_path / "fields.yaml").write_text(json.dumps(fields))
        (tmp_path / "secret").write_text(fields["password"] + "\n")
        add = ("connection", "add", "--system", "generic_odata", "--hosting", "on_premises")
        by_file = program(*add, "--name", "One", "--fields-file", str(tmp_path / "fields.yaml"), "--json")
        assert by_file.json["credits"] == 8
        by_field = program(
            *(*add, "--name", "Two", "--email", "ops@plant.example", "--historical-days", "30"),
            *("--field", f"url={fields['url']}", "--field", f"username={fields['username']}"),
            *("--field", f"password=@{tmp_path / 'secret'}"),
        )
        assert "Keep the token now" in by_field.out

        third = program(*add, "--name", "Three", "--fields-file", "-", given=json.dumps(fields), check=False)
        assert third.status == 1
        assert "4 missing" in third.err

        wrong = {**fields, "password": "wrong"}
        cloud = ("connection", "add", "--system", "generic_odata", "--hosting", "cloud", "--name", "Three")
        failed = program(*cloud, "--fields-file", "-", "--json", given=json.dumps(wrong), check=False)
        assert failed.status == 1
        assert failed.json["error"]["details"]["cause"] == "SOURCE_CREDENTIALS_REJECTED"
        assert "failed   read PurchaseOrder" in failed.err
        assert "wrong" not in failed.err + failed.out
        # Both have one user, whom two refusals of each would lock.
        assert "8 credits returned" in program("connection", "disconnect", "Two").out
        gateway.users["SYNC"].password = "Changed2"
        unwell = program("sync", "run", "One", "--wait", "--json", check=False)
        assert (unwell.status, unwell.json["state"]) == (1, "failed")
        assert "reauthorization_required" in program("status").out
        program("connection", "reauthorize", "One", "--field", "password=Changed2")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--field", "no-equals-sign"), "NAME=VALUE"),
        (("--field", "url=@/no/such/file"), "cannot be read"),
        (("--fields-file", "/no/such/file"), "cannot be read"),
        (("--set", "no-equals-sign"), "KEY=VALUE"),
        (("--config", "/no/such/file"), "cannot be read"),
        (("--historical-days", "0"), "1 to"),
        (("--field", "colour=red"), "no such field"),
    ],
)
def test_a_wrong_option_is_told_and_makes_nothing(call: Call, flags: tuple[str, ...], message: str) -> None:
    refused = call("connection", "add", "--system", "sandbox", "--name", "X", *flags)
    assert refused.status == 1
    assert message in refused.err
    assert len(refused.err.splitlines()) == 1


def test_settings_are_shown_with_their_origin_and_without_secrets(program: Program) -> None:
    secrets = {
        "APPLIANCE_MASTER_PASSPHRASE": "hidden-passphrase",
        "APPLIANCE_PROXY_URL": "http://u:hidden@p:1",
    }
    shown = program("config", "show", "--effective", "--json", **secrets)
    rows = {row["key"]: row for row in shown.json}
    assert rows["master_passphrase"]["value"] == "********"
    assert rows["proxy_url"]["value"] == "********"
    assert rows["proxy_url"]["origin"] == "APPLIANCE_PROXY_URL"
    assert rows["data_dir"]["origin"] == "flag data_dir"
    assert (rows["listen"]["value"], rows["listen"]["origin"]) == ("127.0.0.1:8443", "default")
    assert "hidden" not in shown.out
    text = program("config", "show", **secrets).out
    assert "hidden" not in text and "sync.interval_seconds" in text
    assert not program.data_dir.exists()


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("lisen=127.0.0.1:1", "listen"),
        ("sync.interval=900", "sync.interval_seconds"),
        ("worker=4", "workers"),
    ],
)
def test_an_unknown_setting_names_the_nearest(call: Call, given: str, nearest: str) -> None:
    refused = call("config", "show", "--set", given)
    assert refused.status == 1
    assert refused.err.startswith("SETTINGS_INVALID") and f"Did you mean {nearest}?" in refused.err


def test_a_secret_is_refused_as_a_flag(call: Call) -> None:
    refused = call("config", "show", "--set", "master_passphrase=x")
    assert refused.status == 1 and "secret" in refused.err


def test_keys_are_rotated_and_everything_still_opens(program: Program) -> None:
    with Gateway(orders=3) as gateway:
        fields = json.dumps(gateway_fields(gateway))
        add = ("connection", "add", "--system", "generic_odata", "--hosting", "cloud", "--name", "One")
        program(*add, "--fields-file", "-", given=fields)
        before = program("key", "status", "--json").json
        rotated = program("key", "rotate", "--json").json
        assert rotated["retired"] == before["active"] != rotated["active"]
        master = program("key", "rotate-master", "--json").json
        assert master["changed"] is True
        after = program("key", "status", "--json").json
        assert after["master_key"] != before["master_key"]
        assert program("connection", "test", "One", "--json").json["passed"] is True


def test_an_entitlement_is_imported_and_shown(program: Program, tmp_path: Path) -> None:
    tool = [sys.executable, str(ROOT / "installer" / "issue_entitlement.py")]
    run = {"check": True, "capture_output": True, "env": environment()}
    subprocess.run([*tool, "keygen", str(tmp_path / "keys")], **run)  # type: ignore[call-overload]
    key, public = tmp_path / "keys" / "issuer-private.pem", tmp_path / "keys" / "issuer.pem"
    sign = ["sign", "--key", str(key), "--id", "ENT-1", "--customer", "Plant Example", "--credits", "40"]
    subprocess.run([*tool, *sign, "--out", str(tmp_path / "file")], **run)  # type: ignore[call-overload]

    shown = program("credits", "--json").json
    installation = shown["entitlement"].pop("installation")
    assert re.fullmatch(r"ins_[0-9a-f]{16}", installation)
    assert shown == {"entitlement": {"kind": "evaluation"}, "granted": 20, "used": 0, "available": 20}
    assert f"installation: {installation}" in program("entitlement", "show").out
    refused = program("entitlement", "import", str(tmp_path / "file"), check=False)
    assert (refused.status, refused.err.split(":")[0]) == (1, "ENTITLEMENT_REJECTED")
    trusting = ("--set", f"credits.entitlement_public_key_file={public}")
    imported = program("entitlement", "import", str(tmp_path / "file"), *trusting, "--json").json
    assert (imported["id"], imported["credits"]) == ("ENT-1", 40)
    assert "available: 40" in program("entitlement", "show", *trusting).out


def test_help_names_every_command_and_hides_what_is_internal() -> None:
    done = subprocess.run(
        Program.command("--help"), cwd=ROOT, capture_output=True, text=True, timeout=30, env=environment()
    )
    for name in ("serve", "demo", "setup", "connection", "sync", "status", "config", "key", "entitlement"):
        assert re.search(rf"^ +{name}\b", done.stdout, re.MULTILINE), name
    assert "_web" not in done.stdout and "_engine" not in done.stdout
    version = subprocess.run(Program.command("--version"), cwd=ROOT, capture_output=True, text=True)
    assert re.fullmatch(r"appliance \d+\.\d+\.\d+\n", version.stdout)


def test_what_is_wrong_is_told_by_each_command(call: Call, tmp_path: Path) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "Sample")
    call("connection", "add", "--system", "sandbox", "--name", "Twice")
    call("connection", "add", "--system", "sandbox", "--name", "Twice")
    call("account", "add", "ada", "--password-file", "-", given=PASSWORD)
    expected = {
        ("connection", "test", "Nobody"): "CONNECTION_NOT_FOUND",
        ("connection", "test", "Twice"): "INVALID_REQUEST",
        ("connection", "purge", "Sample"): "CONFLICT",
        ("sync", "run", "Nobody"): "CONNECTION_NOT_FOUND",
        ("apikey", "revoke", "key_unknown"): "INVALID_REQUEST",
        ("account", "add", "ada", "--password-file", "-"): "CONFLICT",
        ("account", "password", "bob", "--password-file", "-"): "INVALID_REQUEST",
        ("entitlement", "import", str(tmp_path / "none")): "CONFIGURATION_ERROR",
    }
    for command, code in expected.items():
        refused = call(*command, given=PASSWORD)
        assert (refused.status, refused.err.split(":")[0]) == (1, code), command
    listed = call("connection", "list").out
    assert listed.count("Twice") == 2 and "connected" in listed
    assert call("apikey", "list").out.split() == [
        "id",
        "name",
        "state",
        "hint",
        "created_at",
        "expires_at",
        "last_used_at",
    ]


def test_applications_are_made_renewed_listed_and_revoked(program: Program) -> None:
    made = program(
        "application",
        "add",
        "portal",
        "--redirect",
        "https://portal.example/back",
        "--verb",
        "read",
        "--json",
    ).json
    newer = program("application", "secret", made["client_id"], "--json").json
    assert newer["client_secret"] != made["client_secret"]
    program("application", "revoke", made["client_id"])
    (listed,) = program("application", "list", "--json").json
    assert (listed["state"], listed["scope"]) == ("revoked", {"verbs": ["read"]})
    assert made["client_secret"] not in json.dumps(listed)


def test_a_key_can_be_limited(program: Program) -> None:
    program("apikey", "add", "reader", "--entity", "Asset", "--verb", "read", "--days", "30", "--json")
    (listed,) = program("apikey", "list", "--json").json
    assert listed["scope"] == {"entities": ["Asset"], "verbs": ["read"]}
    assert listed["expires_at"]
    refused = program("apikey", "add", "reader", "--entity", "Assets", check=False)
    assert refused.status == 1


def test_a_logged_request_is_shown_by_its_id(program: Program) -> None:
    with Appliances(program.data_dir.parent) as appliances:
        appliance = appliances.open()
        answer = create_app(appliance).test_client().get("/api/eam/assets")
        appliance.request_log.flush()
    request_id = answer.headers["X-Request-Id"]
    (listed,) = program("request", "list", "--failed", "--json").json
    assert (listed["request_id"], listed["status"]) == (request_id, 401)
    shown = program("request", "show", request_id, "--json").json
    assert shown["response"]["body"]["error"]["code"] == "AUTHENTICATION_FAILED"
    assert program("request", "show", "req_unknown", check=False).status == 1


def test_generated_documentation_is_written_as_files(program: Program, tmp_path: Path) -> None:
    for what, kept in (
        ("errors", ROOT / "docs" / "errors.md"),
        ("client", ROOT / "clients" / "python" / "appliance_client" / "records.py"),
    ):
        program("reference", what, "--out", str(tmp_path / what))
        assert (tmp_path / what).read_text("utf-8") == kept.read_text("utf-8")
    assert program("reference", "errors", "--out", str(tmp_path / "no" / "such"), check=False).status == 1
