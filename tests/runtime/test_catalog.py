"""Finding connectors, and leaving out those that are broken."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.runtime.catalog import Catalog, UnknownSystem
from tests.runtime.opened import all_records, catalog, opened

CONNECTOR = """
system: {system}
name: Site system
summary: Made by the customer.
categories: [eam]
tier: 3
hosting: either
evidence: contract
entities:
  Vendor:
    read: {{protocol: declared, items: [{{id: 1, name: Pumps}}]}}
    key: [id]
    map: {{name: name}}
"""

CODE = """
from __future__ import annotations

from dataclasses import dataclass

from appliance.runtime.protocols import Page


@dataclass
class Options:
    names: list[str]


class Reader:
    loaded = 0

    def __init__(self, source, entity, options):
        self._options = Options(**options)

    def first(self):
        return {}

    def fetch(self, position, since, *, resuming, sample):
        rows = [f'{{"id":"{name}"}}'.encode() for name in self._options.names]
        return Page(rows, None, len(rows))
"""

BY_CODE = (
    CONNECTOR.split("entities:")[0]
    + """
entities:
  Vendor:
    read: {{protocol: code, options: {{names: [A, B]}}}}
    key: [id]
    map: {{code: id}}
"""
)


def folder(
    root: Path, system: str = "site_cmms", /, connector: str | bytes = CONNECTOR, **files: str
) -> Path:
    """A connector folder; `mapping__x` is mapping/x.yaml, `code` is code.py."""
    path = root / system
    (path / "mapping").mkdir(parents=True, exist_ok=True)
    (path / "packs").mkdir(exist_ok=True)
    text = connector if isinstance(connector, bytes) else connector.format(system=system).encode()
    (path / "connector.yaml").write_bytes(text)
    for name, content in files.items():
        target = path / ("code.py" if name == "code" else name.replace("__", "/") + ".yaml")
        target.write_text(textwrap.dedent(content))
    return path


def reason(root: Path) -> str:
    """Why the one folder of `root` was left out; the packaged ones must still be there."""
    found = catalog(root)
    (broken,) = found.broken()
    assert {"sandbox", "tryton", "generic_odata"} <= {definition.system for definition in found.definitions()}
    with pytest.raises(UnknownSystem, match="was left out"):
        found.folder(broken.folder)
    return broken.reason


def test_the_packaged_connectors_are_all_well() -> None:
    found = catalog()
    assert found.broken() == []
    names = [definition.name for definition in found.definitions()]
    assert names == sorted(names, key=str.lower)
    for definition in found.definitions():
        assert found.folder(definition.system).guide.startswith("# ")
        assert all(field.help or field.type == "password" for field in definition.form)


def test_a_folder_of_the_customer_with_its_own_code(tmp_path: Path) -> None:
    folder(tmp_path, connector=BY_CODE, code=CODE)
    assert catalog(tmp_path).broken() == []
    records = all_records(opened("site_cmms", {}, extra=tmp_path), "Vendor")
    assert [record["code"] for record in records.values()] == ["A", "B"]


def test_the_code_of_a_folder_is_loaded_once(tmp_path: Path) -> None:
    folder(tmp_path, connector=BY_CODE, code=CODE)
    found = catalog(tmp_path).folder("site_cmms")
    assert found.code() is found.code()


def test_folders_of_the_same_name_do_not_share_their_code(tmp_path: Path) -> None:
    for site in ("a", "b"):
        folder(tmp_path / site, connector=BY_CODE, code=CODE + f"\nSITE = {site!r}\n")
    assert [catalog(tmp_path / site).folder("site_cmms").code().SITE for site in ("a", "b", "a")] == [
        "a",
        "b",
        "a",
    ]


def test_entities_may_stand_in_files_of_their_own(tmp_path: Path) -> None:
    split = CONNECTOR.split("entities:")[0] + "defaults: {{key: [id]}}\n"
    folder(
        tmp_path,
        connector=split,
        mapping__a="Vendor: {read: {protocol: declared, items: []}, map: {name: n}}",
        mapping__empty="# nothing yet",
    )
    assert list(catalog(tmp_path).folder("site_cmms").definition.entities) == ["Vendor"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"connector": "system: [\n"}, r"site_cmms: line 2: "),
        ({"connector": "a: 2025-13-45\n"}, r"month must be in"),
        ({"connector": b"\xff\xfe\xff"}, r"site_cmms: "),
        ({"connector": "- a list\n"}, r"connector\.yaml is not a mapping"),
        ({"connector": ""}, r"connector\.yaml is not a mapping"),
        ({"connector": "[" * 3000}, r"site_cmms: "),
        ({"connector": CONNECTOR + "colour: red\n"}, r"unknown field `colour`"),
        ({"connector": CONNECTOR + "defaults: [1]\n"}, r"`defaults` is not a mapping"),
        (
            {"connector": CONNECTOR.replace("system: {system}", "system: other")},
            r"it must equal the folder's name",
        ),
        ({"connector": CONNECTOR.replace("key: [id]", "keys: [id]")}, r"unknown field `keys`"),
        ({"connector": CONNECTOR.replace("key: [id]", "key: []")}, r"length >= 1"),
        ({"connector": CONNECTOR.replace("Vendor:", "Vendors:")}, r"serves no entity 'Vendors'"),
        ({"connector": CONNECTOR.replace("Vendor:", "Address:")}, r"serves no entity 'Address'"),
        (
            {"connector": CONNECTOR.replace("{{name: name}}", "{{nmae: name}}")},
            r"site_cmms\.Vendor: Vendor has no field 'nmae'",
        ),
        (
            {"connector": CONNECTOR.replace("{{name: name}}", "{{name: {{first: 5}}}}")},
            r"site_cmms\.Vendor\.name: `first` is a list",
        ),
        (
            {"connector": CONNECTOR.replace("protocol: declared", "protocol: telepathy")},
            r"Invalid value 'telepathy'",
        ),
        ({"connector": CONNECTOR.split("entities:")[0] + "entities: [a]\n"}, r"`entities` is not a mapping"),
        ({"connector": CONNECTOR.split("entities:")[0]}, r"serves at least one entity"),
        ({"mapping__bad": "- a\n- b\n"}, r"mapping/bad\.yaml is not a mapping"),
        ({"mapping__bad": "Site: 5\n"}, r"Expected `object`"),
        ({"mapping__bad": "Site: {\n"}, r"line 2"),
        ({"packs__left": "Vendor: {}\n"}, r"`packs` and the files of packs/ differ: left"),
        ({"connector": BY_CODE}, r"needs a code\.py"),
        ({"connector": BY_CODE, "code": "class Writer: ...\n"}, r"code\.py has no class Reader"),
        ({"connector": BY_CODE, "code": "1 / 0\n"}, r"code\.py cannot be loaded: ZeroDivisionError"),
        ({"connector": BY_CODE, "code": "def :\n"}, r"code\.py cannot be loaded: SyntaxError"),
        (
            {"connector": BY_CODE, "code": "import no_such_module\n"},
            r"code\.py cannot be loaded: ModuleNotFoundError",
        ),
    ],
)
def test_a_broken_folder_is_left_out_and_says_why(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    folder(tmp_path, **change)
    told = reason(tmp_path)
    assert re.search(says, told), told


def test_a_folder_cannot_take_the_name_of_a_packaged_one(tmp_path: Path) -> None:
    folder(tmp_path, "sandbox")
    found = catalog(tmp_path)
    (broken,) = found.broken()
    assert (broken.folder, broken.reason) == ("sandbox", "There already is a connector 'sandbox'.")
    assert found.folder("sandbox").packaged


def test_what_is_no_connector_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "readme.txt").write_text("x")
    assert catalog(tmp_path).broken() == []
    assert catalog(tmp_path / "missing").broken() == []


def test_an_unknown_system_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        UnknownSystem, match=r"There is no connector 'sap'\. Systems: .*files, .*generic_odata, .*tryton"
    ):
        catalog().folder("sap")


# Entities of a generic connector

PACK = "sap-purchase-orders"
WRITTEN = "Vendor: {read: {set: A_Supplier}, key: [Supplier], map: {name: SupplierName}}"


def entities(text: str, found: Catalog | None = None) -> list[str]:
    return list((found or catalog()).definition("generic_odata", {"entities": text}).entities)


def test_entities_come_from_a_pack_or_from_what_is_written() -> None:
    assert entities(PACK) == ["PurchaseOrder"]
    assert entities(WRITTEN) == ["Vendor"]
    definition = catalog().definition("generic_odata", {"entities": WRITTEN})
    assert definition.entities["Vendor"].times == "odata2", "the defaults of the connector hold for them too"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "sap-orders",
            r"there are no ready-made entities 'sap-orders'\."
            " There are: sap-purchase-orders, sap-purchase-orders-v4; or write",
        ),
        ("Vendor: [", r"line 1: "),
        ("a: 2025-13-45", r"month must be in"),
        ("5", r"write at least one entity"),
        ("[]", r"write at least one entity"),
        ("Vendor: {read: {set: A}, key: [x]}", r"missing required field `map`"),
        (WRITTEN.replace("Vendor", "Supplier"), r"serves no entity 'Supplier'"),
        (
            WRITTEN.replace("name:", "title:"),
            r"entities\.Vendor: Vendor has no field 'title'\. Fields: key, name",
        ),
        (WRITTEN.replace("set:", "sets:"), r"unknown field `sets`|missing required field `set`"),
        (WRITTEN.replace("A_Supplier", "A_Supplier, size: 0"), r">= 1"),
        ("[" * 5000, r"The field entities is not right"),
        ("x" * 600_000, r"the text is too long"),
    ],
)
def test_entities_that_are_not_right_are_told_for_their_field(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as told:
        entities(text)
    assert set(told.value.details["fields"]) == {"entities"}
