"""What connectors ask for is in the facts of the published descriptions, and the simulators refuse more."""

from typing import Any

import pytest

from appliance.runtime.definition import EntityDefinition, HttpRead
from tests.runtime.opened import catalog
from tests.simulators import dynamics_bc, dynamics_fo, maximo
from tests.simulators.dynamics import Refused
from tests.simulators.maximo.query import Refused as RefusedByMaximo
from tests.simulators.published import Published

# Sets of Finance & Operations that the description names without their properties, which are all asked for.
UNLISTED = {"UnitsOfMeasure", "Currencies"}
ENUMERATIONS = {
    "purchase-orders": "PurchStatus",
    "purchase-order-lines": "PurchStatus",
    "purchase-requisitions": "PurchReqRequisitionStatus",
    "invoices": "VendInvoiceRequestStatus",
}


def asked(system: str) -> list[tuple[str, EntityDefinition, dict[str, Any]]]:
    """Set, entity and variables of every entity that is read over HTTP."""
    entities = catalog().folder(system).definition.entities.values()
    return [
        (entity.read.vars.get("set") or entity.read.request.path.rpartition("/")[2], entity, entity.read.vars)
        for entity in entities
        if isinstance(entity.read, HttpRead)
    ]


@pytest.mark.parametrize(
    ("system", "facts"), [("dynamics_bc", dynamics_bc.FACTS), ("dynamics_fo", dynamics_fo.FACTS)]
)
def test_sets_properties_keys_and_navigation_of_dynamics_are_published(system: str, facts: Published) -> None:
    for name, entity, said in asked(system):
        if system == "dynamics_fo" and name in UNLISTED:
            assert said["select"] is None
            continue
        described = facts.sets[name]
        select = said.get("select")
        assert set(select.split(",") if select else ()) <= set(described.types), name
        assert set(entity.key) <= set(described.types), name
        if said.get("order"):
            assert said["order"].split(",") == list(described.key), name
        expand = said.get("expand")
        expand = expand["then"] if isinstance(expand, dict) else expand
        assert expand is None or expand in described.navigation, name


@pytest.mark.parametrize(("scope", "enumeration"), ENUMERATIONS.items())
def test_every_published_state_of_operations_has_its_name(scope: str, enumeration: str) -> None:
    statuses = catalog().folder("dynamics_fo").definition.statuses[scope]
    assert set(statuses) == dynamics_fo.FACTS.enumerations[enumeration]


@pytest.mark.parametrize(
    "options",
    [
        {"$select": "Nope"},
        {"$filter": "Nope eq 'x'"},
        {"$orderby": "Nope"},
        {"$expand": "Nope"},
        {"$search": "x"},
        # Times stand without quotes.
        {"$filter": "lastModifiedDateTime ge '2026-01-01T00:00:00Z'"},
    ],
)
def test_the_simulators_of_dynamics_refuse_what_is_not_published(options: dict[str, str]) -> None:
    for tables, name in (
        (dynamics_bc.BusinessCentral().tables, "vendors"),
        (dynamics_fo.Operations().tables, "VendorsV2"),
    ):
        with pytest.raises(Refused) as refused:
            tables.answer(name, options, "", "http://inside.example/")
        assert refused.value.status == 400


@pytest.mark.parametrize("structure", ["asset", "sr", "assetmeter"])
@pytest.mark.parametrize(
    "query",
    [
        {"oslc.select": "siteid,nope"},
        {"oslc.where": "nope=1"},
        {"oslc.orderBy": "+nope"},
    ],
)
def test_the_simulator_of_maximo_refuses_what_is_not_published(structure: str, query: dict[str, str]) -> None:
    with pytest.raises(RefusedByMaximo, match="nope"):
        maximo.Maximo()._page(f"mxapi{structure}", query, "/")


def test_a_row_of_a_simulator_is_held_to_the_facts() -> None:
    vendors = {"VendorAccountNumber": "V-1", "OnHoldStatus": "No", "Nope": 1}
    assert dynamics_fo.FACTS.wrong("VendorsV2", vendors) == ["Nope"]
    assert dynamics_fo.FACTS.wrong("VendorsV2", {"OnHoldStatus": "Maybe"}) == ["OnHoldStatus: 'Maybe'"]
    assert dynamics_fo.FACTS.wrong("PurchaseOrderLinesV2", {"LineNumber": "1"}) == ["LineNumber: '1'"]
