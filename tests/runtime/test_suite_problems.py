"""Validation of a folder: every problem at once, each with file, line and keys."""

from importlib import resources
from pathlib import Path

import pytest

from appliance.runtime.checking.problems import Problem, problems_of
from tests.runtime.opened import MODEL

GOOD = """\
system: plant
name: Plant
summary: Of the tests.
categories: [eam]
tier: 3
hosting: either
evidence: facts
form:
  - {name: url, label: Address}
http: {base_url: "${url}"}
defaults:
  key: [id]
  read:
    protocol: http
    request: {path: /rows}
entities:
  Vendor:
    map:
      name: name
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "plant"
    made.mkdir()
    return made


def problems(folder: Path, text: str, **files: str) -> list[Problem]:
    (folder / "connector.yaml").write_text(text)
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_py", ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return problems_of(folder, MODEL)


def places(found: list[Problem]) -> list[str]:
    return [problem.place for problem in found]


def test_a_folder_that_is_right_has_none(folder: Path) -> None:
    assert problems(folder, GOOD) == []


@pytest.mark.parametrize("system", ["tryton", "generic_odata", "generic_sql", "files", "sandbox"])
def test_the_packaged_connectors_have_none(system: str) -> None:
    assert problems_of(Path(str(resources.files("appliance.connectors"))) / system, MODEL) == []


def test_all_problems_are_told_at_once_in_their_lines(folder: Path) -> None:
    text = (
        GOOD.replace("tier: 3", "tier: 7")
        .replace("summary: Of the tests.\n", "sumary: Of the tests.\n")
        .replace('"${url}"', '"${url"')
        .replace("      name: name\n", "      nam: name\n      code: {path: a, const: b}\n")
    )
    found = problems(folder, text)
    assert {problem.place: problem.message.split(";")[0].split("(")[0] for problem in found} == {
        "connector.yaml:3 sumary": "there is no such key here",
        "connector.yaml:1": "`summary` is missing",
        "connector.yaml:5 tier": "Invalid enum value 7",
        "connector.yaml:10 http.base_url": "a `${` in '${url' is not closed.",
        "connector.yaml:19 entities.Vendor.map.nam": found[4].message,
        "connector.yaml:20 entities.Vendor.map.code": found[5].message,
    }
    assert "did you mean `summary`?" in found[0].message
    assert "Vendor has no field 'nam'" in found[4].message
    assert "exactly one of" in found[5].message


def test_an_item_of_a_list_is_told_in_its_own_line(folder: Path) -> None:
    text = GOOD.replace("label: Address}\n", "label: Address}\n  - {name: key, label: 7}\n")
    assert places(problems(folder, text)) == ["connector.yaml:10 form.1.label"]


def test_what_is_wrong_in_defaults_is_told_once_and_there(folder: Path) -> None:
    text = GOOD.replace("{path: /rows}", "{pth: /rows}") + "  Site:\n    map: {name: name}\n"
    assert places(problems(folder, text)) == ["connector.yaml:15 defaults.read.request.pth"]


def test_a_part_of_no_known_kind_is_told_with_those_there_are(folder: Path) -> None:
    (problem,) = problems(folder, GOOD.replace("protocol: http", "protocol: rest"))
    assert problem.place == "connector.yaml:14 defaults.read.protocol"
    assert "'rest' is not known; it is one of http, odata2" in problem.message
    (problem,) = problems(folder, GOOD.replace("    protocol: http\n", ""))
    assert "`protocol` is missing" in problem.message


def test_entities_of_other_files_are_told_in_theirs(folder: Path) -> None:
    found = problems(folder, GOOD, mapping__more_yaml="Site:\n  map:\n    name: name\n    nmae: name\n")
    assert places(found) == ["mapping/more.yaml:4 Site.map.nmae"]


def test_an_entity_the_model_does_not_serve_is_told(folder: Path) -> None:
    (problem,) = problems(folder, GOOD.replace("Vendor:", "Vendr:"))
    assert "no entity 'Vendr'" in problem.message


def test_a_name_that_yaml_takes_for_a_truth_value_is_explained(folder: Path) -> None:
    (problem,) = problems(folder, GOOD.replace("      name: name", "      name: no"))
    assert "put quotes round such a name" in problem.message
    # Where truth values are meant, nothing is said of them.
    assert (
        problems(folder, GOOD.replace("name: name", "name: {path: a, values: {Y: true}, default: false}"))
        == []
    )


@pytest.mark.parametrize("text", ["a: [", "- a list", "", "a: 2026-99-99"])
def test_yaml_that_cannot_be_read_is_told(folder: Path, text: str) -> None:
    (problem,) = problems(folder, text)
    assert problem.place.startswith("connector.yaml")


def test_names_that_nothing_provides_are_told_with_their_place(folder: Path) -> None:
    (problem,) = problems(folder, GOOD.replace("path: /rows", 'path: "/${plant}"'))
    assert problem == Problem(
        "connector.yaml entities.Vendor.read.request.path",
        "`${plant}` is neither a form field nor known there",
    )
    vars_of_it = GOOD.replace("path: /rows}", 'path: "/${plant}"}\n    vars: {plant: a}')
    assert problems(folder, vars_of_it) == []


def test_what_only_shows_in_the_whole_is_told(folder: Path) -> None:
    (problem,) = problems(folder, GOOD.replace("system: plant", "system: other"))
    assert "must equal the folder's name" in problem.message


@pytest.mark.parametrize(("code", "said"), [("x = 1\n", "no class Reader"), ("1 / 0\n", "cannot be loaded")])
def test_code_without_a_reader_is_told(folder: Path, code: str, said: str) -> None:
    text = GOOD.replace("protocol: http\n    request: {path: /rows}", "protocol: code")
    (problem,) = problems(folder, text, code_py=code)
    assert said in problem.message


def test_a_folder_without_a_definition_is_told(folder: Path) -> None:
    (problem,) = problems_of(folder, MODEL)
    assert "no connector.yaml" in problem.message


def test_a_list_that_is_too_short_is_told(folder: Path) -> None:
    found = problems(folder, GOOD.replace("key: [id]", "key: []"))
    assert places(found) == ["connector.yaml:12 defaults.key"]
