"""Names that templates use, and form fields that something uses."""

import pytest

from appliance.runtime.checking.names import foreign_names, unused_fields
from appliance.runtime.definition import parse_definition
from tests.runtime.opened import catalog

PLANT = {
    "system": "plant",
    "name": "Plant",
    "summary": "A system of the tests.",
    "categories": ["eam"],
    "tier": 3,
    "hosting": "either",
    "evidence": "facts",
    "form": [{"name": name, "label": name, "help": "Anything."} for name in ("url", "user", "release", "lines")],
    "http": {"base_url": "${url}"},
    "entities": {
        "Vendor": {
            "key": ["id"],
            "read": {
                "protocol": "http",
                "rows": "result",
                "choose": "release",
                "request": {"path": "rpc", "xmlrpc": {"method": "find", "params": ["${user}", ["${page.after}"]]}},
                "children": [
                    {
                        "of": "vendor",
                        "by": "id",
                        "into": "lines",
                        "when": "lines",
                        "vars": {"only": ["vendor", "in", "${parents}"]},
                    }
                ],
            },
            "map": {"name": "name"},
        }
    },
}  # fmt: skip


@pytest.mark.parametrize("system", [definition.system for definition in catalog().definitions()])
def test_packaged_connectors_use_all_they_ask_for_and_nothing_else(system: str) -> None:
    definition = catalog().folder(system).definition
    assert foreign_names(definition) == []
    assert unused_fields(definition) == []


def test_names_in_lists_and_fields_named_without_a_template_count() -> None:
    assert unused_fields(parse_definition(PLANT, where="plant")) == []
