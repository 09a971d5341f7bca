"""The facts of SAP Business One against the vendor's metadata of version 2."""

from appliance.runtime.definition import ODataRead
from appliance.runtime.protocols.odata.edmx import parse_metadata
from tests.published.originals import original
from tests.runtime.opened import catalog
from tests.simulators.sap_business_one.metadata import document

DEFINITION = catalog().folder("sap_business_one").definition


def properties_read() -> dict[str, set[str]]:
    """Set to the properties that the definition asks for."""
    found: dict[str, set[str]] = {}
    for entity in DEFINITION.entities.values():
        if isinstance(entity.read, ODataRead):
            found.setdefault(entity.read.set, set()).update(entity.read.select, entity.read.changed)
    return found


def test_what_is_read_stands_in_the_vendor_s_metadata() -> None:
    vendor = parse_metadata(original("sap/SAPB1.servicelayer-v2.odata4.edmx").read_bytes())
    ours = parse_metadata(document().encode())
    for name, properties in properties_read().items():
        assert properties - set(vendor.sets[name].properties) == set(), name
    for name, kind in ours.types.items():
        there = vendor.types[name].properties
        for title, told in kind.properties.items():
            assert title.startswith("U_") or there[title] == told, f"{name}.{title}"
    for name, kind in ours.sets.items():
        assert kind.keys == vendor.sets[name].keys
