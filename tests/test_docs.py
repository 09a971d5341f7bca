"""The guide is true: its shell blocks run, the commands it names exist, its links lead somewhere, it is served."""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.__main__ import build_parser
from appliance.api.guide import ADDRESS, PAGES, Page, page, slug, source_of
from appliance.model.entity import load_model
from appliance.runtime.checking.problems import problems_of
from tests.api.conftest import Plant
from tests.api.conftest import plant as plant
from tests.real.server import free_port
from tests.simulators.plain_rest import KEY, PlainRest
from tests.support.quick import quick as quick
from tests.support.shell import ROOT, blocks, section, shell

SOURCES = {name: source_of(name) for name in PAGES}


def test_the_shell_blocks_run_page_after_page(tmp_path: Path) -> None:
    script = "\n".join(
        f"echo '== {name}'\n" + "\n".join(blocks(text, "sh")) for name, text in SOURCES.items()
    )
    with PlainRest().running() as server:
        for written, real in (
            ("api_key: the key made for it", f"api_key: {KEY}"),
            ("url: https://cmms.plant.example\napi_key", f"url: {server.url}\napi_key"),
        ):
            assert script.count(written) == 1, written
            script = script.replace(written, real)
        printed = shell(script.replace("8443", str(free_port())), tmp_path)
    said = dict(re.findall(r"^== (\w+)\n(.*?)(?=^== |\Z)", printed, re.M | re.S))
    assert list(said) == list(PAGES)
    assert re.search(r"^installation: ins_[0-9a-f]{16}$", said["install"], re.M)
    assert ": completed\n" in said["connect"] and "rejected" in said["connect"]
    answers = [json.loads(line) for line in said["api"].splitlines() if line.startswith('{"data"')]
    assert len(answers) == 8
    assert answers[0]["data"]["available"] == 20
    assert answers[-1]["data"]["lineItems"][0]["name"] == "Bearing 6204"
    assert said["operate"].count(": completed\n") == 2
    assert "is in force" in said["harden"]
    assert "encrypted\n700\n" in said["security"] and "not encrypted" not in said["security"]
    assert "default-src 'none'" in said["security"] and "return code: 0" in said["security"]
    assert "Credits: " in said["recover"]
    assert "No problems." in said["connectors"] and "failed" not in said["connectors"]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Page, and the words after `appliance` of each command in its `sh` and `console` blocks."""
    for name, text in SOURCES.items():
        for block in [*blocks(text, "sh"), *blocks(text, "console")]:
            for line in re.sub(r"^\(.*<<'END'\n(.*\n)*?END\n", "", block, flags=re.M).splitlines():
                for part in re.split(r"\$\(|\)|\|\|?|&&|;", line):
                    yield from _commands(name, part)


def _commands(name: str, part: str) -> Iterator[tuple[str, list[str]]]:
    try:
        words = shlex.split(part, comments=True)
    except ValueError:
        return  # half of a quoted text, which the split above has cut
    while words and ("=" in words[0] or words[0] == "sudo"):
        words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
    if words[:1] == ["appliance"]:
        yield name, [word for word in words[1:] if word not in ("&", ">", "2>&1")]


def problem(words: list[str]) -> str | None:
    """What of a command does not exist, None when all of it does."""
    parser = build_parser()
    said = []
    for word in words:
        choices = next(
            (each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)), None
        )
        if word.startswith("--"):
            if word.partition("=")[0] not in parser._option_string_actions:
                return f"{' '.join(said)} has no {word}"
        elif choices is not None:
            said.append(word)
            if word not in choices:
                return " ".join(said)
            parser = choices[word]
    return None


def test_every_command_and_option_that_is_named_exists() -> None:
    found = [(name, words, problem(words)) for name, words in commands()]
    assert len(found) > 60
    assert [(name, words) for name, words, missing in found if missing] == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("backups list", "backups"),
        ("connection lists", "connection lists"),
        ("sync run X --wait --fast", "sync run has no --fast"),
        ("sync run X --wait", None),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, expected: str | None) -> None:
    assert problem(command.split()) == expected


def test_every_block_says_how_it_is_checked() -> None:
    tags = {tag for text in SOURCES.values() for tag in re.findall(r"^```(.*)\n(?:.*\n)*?```$", text, re.M)}
    assert tags == {"sh", "console", "yaml", "nginx"}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_lies_in_docs_as_well(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text("utf-8") == SOURCES[name]


def anchors(shown: Page) -> list[str]:
    return re.findall(r'<h\d id="([^"]*)"', shown.content)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    assert len(set(anchors(page(name)))) == len(anchors(page(name)))
    links = re.findall(r"\]\(([^)\s]+)\)", SOURCES[name])
    served = re.findall(r'href="([^"]+)"', page(name).content)
    assert len(served) == len(links)  # none was taken for one that leads outside
    for link in served:
        path, _, anchor = link.partition("#")
        if path.startswith(ADDRESS):
            shown = page(path.rpartition("/")[2])
            assert not anchor or anchor in anchors(shown), link
        else:
            assert path in ("/docs", "/docs/errors"), link


def test_the_pages_are_served_with_navigation_and_without_scripts(plant: Plant) -> None:
    front = plant.get(ADDRESS, token="")
    assert front.status_code == 200
    for name in PAGES:
        assert f'href="{ADDRESS}/{name}"' in front.text
        shown = plant.get(f"{ADDRESS}/{name}", token="")
        assert shown.status_code == 200
        assert f'href="{ADDRESS}/{name}" aria-current="page"' in shown.text
        assert f'<h1 id="{slug(page(name).title)}">' in shown.text
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        for tag in ("<script", " onclick=", " style=", "```"):
            assert tag not in shown.text
    assert plant.get(f"{ADDRESS}/nothing", token="").status_code == 404


def test_the_connector_that_is_shown_is_valid(tmp_path: Path) -> None:
    (definition,) = blocks(SOURCES["connectors"], "yaml")
    folder = tmp_path / "example_cmms"
    folder.mkdir()
    (folder / "connector.yaml").write_text(definition)
    assert problems_of(folder, load_model()) == []


def test_the_files_of_a_data_directory_are_explained(tmp_path: Path) -> None:
    explained = section(SOURCES["operate"], "The data directory")
    script = "\n".join(blocks(section(SOURCES["install"], "Try it in a folder"), "sh"))
    script += "\nls data\nkill $SERVICE && wait $SERVICE"
    kept = shell(script.replace("8443", str(free_port())), tmp_path).split()
    files = [name for name in kept if (tmp_path / "trial" / "data" / name).exists()]
    assert {"appliance.db", "keyring.json", "master.key", "tls"} <= set(files)
    assert [name for name in files if f"`{name}`" not in explained and f"`{name}/`" not in explained] == []
