"""Reading an ECC system, against the simulator of its SOAP-RFC node and tables."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected, SourceError, SourceUnreachable
from appliance.runtime.connector import Connector, Connectors
from appliance.runtime.form import check_form
from appliance.runtime.protocols import Since
from tests.connectors.sap_ecc.expected import EXPECTED, filled, key
from tests.runtime.opened import CREATED, MODEL, PART, all_pages, all_records, catalog, outbound, probed
from tests.simulators.sap_ecc import COLUMNS, MATERIAL, ORDER, PUMP, Ecc

SINCE = Since(datetime(2026, 6, 2, 1, tzinfo=UTC))
"""The day from which rows count is the one before."""

DAY = "20260601"
CATALOG = catalog()
DEFINITION = CATALOG.folder("sap_ecc").definition
READ = [name for name in DEFINITION.entities if name != "Status"]


@pytest.fixture
def sap() -> Iterator[Ecc]:
    sap = Ecc()
    with sap.served() as server:
        sap.url = server.url
        yield sap


@pytest.fixture(scope="module")
def still() -> Iterator[Connector]:
    """A connector of a system that no test changes."""
    sap = Ecc()
    with sap.served() as server:
        sap.url = server.url
        yield connected(sap)


def connected(sap: Ecc, **fields: Any) -> Connector:
    given = {"url": sap.url, "client": "100", "username": sap.user, "password": sap.password, **fields}
    values = check_form(DEFINITION, {"time_zone": "Europe/Berlin", **given})
    way = Connectors(MODEL, CATALOG, outbound().client, SystemClock())
    return way.open("sap_ecc", values.all, part=PART, created_at=CREATED)


def changed(sap: Ecc, entity: str) -> list[str]:
    return list(all_records(connected(sap), entity, SINCE))


@pytest.mark.parametrize("entity", READ)
def test_every_field_of_a_record(still: Connector, entity: str) -> None:
    wanted = EXPECTED[entity]
    assert filled(all_records(still, entity)[wanted["key"]]) == wanted


def test_keys_that_point_to_other_records_find_them(still: Connector) -> None:
    there = {found for entity in still.definition.entities for found in all_records(still, entity)}
    held = {
        value
        for entity in READ
        for value in keys_in(EXPECTED[entity])
        if value[:2] not in ("27", "43")  # tasks and invoice lines are not listed on their own
    }
    assert held - there == set()


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)
    elif isinstance(value, str) and len(value) == 40 and value[2:8] == "5f0c2a":
        yield value


@pytest.mark.parametrize(
    ("entity", "table", "column", "scope"),
    [
        ("PurchaseOrder", "EKKO", "PROCSTAT", "purchase-orders"),
        ("PurchaseRequisition", "EBAN", "STATU", "purchase-requisitions"),
        ("WorkOrder", "AFIH", "IPHAS", "work-orders"),
        ("ServiceRequest", "QMEL", "PHASE", "service-requests"),
    ],
)
def test_every_status_has_a_name_and_an_unknown_one_passes(
    sap: Ecc, entity: str, table: str, column: str, scope: str
) -> None:
    connector = connected(sap)
    named = all_records(connector, "Status")
    for code in DEFINITION.statuses[scope].keys() - {"deleted", "blocked", "closed"}:
        sap.tables[table].rows[0][column] = code
        status = EXPECTED[entity] | {"statusKey": key("Status", scope, code)}
        found = all_records(connector, entity)[status["key"]]["statusKey"]
        assert (found, found in named) == (status["statusKey"], True)
    sap.tables[table].rows[0][column] = "9"
    assert all_records(connector, entity)[EXPECTED[entity]["key"]]["statusKey"] == key("Status", scope, "9")


@pytest.mark.parametrize(
    ("entity", "table", "flag", "scope", "code"),
    [
        ("PurchaseOrder", "EKKO", {"LOEKZ": "L"}, "purchase-orders", "deleted"),
        ("PurchaseOrder", "EKKO", {"LOEKZ": "S"}, "purchase-orders", "blocked"),
        ("PurchaseOrder", "EKKO", {"FRGRL": "X"}, "purchase-orders", "03"),
        ("PurchaseRequisition", "EBAN", {"LOEKZ": "X", "EBAKZ": "X"}, "purchase-requisitions", "deleted"),
        ("PurchaseRequisition", "EBAN", {"EBAKZ": "X"}, "purchase-requisitions", "closed"),
        ("ServiceRequest", "QMEL", {"KZLOESCH": "X"}, "service-requests", "5"),
    ],
)
def test_flags_stand_before_the_state(
    sap: Ecc, entity: str, table: str, flag: dict[str, str], scope: str, code: str
) -> None:
    sap.tables[table].rows[0] |= flag
    record = all_records(connected(sap), entity)[EXPECTED[entity]["key"]]
    assert record["statusKey"] == key("Status", scope, code)


def test_an_order_without_a_phase_has_no_status(sap: Ecc) -> None:
    assert (
        all_records(connected(sap), "WorkOrder")[str(key("WorkOrder", "000004000002"))]["statusKey"] is None
    )


def test_every_row_of_many_pages_comes_once(sap: Ecc) -> None:
    for number in range(1200):
        sap.put("LFA1", LIFNR=f"{number + 1000:010}", NAME1=f"Vendor {number}")
    pages = all_pages(connected(sap), "Vendor")
    rows = [row for page in pages for row in page.rows]
    assert (len(rows), len(set(rows)), len(pages) > 2) == (1202, 1202, True)


def test_amounts_come_in_the_decimals_of_their_currency_and_prices_for_one_piece(sap: Ecc) -> None:
    lines = all_records(connected(sap), "PurchaseOrder")[str(key("PurchaseOrder", "4500000002"))]["lineItems"]
    assert (str(lines[0]["price"]), str(lines[0]["lineTotalValue"])) == ("1000", "2000")
    (seal, service) = EXPECTED["PurchaseOrder"]["lineItems"]
    assert (seal["price"], seal["lineTotalValue"], service["lineTotalValue"]) == ("0.125", "25.00", "-5.00")


# Changes


@pytest.mark.parametrize(
    "entity", [name for name in READ if DEFINITION.entities[name].incremental == "changed"]
)
def test_nothing_comes_when_nothing_changed(still: Connector, entity: str) -> None:
    assert all_records(still, entity, SINCE) == {}


def test_a_row_of_the_day_before_comes_again_an_older_one_does_not(sap: Ecc) -> None:
    sap.put("QMEL", QMNUM="000010000008", ERDAT=DAY)
    sap.put("QMEL", QMNUM="000010000009", ERDAT="20260531")
    assert changed(sap, "ServiceRequest") == [key("ServiceRequest", "000010000008")]


def test_a_notification_without_a_change_counts_by_its_creation(sap: Ecc) -> None:
    sap.put("QMEL", QMNUM="000010000008", ERDAT=DAY, AEDAT="00000000")
    sap.put("QMEL", QMNUM="000010000009", ERDAT="20200101", AEDAT=DAY)
    assert len(changed(sap, "ServiceRequest")) == 2


def test_a_changed_line_brings_its_order(sap: Ecc) -> None:
    sap.tables["EKPO"].rows[1]["AEDAT"] = DAY
    (found,) = all_records(connected(sap), "PurchaseOrder", SINCE).values()
    assert (found["key"], len(found["lineItems"])) == (key("PurchaseOrder", "4500000001"), 2)


@pytest.mark.parametrize(
    ("entity", "document", "number", "parts"),
    [
        ("PurchaseOrder", "EINKBELEG", "4500000002", ["4500000002"]),
        ("PurchaseRequisition", "BANF", "0010000001", ["0010000001", "00010"]),
        ("Vendor", "KRED", "ACME", ["ACME"]),
        ("Part", "MATERIAL", MATERIAL, [MATERIAL]),
        ("WorkOrder", "ORDER", ORDER, [ORDER]),
    ],
)
def test_a_change_document_brings_its_record(
    sap: Ecc, entity: str, document: str, number: str, parts: list[str]
) -> None:
    sap.put("CDHDR", OBJECTCLAS=document, OBJECTID=number, CHANGENR="1", UDATE=DAY)
    sap.put("CDHDR", OBJECTCLAS="OTHER", OBJECTID=number, CHANGENR="2", UDATE=DAY)
    assert changed(sap, entity) == [key(entity, *parts)]


def test_a_change_document_of_another_kind_of_order_brings_none(sap: Ecc) -> None:
    sap.put("CDHDR", OBJECTCLAS="EINKBELEG", OBJECTID="4600000001", CHANGENR="1", UDATE=DAY)
    assert changed(sap, "PurchaseOrder") == []


def test_a_change_of_status_brings_orders_and_notifications(sap: Ecc) -> None:
    sap.put("JCDS", OBJNR=f"OR{ORDER}", STAT="I0045", CHGNR="001", UDATE=DAY)
    sap.put("JCDS", OBJNR="QM000010000001", STAT="I0072", CHGNR="001", UDATE=DAY)
    assert changed(sap, "WorkOrder") == [key("WorkOrder", ORDER)]
    assert changed(sap, "ServiceRequest") == [key("ServiceRequest", "000010000001")]


def test_equipment_that_was_moved_comes_again(sap: Ecc) -> None:
    sap.tables["EQUZ"].rows[1]["DATAB"] = DAY
    assert changed(sap, "Asset") == [key("Asset", PUMP)]


def test_without_the_right_to_change_documents_the_rest_is_read_with_a_notice(sap: Ecc) -> None:
    sap.forbidden = {"CDHDR"}
    sap.tables["LFA1"].rows[0]["ERDAT"] = DAY
    pages = all_pages(connected(sap), "Vendor", SINCE)
    assert sum(len(page.rows) for page in pages) == 1
    (notice,) = [notice for page in pages for notice in page.notices]
    assert "only CDHDR tells of are seen by full passes only" in notice
    (stage,) = [s for s in probed(connected(sap)).stages if s.name == "read Vendor"]
    assert (stage.state, "CDHDR" in stage.message) == ("passed", True)


# Access


def test_the_test_of_a_connection_reads_every_entity(sap: Ecc) -> None:
    report = probed(connected(sap))
    assert (report.failure, set(report.readable)) == (None, set(DEFINITION.entities))
    assert [s.message for s in report.stages if s.name.startswith("read") and "fit" in s.message] == []


def test_a_wrong_password_is_named_without_showing_it(sap: Ecc) -> None:
    report = probed(connected(sap, password="Wrong-Pass-1"))
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert [s.name for s in report.stages if s.state == "failed"] == ["authenticate"]
    assert "Wrong-Pass-1" not in str(report.as_dicts())


def test_a_wrong_client_is_named(sap: Ecc) -> None:
    report = probed(connected(sap, client="200"))
    assert isinstance(report.failure, SourceError)
    assert "Check the SAP client" in report.failure.message


def test_a_table_the_user_may_not_read_leaves_its_entity_out(sap: Ecc) -> None:
    sap.forbidden = {"QMEL"}
    report = probed(connected(sap))
    assert report.failure is None
    assert set(DEFINITION.entities) - set(report.readable) == {"ServiceRequest"}
    (stage,) = [s for s in report.stages if s.name == "read ServiceRequest"]
    assert (stage.state, "S_TABU_NAM" in stage.message) == ("warning", True)


def test_a_system_without_a_free_process_is_not_available_now(sap: Ecc) -> None:
    connector = connected(sap)
    sap.busy = 1
    with pytest.raises(SourceUnreachable):
        all_records(connector, "Vendor")
    assert len(all_records(connector, "Vendor")) == 2


def test_rows_in_no_order_are_asked_for_sorted_where_the_form_says_so(sap: Ecc) -> None:
    sap.unsorted = True
    with pytest.raises(SourceAnswerInvalid, match="in no order"):
        all_records(connected(sap), "Vendor")
    sap.knows_get_sorted = True
    assert len(all_records(connected(sap, sorted="true"), "Vendor")) == 2


def test_a_module_of_the_customer_s_own_takes_the_place_of_the_standard_one(sap: Ecc) -> None:
    all_records(connected(sap, function="/PLANT/READ_TABLE"), "PurchaseOrder")
    assert {function for function, _ in sap.calls} == {"/PLANT/READ_TABLE"}


def test_texts_come_in_the_language_of_the_form(sap: Ecc) -> None:
    part = all_records(connected(sap, text_language="D"), "Part")[str(key("Part", MATERIAL))]
    assert part["name"] == "Dichtung"


def test_only_tables_named_here_are_read(sap: Ecc) -> None:
    connector = connected(sap)
    for entity in READ:
        all_records(connector, entity)
    asked = {parameters["QUERY_TABLE"] for _, parameters in sap.calls}
    assert asked == set(COLUMNS) - {"CDHDR", "JCDS"}
