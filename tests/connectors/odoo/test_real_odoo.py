"""The Odoo connector against a running Odoo 14, row by row and through the whole appliance."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.select import decode
from tests.connectors.odoo import asked, asked_more
from tests.connectors.odoo.asked import Asked, Record, key
from tests.real.odoo import PLAIN_PASSWORD, PLAIN_USER, Odoo
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, outbound, probed
from tests.support.appliance import Appliances, synchronize, work

pytestmark = pytest.mark.real

ASKED: dict[str, Asked] = {
    "PurchaseOrder": Asked(
        "purchase.order", asked.order, lines=("purchase.order.line", "order_id", [["display_type", "=", False]]),
        line=asked.order_line,
    ),
    "PurchaseRequisition": Asked(
        "purchase.requisition", asked.agreement, lines=("purchase.requisition.line", "requisition_id", []),
        line=asked.agreement_line,
    ),
    "Receipt": Asked(
        "stock.picking", asked.receipt, [["picking_type_id.code", "=", "incoming"]],
        lines=("stock.move", "picking_id", []), line=asked.receipt_line,
    ),
    "Invoice": Asked(
        "account.move", asked.bill, [["move_type", "in", ["in_invoice", "in_refund"]]],
        lines=("account.move.line", "move_id",
               [["exclude_from_invoice_tab", "=", False], ["display_type", "=", False]]),
        line=asked.bill_line,
    ),
    "Vendor": Asked("res.partner", asked_more.vendor, [["supplier_rank", ">", 0]]),
    "Part": Asked("product.product", asked_more.part),
    "Product": Asked("product.product", asked_more.product),
    "ProductGroup": Asked("product.category", asked_more.group),
    "UnitOfMeasure": Asked("uom.uom", asked_more.unit),
    "Location": Asked("stock.location", asked_more.location),
    "Storeroom": Asked("stock.warehouse", asked_more.storeroom),
    "Stock": Asked("stock.quant", asked_more.stock, [["location_id.usage", "=", "internal"]]),
    "StockTransfer": Asked("stock.move.line", asked_more.transfer, [["state", "=", "done"]]),
    "WorkOrder": Asked("maintenance.request", asked_more.request),
    "Asset": Asked("maintenance.equipment", asked_more.equipment),
}  # fmt: skip
COUNTED: dict[str, tuple[str, Any]] = {
    **{entity: (one.model, one.domain) for entity, one in ASKED.items()},
    "ServiceRequest": ("maintenance.request", [["maintenance_type", "=", "corrective"]]),
    "Company": ("res.partner", [["is_company", "=", True]]),
    "Organization": ("res.company", []),
    "Currency": ("res.currency", []),
    "Account": ("account.analytic.account", []),
    "Team": ("maintenance.team", []),
    "User": ("res.users", []),
}


@pytest.fixture(scope="module")
def odoo() -> Odoo:
    made = Odoo()
    made.fill()
    return made


def fields_of(odoo: Odoo, **fields: Any) -> dict[str, Any]:
    said = {"url": odoo.url, "release": "14", "database": odoo.database}
    return {**said, "username": odoo.user, "api_key": odoo.password, "all_partners": False, **fields}


@pytest.fixture(scope="module")
def connector(odoo: Odoo) -> Iterator[Connector]:
    made = opened("odoo", fields_of(odoo))
    yield made
    made.close()


@pytest.fixture(scope="module")
def everything(connector: Connector) -> dict[str, dict[str, Record]]:
    """All records of all entities, by entity and key."""
    return {entity: all_records(connector, entity) for entity in connector.definition.entities}


def filled(record: Record) -> Record:
    """Without what is empty; numbers are texts already, as exact as they were sent."""
    shown = {name: value for name, value in record.items() if value not in (None, [])}
    if "lineItems" in shown:
        shown["lineItems"] = [filled(line) for line in shown["lineItems"]]
    if "customFields" in shown:
        # Other numbers than those of the model keep their digits as they are.
        shown["customFields"] = {
            name: repr(value) if type(value) is float else value
            for name, value in shown["customFields"].items()
            if value is not None
        }
    return shown


@pytest.mark.parametrize("entity", COUNTED)
def test_as_many_as_odoo_counts(
    odoo: Odoo, connector: Connector, everything: dict[str, dict[str, Record]], entity: str
) -> None:
    model, domain = COUNTED[entity]
    wanted = odoo.count(model, domain)
    assert wanted > 0
    pages = all_pages(connector, entity)
    assert len(everything[entity]) == sum(len(page.rows) for page in pages) == pages[0].expected == wanted


@pytest.mark.parametrize("entity", ASKED)
def test_every_field_is_what_odoo_says(
    odoo: Odoo, everything: dict[str, dict[str, Record]], entity: str
) -> None:
    expected = ASKED[entity].records(odoo)
    found = everything[entity]
    assert len(expected) == len(found)
    for record in expected.values():
        assert filled(found[record["key"]]) == filled(record)


def test_references_lead_to_records(odoo: Odoo) -> None:
    connector = opened("odoo", fields_of(odoo, all_partners=True))
    records = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    connector.close()
    known = {found for some in records.values() for found in some}
    referred = set(re.findall(rf"[0-9a-f]{{2}}{PART}[0-9a-f]{{32}}", json.dumps(records)))
    own = {str(MODEL.entities[name].prefix) for name in ("LineItem", "InvoiceLineItem")}
    assert {found for found in referred - known if found[:2] not in own} == set()


@pytest.mark.parametrize(
    ("scope", "model", "field"),
    [
        ("purchase-orders", "purchase.order", "state"),
        ("purchase-requisitions", "purchase.requisition", "state"),
        ("receipts", "stock.move", "state"),
        ("invoices", "account.move", "state"),
        ("work-orders", "maintenance.request", "kanban_state"),
    ],
)
def test_every_state_of_odoo_has_its_name(
    odoo: Odoo, connector: Connector, scope: str, model: str, field: str
) -> None:
    described = odoo.call(model, "fields_get", [field], ["selection"])[field]["selection"]
    assert {code for code, _ in described} <= set(connector.definition.statuses[scope])


# Changes


def ids(connector: Connector, entity: str, since: Since = EVERYTHING) -> set[int]:
    return {decode(row)["id"] for page in all_pages(connector, entity, since) for row in page.rows}


def written(odoo: Odoo, model: str, number: int) -> datetime:
    (row,) = odoo.rows(model, ["write_date"], [["id", "=", number]])
    return datetime.fromisoformat(row["write_date"]).replace(tzinfo=UTC)


def test_a_change_is_seen_from_its_very_second(odoo: Odoo, connector: Connector) -> None:
    number = odoo.rows("purchase.order", ["name"], [["state", "=", "draft"]])[5]["id"]
    odoo.call("purchase.order", "write", [number], {"notes": "Call first"})
    changed = written(odoo, "purchase.order", number)
    assert number in ids(connector, "PurchaseOrder", Since(changed))
    assert number not in ids(connector, "PurchaseOrder", Since(changed + timedelta(seconds=1)))


def test_a_line_changed_alone_brings_its_order(odoo: Odoo, connector: Connector) -> None:
    # The description changes no total, so that Odoo leaves the order as it is.
    line = odoo.rows("purchase.order.line", ["order_id"], [["state", "=", "draft"]])[40]
    number = line["order_id"][0]
    before = written(odoo, "purchase.order", number)
    odoo.call("purchase.order.line", "write", [line["id"]], {"name": "Bearing, sealed"})
    changed = written(odoo, "purchase.order.line", line["id"])
    assert written(odoo, "purchase.order", number) == before < changed
    records = all_records(connector, "PurchaseOrder", Since(changed))
    lines = records[str(key("PurchaseOrder", number))]["lineItems"]
    assert "Bearing, sealed" in [item["description"] for item in lines]


def test_a_changed_template_brings_its_variants(odoo: Odoo, connector: Connector) -> None:
    product = odoo.rows("product.product", ["product_tmpl_id"])[3]
    template = product["product_tmpl_id"][0]
    odoo.call("product.template", "write", [template], {"list_price": 99.95})
    changed = written(odoo, "product.template", template)
    found = all_records(connector, "Product", Since(changed))
    assert found[str(key("Product", product["id"]))]["price"] == "99.95"


def test_nothing_is_read_when_nothing_changed(connector: Connector) -> None:
    tomorrow = Since(datetime.now(UTC) + timedelta(days=1))
    for entity, definition in connector.definition.entities.items():
        if definition.incremental == "changed":
            pages = all_pages(connector, entity, tomorrow)
            assert [(len(page.rows), page.expected) for page in pages] == [(0, 0)], entity


# Access


def test_the_probe_reads_every_entity(connector: Connector) -> None:
    report = probed(connector, outbound())
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)
    assert [stage.message for stage in report.stages if "does not fit" in stage.message] == []


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"api_key": "Wrong-Pass-9"}, SourceCredentialsRejected, "rejects the credentials"),
        ({"username": "nobody"}, SourceCredentialsRejected, "rejects the credentials"),
        ({"database": "nowhere"}, SourceError, "no database of this name"),
        ({"username": PLAIN_USER, "api_key": PLAIN_PASSWORD}, SourceAccessDenied, "denies access"),
    ],
)
def test_what_is_wrong_is_told(odoo: Odoo, wrong: dict[str, str], kind: type[SourceError], said: str) -> None:
    connector = opened("odoo", fields_of(odoo, **wrong))
    report = probed(connector, outbound())
    connector.close()
    assert isinstance(report.failure, kind)
    assert said in str(report.failure)
    assert "Traceback" not in str(report.failure) and "Wrong-Pass-9" not in str(report.as_dicts())


def test_the_wrong_release_is_told(odoo: Odoo) -> None:
    connector = opened("odoo", fields_of(odoo, release="17"))
    with pytest.raises(SourceError, match="check the release in the form") as told:
        all_records(connector, "StockTransfer")
    assert "Traceback" not in str(told.value) and "Invalid field" in str(told.value)
    connector.close()


# Through the appliance


def test_a_full_run_a_change_and_an_incremental_run(odoo: Odoo, tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open()
        connection = appliance.connections.connect(
            system="odoo", name="Odoo", hosting="on_premises", fields=fields_of(odoo), historical_days=3650
        ).connection
        work(appliance)
        for entity, (model, domain) in COUNTED.items():
            stream = appliance.records.find_stream(connection.id, entity)
            assert stream is not None
            assert appliance.records.count(stream) == odoo.count(model, domain), entity
        again = synchronize(appliance, connection.id, mode="full")
        assert again["state"] == "completed"
        assert sum(each["inserted"] + each["updated"] for each in again["entities"]) == 0

        number = odoo.rows("purchase.order", ["name"], [["state", "=", "draft"]])[7]["id"]
        odoo.call("purchase.order", "write", [number], {"partner_ref": f"Changed {datetime.now(UTC)}"})
        run = synchronize(appliance, connection.id)
        assert run["state"] == "completed"
        told = {each["entity"]: (each["inserted"], each["updated"]) for each in run["entities"]}
        assert told.pop("PurchaseOrder") == (0, 1)
        assert set(told.values()) == {(0, 0)}
