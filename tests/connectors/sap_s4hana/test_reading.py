"""Every entity of S/4HANA: one record of each, field by field."""

from typing import Any

import pytest

from appliance.runtime.protocols import EVERYTHING
from tests.connectors.sap_s4hana.asking import connected, given, key, records
from tests.connectors.sap_s4hana.expected import EXPECTED, HALL
from tests.runtime.opened import all_records
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.services import ORDERS2, PLANTS4, PURCHASING4, REQUISITIONS4, V2
from tests.transport.servers import Server


@pytest.mark.parametrize("entity", EXPECTED)
def test_one_record_of_each_entity(s4: S4, server: Server, entity: str) -> None:
    expected = EXPECTED[entity]
    record = given(records(s4, server, entity)[expected["key"]])
    if not record.get("customFields", True):
        del record["customFields"]
    assert record == expected


def test_every_declared_entity_is_tried_here(s4: S4, server: Server) -> None:
    declared = set(connected(s4, server).definition.entities)
    assert declared - {"Status"} == set(EXPECTED)


OLD = {
    "PurchaseOrder": PURCHASING4,
    "PurchaseRequisition": REQUISITIONS4,
    "Site": PLANTS4,
}


@pytest.mark.parametrize("entity", OLD)
def test_where_the_new_service_is_missing_the_old_one_gives_the_same_record(
    s4: S4, server: Server, entity: str
) -> None:
    new = records(s4, server, entity)
    s4.inactive.add(OLD[entity])
    old = records(s4, server, entity)
    for record in new.values():
        for line in record.get("lineItems", []):
            # The old service has no value of a line.
            line["lineTotalValue"] = None if entity == "PurchaseOrder" else line["lineTotalValue"]
    assert old == new


def test_orders_of_the_first_version_of_the_maintenance_service(s4: S4, server: Server) -> None:
    s4.inactive.add(ORDERS2)
    (order,) = records(s4, server, "WorkOrder").values()
    expected = EXPECTED["WorkOrder"]
    assert order["code"] == "4000001"
    assert order["tasks"][0]["title"] == "Drain"
    assert order["accountKey"] == expected["accountKey"], "the responsible cost center"
    assert (order["createdAt"], order["updatedAt"], order["status"]) == (None, None, None)


def test_storage_locations_come_once_and_from_the_stock_where_products_cannot_be_read(
    s4: S4, server: Server
) -> None:
    both = {key("Storeroom", "1010", "101A"), key("Storeroom", "1010", "101B")}
    assert set(records(s4, server, "Storeroom")) == both
    s4.denied.add(f"{V2}API_PRODUCT_SRV/")
    assert set(records(s4, server, "Storeroom")) == {key("Storeroom", "1010", "101A")}


REFERENCES = {"organizationKey", "userRequestedKey", "uomKey", "weightUomKey", "pmKey"}


def test_references_lead_to_records(s4: S4, server: Server) -> None:
    """All but those to what SAP does not list: users, company codes, units that no product has."""
    connector = connected(s4, server)
    found = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    known = {k for rows in found.values() for k in rows}
    known |= {line["key"] for order in found["PurchaseOrder"].values() for line in order["lineItems"]}

    def lost(value: Any, name: str = "") -> list[str]:
        if isinstance(value, dict):
            return [why for inner, part in value.items() for why in lost(part, inner)]
        if isinstance(value, list):
            return [why for part in value for why in lost(part, name)]
        is_reference = name.endswith(("Key", "Keys")) and name not in REFERENCES and value is not None
        return [f"{name}: {value}"] if is_reference and value not in known else []

    assert [why for rows in found.values() for row in rows.values() for why in lost(row)] == []
    connector.close()


def test_only_current_time_segments_and_cost_centers_are_read(s4: S4, server: Server) -> None:
    assert [row["name"] for row in records(s4, server, "Asset").values()].count("Feed pump, old place") == 0
    assert len(records(s4, server, "Account")) == 1


def test_what_is_out_of_use_is_not_active(s4: S4, server: Server) -> None:
    assert records(s4, server, "Asset")[str(key("Asset", "210100001"))]["isActive"] is False
    assert records(s4, server, "Location")[str(key("Location", "1010"))]["isActive"] is False
    assert records(s4, server, "Part")[str(key("Part", "000000000000004711"))]["isActive"] is False


def test_a_location_named_as_the_technical_object_is_no_asset(s4: S4, server: Server) -> None:
    rows = s4.rows[f"{V2}API_MAINTNOTIFICATION/"]["MaintenanceNotification"]
    rows[0] |= {"TechnicalObject": HALL, "TechObjIsEquipOrFuncnlLoc": "EAMS_FL"}
    (request,) = records(s4, server, "ServiceRequest", EVERYTHING).values()
    assert request["assetKey"] is None
    assert request["locationKey"] == key("Location", HALL)
