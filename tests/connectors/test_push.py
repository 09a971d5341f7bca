"""What the packaged connectors say of deliveries, held against the samples they declare and to their own guides."""

from importlib import resources

import pytest
from msgspec.structs import replace

from appliance.model.entity import load_model
from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.push import check_push
from appliance.runtime.definition import HmacSigned

CATALOG = Catalog(load_model(), resources.files("appliance.connectors"))
SYSTEMS = ("atlas_cmms", "dynamics_bc", "erpnext", "generic_rest", "limble", "maintainx", "upkeep")


def test_these_systems_tell_of_changes() -> None:
    told = {one.system for one in CATALOG.definitions() if one.push is not None}
    assert told == set(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEMS)
def test_its_samples_are_taken_and_name_what_they_should(system: str) -> None:
    check = check_push(CATALOG.folder(system).definition)
    assert check is not None and check.state == "passed", check


@pytest.mark.parametrize("system", SYSTEMS)
def test_its_guide_says_how_it_is_set_up(system: str) -> None:
    folder = CATALOG.folder(system)
    assert "## Changes at once\n" in folder.guide
    assert folder.definition.push is not None and folder.definition.push.note


def test_a_sample_that_names_something_else_fails_the_check() -> None:
    definition = CATALOG.folder("erpnext").definition
    push = definition.push
    assert push is not None and isinstance(push.verify, HmacSigned)
    wrong = replace(push.samples[0], expect=(("Vendor", "changed", "x"),))
    check = check_push(replace(definition, push=replace(push, samples=(wrong,))))
    assert check is not None and check.state == "failed" and "names" in check.message
    none = check_push(replace(definition, push=replace(push, samples=())))
    assert none is not None and none.state == "warning"
