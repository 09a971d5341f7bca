"""The README is true: what it tells to paste runs, what it names is there."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.api.guide import source_of
from appliance.app import Appliance
from appliance.engine_room import engine_of
from appliance.model.entity import load_model
from appliance.runtime.catalog import Catalog
from appliance.settings import Settings
from tests.real.odata_mock import ODataMock
from tests.real.server import free_port
from tests.real.tryton import Tryton
from tests.support.shell import ROOT, blocks, section, shell

README = (ROOT / "README.md").read_text("utf-8")
CONNECT = source_of("connect")


def answers(printed: str) -> list[Any]:
    """The API answers among the printed lines."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith('{"data"')]


def test_the_tour_runs_as_it_stands(tmp_path: Path) -> None:
    tour = blocks(section(README, "A tour in five minutes"), "sh")
    assert len(tour) >= 8
    printed = shell("\n".join(tour).replace("8443", str(free_port())), tmp_path)

    (orders, purchases, vendors, chosen, changes, rows, able, *rest) = answers(printed)
    ordered, tried, version, terms, taken_back, *rest = rest
    assert [(line["name"], str(line["quantity"])) for line in ordered["data"]["lineItems"]] == [
        ("Bearing 6204", "12")
    ]
    assert len(tried["data"]) == 10 and tried["data"][0]["then"]["terms"] == "30 days"
    assert (version["data"]["version"], taken_back["data"]["version"]) == (1, 2)
    assert terms["data"][0]["terms"] == "30 days" and terms["data"][0]["customFields"]["buyer"]
    assert "It says what is missing, field by field." in printed
    requested, status, credits_left, after_rotation = rest
    assert len(orders["data"]) == 1 < orders["meta"]["total"]
    assert orders["next_cursor"]
    assert purchases["data"][0]["lineItems"]
    assert [vendor["name"] for vendor in vendors["data"]]
    assert [list(one) for one in chosen["data"]] == [["key", "orderNo", "totalNetValue", "expanded"]] * 2
    assert (len(changes["data"]), changes["more"]) == (2, True)
    assert rows["data"][0]["status"] == "draft"
    assert able["data"]["system"] == "sandbox"
    assert requested["data"]["mode"] == "incremental"
    assert status["data"]["connection_status"] == "connected"
    assert credits_left["data"] == {"granted": 20, "used": 0, "available": 20}
    assert after_rotation["data"]
    assert printed.count(": completed\n") == 2
    assert "is in force" in printed
    assert "Sandbox is disconnected" in printed
    assert "The token is no longer valid." in printed
    assert printed.splitlines()[-1].startswith("Credits: 20 available of 20")


@pytest.mark.real
def test_the_real_systems_connect_as_it_says(tryton: Tryton, odata_mock: ODataMock, tmp_path: Path) -> None:
    script = "\n".join(blocks(section(CONNECT, "A real system"), "console"))
    replaced = {
        "https://tryton.plant.example:8000": tryton.url,
        "database: tryton": f"database: {tryton.database}",
        "username: appliance": f"username: {tryton.user}",
        "password: the password of that user\ncompany": f"password: {tryton.password}\ncompany",
        "https://gateway.plant.example:44300/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV": odata_mock.service_url,
        "--historical-days 730": "--historical-days 3650",
        "username: APPLIANCE": f"username: {odata_mock.user}",
        "password: the password of that user\nclient": f"password: {odata_mock.password}\nclient",
    }
    for written, real in replaced.items():
        assert script.count(written) == 1, written
        script = script.replace(written, real)
    printed = shell(script, tmp_path)
    assert "Connection con_" in printed
    assert printed.count(": completed\n") == 2
    fetched = {
        line.split()[0]: int(line.split()[2]) for line in printed.splitlines() if " completed " in line
    }
    assert fetched["Part"] > 0
    assert fetched["PurchaseOrder"] == 25
    assert [path.stat().st_mode & 0o077 for path in tmp_path.glob("*.yaml")] == [0, 0]


class _Cmms(BaseHTTPRequestHandler):
    """The system that the guide's connector reads: two pages of assets, one work order, an API key."""

    key = "a key of the example"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if self.headers["X-Api-Key"] != self.key:
            self._answer(401, {"error": "no such key"})
        elif address.path == "/api/v2/me":
            self._answer(200, {"id": 7})
        else:
            rows = {"/api/v2/assets": self._assets(), "/api/v2/work-orders": [self._order()]}[address.path]
            size, page = int(query["per_page"]), int(query["page"])
            shown = rows[(page - 1) * size : page * size]
            self._answer(200, {"items": shown, "total": len(rows)})

    def _assets(self) -> list[dict[str, Any]]:
        times = {"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-02-03T04:05:06Z"}
        return [
            {"id": number, "title": f"Pump {number}", "serial": f"P-{number}", "state": "live", **times}
            for number in range(150)
        ]

    def _order(self) -> dict[str, Any]:
        return {
            "id": 9,
            "number": "WO-9",
            "subject": "Replace the seal",
            "asset": {"id": 3},
            "state": "O",
            "hours": 1.25,
            "x_permit": "hot work",
            "created_at": "2026-01-02T03:04:05Z",
            "updated_at": "2026-02-03T04:05:06Z",
        }

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def cmms() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Cmms) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_example_connector_reads_a_real_rest_server(cmms: str, tmp_path: Path) -> None:
    (definition,) = blocks(source_of("connectors"), "yaml")
    folder = tmp_path / "connectors" / "example_cmms"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(definition)
    appliance = Appliance.open(Settings(data_dir=tmp_path / "data", connectors_dir=folder.parent))
    try:
        made = appliance.connections.connect(
            system="example_cmms",
            name="CMMS",
            hosting="cloud",
            fields={"url": cmms, "api_key": _Cmms.key},
        )
        appliance.planner.request_run(made.connection.id)
        engine_of(appliance).drain()

        def records(entity: str) -> list[Any]:
            stream = appliance.records.find_stream(made.connection.id, entity)
            assert stream is not None, entity
            return [json.loads(text) for text in appliance.records.by_id(stream, 0, 200).payloads]

        assets, (order,) = records("Asset"), records("WorkOrder")
        open_status = next(status for status in records("Status") if status["code"] == "O")
    finally:
        appliance.close()
    assert len(assets) == 150
    assert assets[3]["isActive"] is True
    assert order["assetKey"] == assets[3]["key"]
    assert (order["code"], order["status"], order["estimatedTime"]) == ("WO-9", "Open", "1.25")
    assert order["statusKey"] == open_status["key"]
    assert order["customFields"] == {"x_permit": "hot work"}


def test_every_system_stands_in_the_table_with_its_evidence() -> None:
    catalog = Catalog(load_model(), resources.files("appliance.connectors"))
    written = re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", section(README, "Systems"), re.M)
    assert sorted(written) == sorted((found.system, found.evidence) for found in catalog.definitions())


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert len(links) > 10
    for link in links:
        assert (link[1:] in headings) if link.startswith("#") else (ROOT / link).exists(), link
