"""ERPNext: every entity, times of the site, paging by name, and what goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.connectors.erpnext.expected import EXPECTED
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, probed
from tests.simulators.erpnext import KEY, SECRET, Frappe
from tests.simulators.erpnext_rows import order
from tests.transport.servers import Server


@pytest.fixture
def site() -> Frappe:
    return Frappe()


@pytest.fixture
def server(site: Frappe) -> Iterator[Server]:
    with site.served() as running:
        yield running


def connected(server: Server, **fields: Any) -> Connector:
    base = {"url": server.url, "api_key": KEY, "api_secret": SECRET, "time_zone": "Europe/Berlin"}
    return opened("erpnext", {**base, **fields})


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def given(record: dict[str, Any]) -> dict[str, Any]:
    """What is not null or empty, in lines likewise."""
    return {
        name: [given(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else value
        for name, value in record.items()
        if value is not None and value != []
    }


@pytest.mark.parametrize("entity", EXPECTED)
def test_each_entity_field_by_field(server: Server, entity: str) -> None:
    record = next(iter(all_records(connected(server), entity).values()))
    assert given(record) == EXPECTED[entity]


def test_no_entity_is_without_a_test(server: Server) -> None:
    assert {*EXPECTED, "Status"} == set(connected(server).definition.entities)


def test_every_reference_leads_to_a_record(server: Server) -> None:
    connector = connected(server)
    records = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    there = {name for entity in records.values() for name in entity}
    looked = list(walk([*records.values()]))
    assert len(looked) > 100
    assert {value for value in looked if value not in there} == set()


def walk(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from walk(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, name)
    elif name.endswith(("Key", "Keys")) and value is not None:
        yield value


def test_every_state_of_an_order_and_an_unknown_one(site: Frappe, server: Server) -> None:
    connector = connected(server)
    states = [*connector.definition.statuses["purchase-orders"], "Parked"]
    site.documents["Purchase Order"] = [order(number, state) for number, state in enumerate(states, 1)]
    statuses = all_records(connector, "Status")
    found = [record["statusKey"] for record in all_records(connector, "PurchaseOrder").values()]
    assert found == [key("Status", "purchase-orders", state) for state in states]
    assert [name in statuses for name in found] == [True] * 9 + [False]


def test_only_assets_that_are_gone_are_not_active(server: Server) -> None:
    assets = all_records(connected(server), "Asset").values()
    found = [(asset["customFields"]["status"], asset["isActive"]) for asset in assets]
    assert found == [("Submitted", True), ("Scrapped", False), ("Borrowed", True)]


def test_pages_give_each_row_once_though_rows_change_meanwhile(site: Frappe, server: Server) -> None:
    site.documents["Item"] = [
        {**site.documents["Item"][0], "name": name, "item_code": name}
        for name in [f"{letter}{number:03}" for number in range(620) for letter in ("a", "B")]
    ]
    connector = connected(server)
    pages = connector.pages("Part")
    first = pages.fetch(pages.first(), Since(), resuming=False, sample=False)
    assert first.next is not None
    # A row that was read is changed and another one deleted: nothing of what follows moves.
    site.documents["Item"][0]["modified"] = "2026-01-09 10:00:00.000000"
    site.documents["Item"] = [row for row in site.documents["Item"] if row["name"] != "a001"]
    rows = list(first.rows)
    position: Any = first.next
    while position is not None:
        page = pages.fetch(position, Since(), resuming=False, sample=False)
        rows += page.rows
        position = page.next
    keys = {connector.projection("Part").key(row) for row in rows}
    assert len(rows) == len(keys) == 1240


def test_the_moment_is_asked_for_in_the_time_of_the_site(site: Frappe, server: Server) -> None:
    site.documents["Purchase Order"][2]["modified"] = "2026-07-03 12:00:00.000000"
    site.documents["Purchase Order"][3]["modified"] = "2026-07-03 11:59:59.999999"
    ten_utc = Since(datetime(2026, 7, 3, 10, 0, tzinfo=UTC))
    found = all_records(connected(server), "PurchaseOrder", ten_utc)
    assert [record["updatedAt"] for record in found.values()] == ["2026-07-03T10:00:00Z"]
    (filters,) = [options["filters"] for name, options in site.asked if "filters" in options]
    assert filters == '[["modified",">=","2026-07-03 12:00:00"]]'


def test_only_requests_to_buy_are_requisitions(server: Server) -> None:
    assert list(all_records(connected(server), "PurchaseRequisition")) == [
        key("PurchaseRequisition", "MAT-MR-1")
    ]


def test_the_probe_reads_every_entity(server: Server) -> None:
    connector = connected(server)
    report = probed(connector)
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)


def test_a_wrong_secret_is_told_and_not_shown(server: Server) -> None:
    report = probed(connected(server, api_secret="other-secret"))
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "other-secret" not in str(report.as_dicts())


def test_a_missing_right_or_app_of_one_entity_is_a_warning(site: Frappe, server: Server) -> None:
    site.denied = {"Employee"}
    del site.documents["Asset Repair"]
    report = probed(connected(server))
    warned = {stage.name: stage.message for stage in report.stages if stage.state == "warning"}
    assert report.failure is None
    assert set(warned) - {"tls"} == {"read Labor", "read AssetDowntime"}
    assert "No permission for Employee" in warned["read Labor"]


def test_orders_that_may_not_be_read_are_a_failure(site: Frappe, server: Server) -> None:
    site.denied = {"Purchase Order"}
    assert probed(connected(server)).failure is not None


def test_throttling_and_a_refused_field_are_told(site: Frappe, server: Server) -> None:
    site.throttled = 1
    with pytest.raises(SourceThrottled) as throttled:
        all_pages(connected(server), "Vendor")
    assert throttled.value.retry_after == 1
    del site.documents["User"][0]["user_type"]
    with pytest.raises(SourceError, match="Field not permitted in query: user_type"):
        all_pages(connected(server), "User")
