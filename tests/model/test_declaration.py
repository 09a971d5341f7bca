"""A mistake in a model file stops the program at once, with the file and the entity in the message."""

from pathlib import Path

import pytest

from appliance.model.entity import load_model

BOAT = """
Boat:
  description: A boat.
  categories: [eam]
  path: boats
  prefix: "a0"
  nature: master
  page_limit: 500
  fields:
    key: key
    name: string
    berthKey: key Berth
  operations:
    list:
    create: {body: [name, {color: string}]}
Berth:
  description: Where a boat lies.
  categories: [eam]
  path: berths
  prefix: "a1"
  nature: master
  page_limit: 500
  fields:
    key: key
    boatKey: key Boat
"""


def load(folder: Path, text: str, name: str = "harbor.yaml") -> None:
    (folder / name).write_text(text)
    load_model(folder)


def test_the_example_is_sound(tmp_path: Path) -> None:
    load(tmp_path, BOAT)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("page_limit: 500\n", "page_limit: 500\n  colour: red\n", "unknown colour"),
        ("name: string", "name: text", "unknown type 'text'"),
        ("name: string", "name: {type: string, length: 3}", "unknown length"),
        ("name: string", "name: string Berth", "string takes no entity"),
        ("name: string", "name: list", "needs an entity"),
        ("name: string", "name: string\n    name: string", "name is there twice"),
        ("berthKey: key Berth", "berthKey: key Quay", "unknown entity Quay"),
        ("berthKey: key Berth", "berthKey: key", "needs an entity"),
        ('prefix: "a0"', 'prefix: "a1"', "prefix a1 is taken by Boat"),
        ('prefix: "a0"', 'prefix: "xx"', "two characters"),
        ('prefix: "a0"', "prefix: 10", "prefix must be text"),
        ('prefix: "a0"', "keys_of: Quay", "keys_of must"),
        ('  prefix: "a0"\n', "", "needs prefix"),
        ("    key: key\n    name", "    name", "go together"),
        ("path: boats", "path: berths", "path berths is taken by Boat"),
        ("nature: master", "nature: wild", "nature must be"),
        ("page_limit: 500", "page_limit: many", "page_limit must be"),
        ("categories: [eam]", "categories: [eam, mro]", "categories must name"),
        ("  description: A boat.\n", "", "has no description"),
        ("list:", "launch:", "unknown operation launch"),
        ("list:", "list: {to: Berth}", "unknown to"),
        ("list:", "list: {in: [wms]}", "in must name some of eam"),
        ("list:", "list: {of: Quay}", "unknown entity Quay"),
        ("list:", "materials: {of: Berth, by: name}", "by must name a field that refers to Boat"),
        ("[name, {color: string}]", "[name, {color: shade}]", "unknown type 'shade'"),
        ("[name, {color: string}]", "[name, color]", "color has no type"),
        ("[name, {color: string}]", "[name, {name: string}]", "names a field twice"),
        ("[name, {color: string}]", "[{quayKey: key Quay}]", "unknown entity Quay"),
        ("[name, {color: string}]", "[{name: {required: 1}}]", "required must be true or false"),
        ("[name, {color: string}]", "update", "no operation update above"),
        ("[name, {color: string}]", "[name], required: [color]", "color is not in the body"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in BOAT
    with pytest.raises(ValueError, match=r"harbor\.yaml") as caught:
        load(tmp_path, BOAT.replace(old, new, 1))
    assert reason in str(caught.value)


def test_an_entity_declared_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "harbor.yaml").write_text(BOAT)
    with pytest.raises(ValueError, match=r"marina\.yaml: Boat: is declared in harbor\.yaml already"):
        load(tmp_path, BOAT, "marina.yaml")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"harbor\.yaml"):
        load(tmp_path, "Boat: [")


def test_a_folder_without_model_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no \*\.yaml"):
        load_model(tmp_path)
