"""The support bundle: canaries are planted wherever a secret could stand, and none may come out."""

import base64
import json
import stat
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.operations.secret_search import SecretSearch
from tests.cli.conftest import Call
from tests.support.appliance import Appliances, connect_sandbox, work

VAULT = 'canary vault "é" value'
PASSPHRASE_LIKE = "canary-metrics-token"
PROXY = "canary-proxy-password"
PEM = (
    "-----BEGIN EC PRIVATE"
    + " KEY-----\nMIGHcanaryCANARYcanaryCANARYcanary0123\nQQ==\n-----END EC PRIVATE KEY-----"
)
LOG = f"""
2026-01-05 login of svc failed for {VAULT} at source
2026-01-05 {{"body": {json.dumps(VAULT)}}}
2026-01-05 GET /x?key={quote(VAULT)} Authorization: Basic {base64.b64encode(b"u:canary-basic").decode()}
2026-01-05 proxy http://svc:canary-in-address@proxy.plant.example:3128 refused
2026-01-05 Bearer apk_canarycanarycanarycanary
2026-01-05 token apl_canarycanarycanarycanary seen
2026-01-05 {base64.b64encode(VAULT.encode()).decode()}
2026-01-05 password=canary-named in a form
{PEM}
2026-01-05 an honest line
"""


def content_of(bundle: Path) -> dict[str, str]:
    with zipfile.ZipFile(bundle) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_no_planted_secret_comes_out(call: Call, appliances: Appliances, tmp_path: Path) -> None:
    appliance = appliances.open()
    made = connect_sandbox(appliance).connection
    work(appliance)
    appliance.secrets.put(made.id, {"password": VAULT, "key": PEM})
    token = appliance.api_keys.create("k")
    appliance.issues.open(
        "DATA_STALE", f"It says {VAULT}, {token}.", connection_id=made.id, detail={"answer": VAULT}
    )
    appliance.database.run("UPDATE run_entity SET error_message = ?, error_code = 'X'", (VAULT,))
    log = tmp_path / "service.log"
    log.write_text(LOG)
    out = tmp_path / "bundle.zip"
    done = call(
        *("support-bundle", "--out", str(out), "--log", str(log)),
        APPLIANCE_PROXY_URL=f"http://svc:{PROXY}@127.0.0.1:9",
        APPLIANCE_METRICS_TOKEN=PASSPHRASE_LIKE,
    )
    assert done.status == 0, done.err
    files = content_of(out)
    everything = "\n".join(files.values())
    for canary in ("canary", "CANARY", VAULT, PROXY, token, base64.b64encode(VAULT.encode()).decode()):
        assert canary not in everything, canary
    assert json.dumps(VAULT)[1:-1] not in everything
    assert appliance.keyring.database_key.hex() not in everything
    assert "an honest line" in files["support/log.txt"]
    masked = {one["name"]: one["masked"] for one in json.loads(files["support/MANIFEST.json"])}
    assert masked["log.txt"] >= 9 and masked["issues.json"] >= 3 and masked["runs.json"] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_it_says_what_helps_and_holds_no_payload(call: Call, appliances: Appliances, tmp_path: Path) -> None:
    appliance = appliances.open()
    made = connect_sandbox(appliance, "North plant").connection
    work(appliance)
    out = tmp_path / "bundle.zip"
    done = call("support-bundle", "--out", str(out), "--json")
    assert done.json["written"] == str(out)
    files = content_of(out)
    assert json.loads(files["support/versions.json"])["packages"]
    assert {one["check"] for one in json.loads(files["support/doctor.json"])} >= {"database", "keys"}
    (run,) = json.loads(files["support/runs.json"])
    assert run["connection_id"] == made.id and run["entities"][0]["fetched"] > 0
    assert json.loads(files["support/statistics.json"])["records"] > 0
    assert "appliance_build_info" in files["support/metrics.txt"]
    payload = appliance.database.value("SELECT payload FROM record LIMIT 1")
    title = next(str(v) for v in json.loads(payload).values() if isinstance(v, str) and len(v) > 12)
    assert title not in "\n".join(files.values())
    assert "North plant" not in files["support/connections.json"]


def test_a_dry_run_shows_the_files_and_writes_nothing(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    done = call("support-bundle", "--dry-run", "--out", str(out))
    assert done.status == 0
    assert "settings.json" in done.out and "masked" in done.out and "Nothing was written." in done.out
    assert not out.exists()


def test_a_file_that_is_there_is_not_overwritten(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "bundle.zip"
    out.write_text("mine")
    assert call("support-bundle", "--out", str(out)).status == 1
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x longer-secret y", "x ******** y"),
        ("x longer y", "x ******** y"),
        ('{"password": "abcdef"}', '{"password": "********"}'),
        ("https://svc:pass@h/", "https://********@h/"),
        ("Bearer abcdefghijk", "Bearer ********"),
        ("the password is wrong", "the password is wrong"),
        ("https://h/path@x", "https://h/path@x"),
    ],
)
def test_secrets_are_found_by_value_and_by_form(text: str, left: str) -> None:
    search = SecretSearch(["longer", "longer-secret", "is"])
    assert search.redact(text).text == left
