"""The names that connectors ask Dynamics 365 for, against published metadata beside the checkout, where it is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.runtime.definition import EntityDefinition, HttpRead
from tests.runtime.opened import catalog

DATA = Path(__file__).parents[3] / "shared" / "data"

# Sets of which the published lists show no fields.
UNLISTED = {
    "dynamics_bc": {"companies", "unitsOfMeasure", "currencies"},
    "dynamics_fo": {"UnitsOfMeasure", "Currencies"},
}


def listed(name: str) -> Any:
    path = DATA / name
    if not path.exists():
        pytest.skip("the published metadata is not beside the checkout")
    return json.loads(path.read_text("utf-8"))


def asked(system: str) -> list[tuple[str, list[str], str | None, EntityDefinition]]:
    """Set, selected names and expanded navigation of every entity that is read over HTTP."""
    found = []
    for entity in catalog().definition(system, {}).entities.values():
        if isinstance(entity.read, HttpRead):
            said = entity.read.vars
            expand = said.get("expand")
            expand = expand["then"] if isinstance(expand, dict) else expand
            found.append(
                (said.get("set", "companies"), (said.get("select") or "").split(","), expand, entity)
            )
    return found


def test_finance_and_operations() -> None:
    sets = listed("dynamics_fo/entity-fields.json")["entities"]
    for name, select, expand, entity in asked("dynamics_fo"):
        if name in UNLISTED["dynamics_fo"]:
            continue
        known = {*sets[name]["props"], *sets[name]["enums"]}
        assert set(select) <= known, name
        assert set(entity.key) <= known, name
        assert set((entity.read.vars["order"]).split(",")) == set(sets[name]["keys"]), name  # type: ignore[union-attr]
        assert expand is None or expand in sets[name]["nav"], name


def test_business_central() -> None:
    sets = listed("dynamics_bc/api-v2-fields.json")
    for name, select, expand, entity in asked("dynamics_bc"):
        if name in UNLISTED["dynamics_bc"] or "automation" in entity.read.request.path:  # type: ignore[union-attr]
            continue
        # The published lists lose the last fields of a page where its source is nested.
        assert set(select) - set(sets[name]["fields"]) <= {"lastModifiedDateTime"}, name
        assert expand is None or expand in sets, name
