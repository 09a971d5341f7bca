"""The simulator and the connector of S/4HANA against the list of published fields."""

import csv
from collections import defaultdict

import pytest

from appliance.runtime.definition import AlternativesRead, ODataRead
from tests.published.originals import original
from tests.runtime.opened import catalog
from tests.simulators.sap_s4hana.services import SERVICES

# The new service of plants is not among the published files, and customers make their own fields.
UNPUBLISHED = {"Plant"}
KINDS = {
    "d": ("Date", "date", "string"),
    "t": ("DateTimeOffset", "string"),
    "n": ("Decimal", "decimal"),
    "f": ("Double", "double"),
    "b": ("Boolean", "boolean"),
    "h": ("Time", "TimeOfDay", "time", "string"),
    "": ("String", "string"),
}


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, set[str]]]:
    """Set to property to its types in the published files."""
    listed: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with original("sap/field-inventory.tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            listed[row["entity_set"].removesuffix("Type")][row["field"]].add(row["type"])
    return listed


def test_the_simulator_has_nothing_that_is_not_published(published: dict[str, dict[str, set[str]]]) -> None:
    wrong = []
    for service in SERVICES.values():
        for name, one in service.sets.items():
            if name in UNPUBLISHED:
                continue
            known = published[name]
            wrong += [f"{name}.{way}" for way in one.children if way not in known]
            for prop, kind in one.types.items():
                fits = any(said.startswith(KINDS[kind]) for said in known.get(prop, ()))
                if not fits and not prop.startswith("YY1_"):
                    wrong.append(f"{name}.{prop}: {kind} is {known.get(prop)}")
    assert wrong == []


def test_the_connector_asks_for_nothing_that_is_not_published(
    published: dict[str, dict[str, set[str]]],
) -> None:
    wrong = []
    for entity in catalog().definition("sap_s4hana", {}).entities.values():
        ways = entity.read.of if isinstance(entity.read, AlternativesRead) else (entity.read,)
        for read in ways:
            if not isinstance(read, ODataRead) or read.set in UNPUBLISHED:
                continue
            names = [*read.changed, *read.distinct, *(n for n in read.select if "/" not in n)]
            names += [path.partition("(")[0].partition("/")[0] for path in read.expand]
            wrong += [f"{read.set}.{name}" for name in names if name not in published[read.set]]
    assert wrong == []
