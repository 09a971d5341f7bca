"""The files connector as a customer uses it, from a folder, OpenSSH and Samba."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from appliance.errors import InvalidInput
from appliance.model.keys import unified_key
from appliance.runtime.form import check_form
from appliance.runtime.protocols import Since
from appliance.transport.errors import CertificateRefused
from tests.real.samba import Samba
from tests.real.sftp import SftpServer
from tests.runtime.opened import MODEL, PART, all_pages, all_records, catalog, opened, outbound, probed

ENTITIES = """
PurchaseOrder:
  required: true
  read:
    files: orders*.csv
    format: {kind: csv, numbers: [Menge, Preis]}
    group: {by: [Bestellung], into: lines}
    archive: done
  key: [Bestellung]
  times: iso
  map:
    orderNo: Bestellung
    vendorKey: Lieferant
    orderDate: Datum
    lineItems:
      each: lines
      key: [Bestellung, Pos]
      map: {lineNo: Pos, name: Text, quantity: Menge, price: Preis}
Vendor:
  read: {files: vendors.xml, format: {kind: xml, rows: Vendors/Vendor}, mode: snapshot}
  key: ["@id"]
  map: {code: "@id", name: Name}
"""
ORDERS = (
    "Bestellung;Pos;Lieferant;Datum;Text;Menge;Preis\r\n"
    "4500;10;007;2026-01-05;Lager groß;1.000;12,50\r\n"
    "4500;20;007;2026-01-05;Öl;0,5;1.234,00\r\n"
    "4501;10;008;2026-01-06;Riemen;2\r\n"
    "4502;10;008;2026-01-06;Riemen;2;7,00\r\n"
)


class Place(NamedTuple):
    fields: dict[str, Any]
    path: Path


@pytest.fixture(params=["local", "sftp", "smb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    fields: dict[str, Any] = {
        "place": request.param,
        "folder": str(tmp_path),
        "decimal": ",",
        "entities": ENTITIES,
    }
    path = tmp_path
    if request.param == "sftp":
        server: SftpServer = request.getfixturevalue("sftp_server")
        fields |= {"host": "127.0.0.1", "port": server.port, "username": server.user}
        fields |= {"key": server.client_key, "host_key": server.fingerprint}
    elif request.param == "smb":
        samba: Samba = request.getfixturevalue("samba")
        path = samba.share / tmp_path.name
        path.mkdir()
        fields |= {
            "host": "127.0.0.1",
            "port": samba.port,
            "username": samba.user,
            "password": samba.password,
        }
        fields["folder"] = f"drop/{tmp_path.name}"
    (path / "orders-1.csv").write_bytes(ORDERS.encode("cp1252"))
    (path / "vendors.xml").write_text(
        '<Vendors><Vendor id="007"><Name>Kugel &amp; Söhne</Name></Vendor></Vendors>'
    )
    for file in path.iterdir():
        os.utime(file, (1_767_600_000, 1_767_600_000))
    path.chmod(0o777)
    yield Place(fields, path)


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def test_files_become_records_from_every_place(place):
    connector = opened("files", place.fields, way=outbound(folders=[place.path]))
    report = probed(connector)
    assert report.failure is None
    assert report.readable == ("PurchaseOrder", "Vendor")
    orders = all_records(connector, "PurchaseOrder")
    assert [order["orderNo"] for order in orders.values()] == ["4500", "4502"]
    lines = orders[key("PurchaseOrder", "4500")]["lineItems"]
    assert [(line["lineNo"], line["name"], str(line["quantity"]), str(line["price"])) for line in lines] == [
        ("10", "Lager groß", "1000", "12.50"),
        ("20", "Öl", "0.5", "1234.00"),
    ]
    assert orders[key("PurchaseOrder", "4500")]["vendorKey"] == key("Vendor", "007")
    assert all_records(connector, "Vendor")[key("Vendor", "007")]["name"] == "Kugel & Söhne"
    connector.close()


def test_files_are_taken_once_counted_and_archived(place):
    connector = opened("files", place.fields, way=outbound(folders=[place.path]))
    (first,) = all_pages(connector, "PurchaseOrder")
    assert first.rejected == ("Line 4 has 6 values, there are 7 columns.",)
    mark = msgspec.json.decode(msgspec.json.encode(first.mark))
    (second,) = all_pages(connector, "PurchaseOrder", Since(mark=mark))
    assert second.rows == []
    assert (place.path / "done" / "orders-1.csv").exists()
    connector.close()


def test_the_server_s_key_is_shown_for_comparison(sftp_server, tmp_path):
    fields = {"place": "sftp", "host": "127.0.0.1", "port": sftp_server.port, "folder": str(tmp_path)}
    connector = opened("files", {**fields, "username": "x", "password": "y", "entities": ENTITIES})
    report = probed(connector)
    assert isinstance(report.failure, CertificateRefused)
    assert sftp_server.fingerprint in report.stages[-1].message


def test_a_remote_place_needs_its_host():
    with pytest.raises(InvalidInput, match="host"):
        opened("files", {"place": "smb", "folder": "a/b", "entities": ENTITIES})


def test_the_private_key_is_sealed_with_its_lines():
    definition = catalog().folder("files").definition
    values = check_form(definition, {"folder": "/x", "key": "-----BEGIN\nkey\n", "entities": ENTITIES})
    assert values.secret == {"key": "-----BEGIN\nkey\n"}
    assert values.public["place"] == "sftp"
