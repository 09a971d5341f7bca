"""The facts of Maximo against the description that Manage 9.1 writes of itself."""

import pytest

from tests.published.originals import described
from tests.simulators.maximo.service import FACTS

DESCRIPTION = described("maximo/mas-manage-9.1-oas-mxapisr-mxapiasset.json")


@pytest.mark.parametrize("name", FACTS.sets)
def test_an_object_structure(name: str) -> None:
    there = DESCRIPTION["components"]["schemas"][f"RESOURCE_MXAPI{name.upper()}"]["properties"]
    kinds = {prop: about.get("type", "string") for prop, about in there.items()}
    assert FACTS.sets[name].types == {prop: "" if kind == "string" else kind for prop, kind in kinds.items()}


def test_the_parameters_of_a_list() -> None:
    every = DESCRIPTION["components"]["parameters"]
    listed = DESCRIPTION["paths"]["/os/mxapiasset"]["get"]["parameters"]
    shared = [every[one["$ref"].rsplit("/", 1)[-1]] for one in listed if "$ref" in one]
    assert FACTS.parameters == {one["name"] for one in shared if one["in"] == "query"}
