"""Writing to ECC through the customer's modules, against the simulator of the SOAP-RFC node."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import ConfigurationError, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING
from tests.connectors.sap_ecc.expected import EXPECTED, filled, key
from tests.connectors.sap_ecc.test_sap_ecc import DEFINITION, connected
from tests.runtime.written import read_back, write
from tests.simulators.sap_ecc import MATERIAL, ORDER, PUMP, Ecc
from tests.simulators.sap_ecc.modules import PREFIX

JANUARY, FEBRUARY = datetime(2026, 1, 25, 6, 30, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC)
MODULES = Path(__file__).parents[3] / "appliance" / "connectors" / "sap_ecc" / "modules.md"


@pytest.fixture
def sap() -> Iterator[Ecc]:
    sap = Ecc()
    with sap.served() as server:
        sap.url = server.url
        yield sap


@pytest.fixture
def connector(sap: Ecc) -> Iterator[Connector]:
    fields = {"company_code": "1000", "purchasing_organization": "1000", "purchasing_group": "001"}
    one = connected(sap, write_prefix=PREFIX, material_group="01", work_center="MECH", **fields)
    yield one
    one.close()


def read(connector: Connector, entity: str, source_key: list[Any]) -> dict[str, Any]:
    record: dict[str, Any] = filled(read_back(connector, entity, source_key))
    return record


@pytest.mark.parametrize("entity", [name for name in EXPECTED if name != "Status"])
def test_a_single_record_is_the_same_as_one_of_many(connector: Connector, entity: str) -> None:
    pages = connector.pages(entity)
    position: Any = pages.first()
    projection = connector.projection(entity)
    for raw in pages.fetch(position, EVERYTHING, resuming=False, sample=False).rows:
        if projection.key(raw) == EXPECTED[entity]["key"]:
            row = msgspec.json.decode(raw)
            source_key = [row[name] for name in DEFINITION.entities[entity].key]
            assert read(connector, entity, source_key) == EXPECTED[entity]
            assert connector.one(entity, ["~" for _ in source_key]) is None
            return
    raise AssertionError(f"no {entity}")


LINE: dict[str, Any] = {
    "materialKey": MATERIAL,
    "storeroomKey": ["1000", "0001"],
    "name": "Seal | 50",
    "quantity": Decimal("12.500"),
    "uomKey": "ST",
    "price": Decimal("0.25"),
    "accountKey": ["1000", "0000004100"],
    "dueAt": FEBRUARY,
}
PURCHASE: dict[str, Any] = {
    "vendorKey": "0000000042",
    "siteKey": "1000",
    "title": "offer 78",
    "orderDate": JANUARY,
    "terms": "0001",
    "currencyKey": "EUR",
    "lineItems": [LINE, {"name": "Service", "quantity": 1, "price": 5}],
}


def test_a_purchase_order_is_made_with_its_lines(sap: Ecc, connector: Connector) -> None:
    number = write(connector, "PurchaseOrder", "create", PURCHASE, reference="a1b2c3d4e5f6a7b8")
    record = read(connector, "PurchaseOrder", number)
    first, second = record.pop("lineItems")
    assert record == {
        "key": key("PurchaseOrder", *number),
        "organizationKey": key("Organization", "1000"),
        "siteKey": key("Site", "1000"),
        "orderDate": "2026-01-25T00:00:00Z",
        "vendorKey": key("Vendor", "0000000042"),
        "userRequestedKey": key("User", "SYNC"),
        "orderNo": number[0],
        "statusKey": key("Status", "purchase-orders", "02"),
        "title": "offer 78",
        "terms": "0001",
        "notes": "a1b2c3d4e5f6",
        "currencyKey": key("Currency", "EUR"),
        "updatedAt": "2026-01-20T00:00:00Z",
        "customFields": record["customFields"],
    }
    assert record["customFields"]["documentType"] == "NB"
    assert (first["lineNo"], first["materialKey"], first["name"]) == (
        "10",
        key("Part", MATERIAL),
        "Seal | 50",
    )
    assert (first["storeroomKey"], first["quantity"]) == (key("Storeroom", "1000", "0001"), "12.500")
    assert (first["price"], first["uomKey"]) == ("0.25", key("UnitOfMeasure", "ST"))
    assert (second["lineNo"], second["name"], Decimal(second["price"])) == ("20", "Service", 5)
    sent = next(parameters for name, parameters in sap.calls if name == f"{PREFIX}PO_CREATE")
    assert sent["POSCHEDULE"] == [
        {"PO_ITEM": "00010", "SCHED_LINE": "0001", "QUANTITY": "12.500", "DELIVERY_DATE": "2026-02-03"}
    ]
    assert sent["POACCOUNT"] == [
        {"PO_ITEM": "00010", "SERIAL_NO": "01", "QUANTITY": "12.500", "COSTCENTER": "0000004100"}
    ]


def test_the_same_order_is_made_once(connector: Connector) -> None:
    first = write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe")
    assert write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe") == first
    assert write(connector, "PurchaseOrder", "create", PURCHASE, reference="beef") != first


def test_header_and_lines_change_together_and_only_what_is_given(connector: Connector) -> None:
    before = read(connector, "PurchaseOrder", ["4500000001"])
    lines = [{"lineNo": "10", "quantity": Decimal("9.5")}, {"lineNo": "30", "name": "Grease", "quantity": 1}]
    lines[1] |= {"materialKey": MATERIAL, "storeroomKey": ["1000", "0001"], "price": 2}
    write(connector, "PurchaseOrder", "update", {"title": "new", "lineItems": lines}, key=["4500000001"])
    after = read(connector, "PurchaseOrder", ["4500000001"])
    ten, twenty, thirty = after.pop("lineItems")
    old = before.pop("lineItems")
    assert after == {**before, "title": "new"}
    assert ten == {**old[0], "quantity": "9.5"} and twenty == old[1]
    assert (thirty["lineNo"], thirty["name"], Decimal(thirty["price"])) == ("30", "Grease", 2)


def test_nothing_is_stored_when_sap_refuses_a_line(connector: Connector) -> None:
    before = read(connector, "PurchaseOrder", ["4500000001"])
    with pytest.raises(SourceError, match=r"Material NONE does not exist \(06 321\)"):
        record = {"title": "new", "lineItems": [{"lineNo": "10", "materialKey": "NONE"}]}
        write(connector, "PurchaseOrder", "update", record, key=["4500000001"])
    assert read(connector, "PurchaseOrder", ["4500000001"]) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vendorKey": "0000000077"}, "Vendor 0000000077 does not exist"),
        ({"lineItems": []}, "no items"),
        ({"title": "more than twelve"}, "REF_1 is longer than 12"),
        ({"siteKey": None, "lineItems": [{"name": "x", "quantity": 1}]}, "enter plant"),
    ],
)
def test_a_refusal_keeps_the_words_of_sap(connector: Connector, change: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        write(connector, "PurchaseOrder", "create", {**PURCHASE, **change})


def test_without_modules_of_their_own_nothing_is_written(sap: Ecc) -> None:
    connector = connected(sap)
    with pytest.raises(ConfigurationError, match="no step applies"):
        write(connector, "PurchaseOrder", "create", PURCHASE)
    connector.close()
    assert sap.calls == []


def test_a_module_that_is_not_there_is_told(sap: Ecc) -> None:
    connector = connected(sap, write_prefix="Z_OTHER_")
    with pytest.raises(SourceError, match="FU_NOT_FOUND"):
        write(connector, "PurchaseOrder", "create", PURCHASE)
    connector.close()


def test_goods_are_received_for_an_order_once(connector: Connector) -> None:
    record = {
        "poKey": "4500000001",
        "notes": "DN-8",
        "orderDate": JANUARY,
        "completedAt": FEBRUARY,
        "lineItems": [{"lineNo": "10", "quantity": 4, "uomKey": "ST", "storeroomKey": ["1000", "0001"]}],
    }
    made = write(connector, "Receiving", "create", record, reference="feed")
    assert write(connector, "Receiving", "create", record, reference="feed") == made
    receipt = read(connector, "Receiving", made)
    (line,) = receipt["lineItems"]
    assert (receipt["poKey"], receipt["notes"]) == (key("PurchaseOrder", "4500000001"), "DN-8")
    assert (receipt["orderDate"], receipt["completedAt"]) == ("2026-01-25T00:00:00Z", "2026-02-03T00:00:00Z")
    assert (line["materialKey"], Decimal(line["quantity"]), line["type"]) == (key("Part", MATERIAL), 4, "101")
    record["lineItems"][0]["lineNo"] = "90"
    with pytest.raises(SourceError, match="PO item 4500000001 00090"):
        write(connector, "Receiving", "create", record)


def test_a_maintenance_order_is_made_changed_released_and_completed(connector: Connector) -> None:
    record = {
        "title": "Change the seal",
        "severity": "2",
        "siteKey": "1000",
        "assetKey": PUMP,
        "locationKey": "ULM-P1",
        "serviceRequestKey": "000010000001",
        "scheduledAt": JANUARY,
        "dueAt": FEBRUARY,
        "tasks": [{"title": "Drain"}, {"code": "0040", "title": "Flush"}],
    }
    number = write(connector, "WorkOrder", "create", record)
    job = read(connector, "WorkOrder", number)
    assert {name: job[name] for name in ("title", "severity", "categoryName", "scheduledAt", "dueAt")} == {
        "title": "Change the seal",
        "severity": "2",
        "categoryName": "PM01",
        "scheduledAt": "2026-01-25T00:00:00Z",
        "dueAt": "2026-02-03T00:00:00Z",
    }
    assert (job["assetKey"], job["locationKey"]) == (key("Asset", PUMP), key("Location", "ULM-P1"))
    assert job["serviceRequestKey"] == key("ServiceRequest", "000010000001")
    assert [(task["code"], task["title"]) for task in job["tasks"]] == [("0010", "Drain"), ("0040", "Flush")]
    write(connector, "WorkOrder", "update", {"title": "Seal"}, key=number)
    assert read(connector, "WorkOrder", number) == {**job, "title": "Seal"}
    with pytest.raises(SourceError, match="TECHNICALCOMPLETE is not possible"):
        write(connector, "WorkOrder", "status", {}, key=number, status="3")
    for code in ("2", "3"):
        assert write(connector, "WorkOrder", "status", {}, key=number, status=code) == number
        assert read(connector, "WorkOrder", number)["statusKey"] == key("Status", "work-orders", code)


def test_an_order_that_is_there_changes_only_in_what_is_given(connector: Connector) -> None:
    before = read(connector, "WorkOrder", [ORDER])
    write(connector, "WorkOrder", "update", {"dueAt": FEBRUARY}, key=[ORDER])
    assert read(connector, "WorkOrder", [ORDER]) == {**before, "dueAt": "2026-02-03T00:00:00Z"}


def test_a_notification_is_made(sap: Ecc, connector: Connector) -> None:
    record = {
        "title": "Pump leaks",
        "description": "Since <Monday>",
        "assetKey": PUMP,
        "userRequestedKey": "SMITH",
    }
    number = write(connector, "ServiceRequest", "create", record)
    request = read(connector, "ServiceRequest", number)
    assert (request["title"], request["assetKey"]) == ("Pump leaks", key("Asset", PUMP))
    assert (request["categoryName"], request["customFields"]["reportedBy"]) == ("M1", "SMITH")
    assert request["statusKey"] == key("Status", "service-requests", "1")
    sent = next(parameters for name, parameters in sap.calls if name == f"{PREFIX}NOTIF_CREATE")
    assert sent["DESCRIPTION"] == "Since <Monday>"


def test_every_module_that_is_called_is_documented() -> None:
    source = MODULES.read_text("utf-8").upper()
    steps = [
        step
        for entity in DEFINITION.entities.values()
        for one in entity.write.values()
        for step in one.steps
        if hasattr(step, "function")
    ]
    assert len(steps) >= 8
    for step in steps:
        module = step.function.replace("${write_prefix}", PREFIX)
        text = source.partition(f"FUNCTION {module}.")[2].partition("ENDFUNCTION.")[0]
        assert "COMMIT" in text or "PERFORM FINISH" in text, module
        for name in [*step.parameters, *step.tables]:
            assert f"({name})" in text or f" {name} " in text, f"{module} has no {name}"
