"""The facts of Dynamics 365 against the descriptions they come from."""

import pytest

from tests.published.originals import described
from tests.simulators import dynamics_bc, dynamics_fo

FO = described("dynamics_fo/entity-fields.json")
BC = described("dynamics_bc/api-v2-fields.json")
BC_OLDER = described("dynamics_bc/BCOpenApiSpecification.json")["components"]["schemas"]
OLDER = {"companies": "company", "currencies": "currency", "unitsOfMeasure": "unitOfMeasure"}
# In Microsoft's reference of the API; the list at hand is cut off before it.
CUT_OFF = {"purchaseReceipts": {"lastModifiedDateTime"}}
KEYS = {"SystemId": ("id",), "Id": ("id",), '"User Security ID"': ("userSecurityId",)}


@pytest.mark.parametrize("name", dynamics_fo.FACTS.sets)
def test_a_set_of_finance_and_operations(name: str) -> None:
    facts, there = dynamics_fo.FACTS.sets[name], FO["entities"][name]
    types = {**there["props"], **there["enums"]}
    assert facts.types == {prop: "" if kind == "String" else kind for prop, kind in types.items()}
    assert facts.key == tuple(there["keys"])
    assert facts.navigation <= set(there["nav"])


def test_enumerations_of_finance_and_operations() -> None:
    for name, members in dynamics_fo.FACTS.enumerations.items():
        assert members == set(FO["enums"][name])
    assert {"UnitsOfMeasure", "Currencies"} <= set(FO["all_entity_sets"]) - set(FO["entities"])


@pytest.mark.parametrize("name", dynamics_bc.FACTS.sets)
def test_a_set_of_business_central(name: str) -> None:
    facts = dynamics_bc.FACTS.sets[name]
    if name in OLDER:
        assert set(facts.types) == set(BC_OLDER[OLDER[name]]["properties"])
        return
    there = BC[name]
    # The list holds pieces of the pages' source beside the names.
    fields = {field for field in there["fields"] if field.isidentifier()}
    assert set(facts.types) - CUT_OFF.get(name, set()) == fields
    assert facts.navigation <= set(there["parts"])
    assert facts.key == KEYS[there["key"]]
