"""Alert rules and dashboard speak of metrics that there are, in expressions that are whole."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.app import Appliance
from tests.support.appliance import Appliances, connect_sandbox, work

CONFIG = Path(__file__).parents[2] / "config"
RULES = CONFIG / "alerts" / "appliance.rules.yml"
DASHBOARD = CONFIG / "dashboards" / "appliance.json"
DURATION = r"\d+(ms|[smhdwy])"


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def check_expression(text: str) -> None:
    """Brackets match outside of texts, and every range is a duration."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    pairs, open_ones = {")": "(", "]": "[", "}": "{"}, []
    for letter in bare:
        if letter in "([{":
            open_ones.append(letter)
        elif letter in pairs:
            assert open_ones and open_ones.pop() == pairs[letter], text
    assert not open_ones, text
    for span in re.findall(r"\[([^\]]*)\]", bare):
        assert re.fullmatch(DURATION + r"|\$__rate_interval", span), text
    assert not re.search(r"[=~]\s*[,}]", bare), text


@pytest.fixture
def known(appliances: Appliances) -> dict[str, set[str]]:
    """Names of samples to the names of their labels."""
    appliance: Appliance = appliances.open(disk_reserve_bytes=1 << 20)
    connect_sandbox(appliance)
    work(appliance)
    appliance.tally.add("source_responses", "2xx")
    appliance.tally.add("api_responses", "2xx")
    found: dict[str, set[str]] = {}
    text = appliance.metrics.text()
    for name in re.findall(r"^# TYPE (\S+)", text, re.M):
        found.setdefault(name, set())
    for name, labels in re.findall(r"^(appliance_\w+)(?:\{(.*)\})? ", text, re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_every_metric_named_in_them_is_there_with_its_labels(known: dict[str, set[str]]) -> None:
    of_the_scrape = {"instance", "job"}
    for text in expressions():
        for name, labels in re.findall(r"\b(appliance_\w+)(?:\{([^}]*)\})?", text):
            assert name in known, f"{name} in {text}"
            assert set(re.findall(r'(\w+)\s*[=!]~?=?\s*"', labels)) <= known[name] | of_the_scrape, text


def test_every_expression_is_whole() -> None:
    for text in expressions():
        check_expression(text)


@pytest.mark.parametrize("broken", ["sum(rate(a[5m])", "rate(a[5 minutes])", 'a{b="c"]', "a{b=}"])
def test_a_broken_expression_is_seen(broken: str) -> None:
    with pytest.raises(AssertionError):
        check_expression(broken)


def test_rules_say_how_severe_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 10
    for rule in rules():
        assert re.fullmatch(r"Appliance[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert set(rule["annotations"]) == {"summary", "action"}
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(DURATION, rule.get("for", "1m"))


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
