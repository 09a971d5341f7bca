"""Finance & Operations: every entity, legal entities, both ways to sign in, paging, changes, and what goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceThrottled
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.connectors.dynamics_fo.expected import EXPECTED, key, own
from tests.runtime.opened import all_pages, all_records, opened, probed
from tests.simulators.dynamics.tokens import CLIENT, SECRET, TENANT
from tests.simulators.dynamics_fo import RESOURCE, Operations
from tests.simulators.dynamics_fo_rows import JOBS, order
from tests.transport.servers import Server


@pytest.fixture
def operations() -> Operations:
    return Operations()


@pytest.fixture
def server(operations: Operations) -> Iterator[Server]:
    with operations.served() as running:
        yield running


def connected(server: Server, **fields: Any) -> Connector:
    base = {"url": server.url, "sign_in": "entra", "tenant": TENANT, "login_server": server.url, "jobs": True}
    return opened("dynamics_fo", {**base, "client_id": CLIENT, "client_secret": SECRET, **fields})


def given(record: dict[str, Any]) -> dict[str, Any]:
    """What is not null or empty, in lines and addresses likewise."""
    return {
        name: [given(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else given(value)
        if name == "address"
        else value
        for name, value in record.items()
        if value is not None and value != []
    }


@pytest.mark.parametrize("entity", EXPECTED)
def test_each_entity_field_by_field(server: Server, entity: str) -> None:
    records = all_records(connected(server), entity)
    wanted = EXPECTED[entity]
    assert given(records[wanted["key"]]) == wanted


def test_no_entity_is_without_a_test(server: Server) -> None:
    assert {*EXPECTED, "Status"} == set(connected(server).definition.entities)


def test_every_reference_leads_to_a_record(server: Server) -> None:
    connector = connected(server)
    records = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    there = {name for entity in records.values() for name in entity}
    looked = list(walk([*records.values()]))
    assert len(looked) > 300
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


def test_the_same_number_in_two_legal_entities_is_two_orders(server: Server) -> None:
    everything = all_records(connected(server), "PurchaseOrder")
    assert len(everything) == 26
    assert key("PurchaseOrder", "demf", "00000001") in everything
    one = all_records(connected(server, company="demf"), "PurchaseOrder")
    assert set(one) == {key("PurchaseOrder", "demf", "00000001")}


def test_every_state_of_an_order_and_an_unknown_one(operations: Operations, server: Server) -> None:
    states = ["None", "Backorder", "Received", "Invoiced", "Canceled", "Parked"]
    rows = [order(number, status=state) for number, state in enumerate(states, 1)]
    operations.tables.rows["PurchaseOrderHeadersV2"] = rows
    connector = connected(server)
    statuses = all_records(connector, "Status")
    found = [record["statusKey"] for record in all_records(connector, "PurchaseOrder").values()]
    assert found == [key("Status", "purchase-orders", state) for state in states]
    assert [name in statuses for name in found] == [True] * 5 + [False]


def test_pages_give_each_row_once_and_links_are_asked_for_all_legal_entities(
    operations: Operations, server: Server
) -> None:
    operations.tables.page = 8
    pages = all_pages(connected(server), "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [8, 8, 8, 2]
    assert len({row for page in pages for row in page.rows}) == 26


def test_the_boundary_of_changes(server: Server) -> None:
    since = Since(datetime(2026, 1, 3, 11, 0, tzinfo=UTC))
    for fields in ({}, {"company": "usmf"}):
        found = all_records(connected(server, **fields), "StockAdjustment", since)
        assert set(found) == {own("StockAdjustment", "5637150001")}
    since = Since(datetime(2026, 1, 2, 12, 0, tzinfo=UTC))
    assert set(all_records(connected(server), "Receipt", since)) == {own("Receipt", "68719480002")}


def test_receipts_are_asked_for_again_since_they_can_be_dated_back(server: Server) -> None:
    entities = connected(server).definition.entities
    assert entities["Receipt"].overlap_seconds == entities["CounterReading"].overlap_seconds == 35 * 86400
    assert entities["PurchaseOrder"].incremental == "compare"


def test_work_orders_are_read_without_jobs_where_they_cannot_be_expanded(
    operations: Operations, server: Server
) -> None:
    del operations.tables.navigation["AssetMaintenanceWorkOrderTablesV2", JOBS]
    warned = [stage for stage in probed(connected(server)).stages if stage.name == "read WorkOrder"]
    assert [stage.state for stage in warned] == ["warning"]
    (record,) = all_records(connected(server, jobs=False), "WorkOrder").values()
    assert (record["title"], record["assetKey"], record["tasks"]) == ("Press leaks", None, [])


def test_the_probe_in_the_cloud_and_on_premises(server: Server) -> None:
    connector = connected(server)
    report = probed(connector)
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)
    inside = Operations("/namespaces/AXSF")
    with inside.served() as running:
        fields = {"url": running.url + "/namespaces/AXSF", "adfs_server": running.url, "resource": RESOURCE}
        assert probed(connected(running, sign_in="adfs", **fields)).failure is None


def test_wrong_credentials_are_told_and_not_shown(server: Server) -> None:
    by_adfs = {"sign_in": "adfs", "adfs_server": server.url, "resource": RESOURCE}
    for fields in ({}, by_adfs):
        report = probed(connected(server, client_secret="other-secret", **fields))
        assert isinstance(report.failure, SourceCredentialsRejected)
        assert "other-secret" not in str(report.as_dicts())


def test_a_token_that_has_expired_is_renewed_once(operations: Operations, server: Server) -> None:
    connector = connected(server)
    all_pages(connector, "Vendor")
    operations.tokens.expire()
    assert len(all_records(connector, "Vendor")) == 2
    assert len(operations.tokens.given) == 2


def test_a_missing_right_or_an_older_release_is_a_warning(operations: Operations, server: Server) -> None:
    operations.tables.denied = {"Workers"}
    del operations.tables.rows["InventTransBiEntities"]
    report = probed(connected(server))
    assert report.failure is None
    warned = {stage.name for stage in report.stages if stage.state == "warning"}
    assert warned - {"tls"} == {"read Labor", "read StockAdjustment"}


def test_orders_that_may_not_be_read_are_a_failure(operations: Operations, server: Server) -> None:
    operations.tables.denied = {"PurchaseOrderHeadersV2"}
    assert probed(connected(server)).failure is not None


def test_throttling_tells_how_long_to_wait(operations: Operations, server: Server) -> None:
    operations.throttled = 1
    with pytest.raises(SourceThrottled) as throttled:
        all_pages(connected(server), "Vendor")
    assert throttled.value.retry_after == 7
