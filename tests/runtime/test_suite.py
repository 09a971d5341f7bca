"""The standard suite against the made-up Anvil system: each fault of a source is found, by the check it belongs to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from appliance.clock import SystemClock
from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.report import Check, SuiteReport
from appliance.runtime.checking.suite import check_form, run_suite
from appliance.runtime.connector import Connectors
from appliance.runtime.definition import parse_definition
from tests.runtime.opened import CREATED, MODEL, PART, catalog, outbound, reading
from tests.simulators.anvil import SECRET, Anvil, running
from tests.transport.servers import Exchange, serving

CUSTOMERS = Path(__file__).parents[1] / "connectors_of_customers"


@pytest.fixture
def anvil() -> Anvil:
    return Anvil()


def suite(anvil: Anvil, *, secret: str = SECRET, limit: int = 1000, **changed: Any) -> SuiteReport:
    """The whole suite; `changed` are keys of the definition to say otherwise."""
    with running(anvil) as server:
        way, clock = outbound(), SystemClock()
        connectors = Connectors(MODEL, Catalog(MODEL, None, CUSTOMERS), way.client, clock)
        fields = {"url": server.url, "client_id": "appliance", "client_secret": secret}
        connector = connectors.open("anvil", fields, part=PART, created_at=CREATED)
        for name, value in changed.items():
            entity = connector.definition.entities[name]
            entity.map.update(value)
        try:
            return run_suite(connector, MODEL, way.reach, clock, limit=limit)
        finally:
            connector.close()


def found(report: SuiteReport, name: str, entity: str = "") -> Check:
    (check,) = [check for check in report.checks if (check.name, check.entity) == (name, entity)]
    return check


def failures(report: SuiteReport) -> Iterator[tuple[str, str]]:
    return ((check.entity, check.name) for check in report.checks if check.state == "failed")


def test_a_connector_that_is_right_passes_every_check(anvil: Anvil) -> None:
    report = suite(anvil)
    assert report.passed
    # Plain http is all the simulator speaks.
    assert [check.name for check in report.checks if check.state == "warning"] == ["probe tls"]
    assert found(report, "paging", "Part").details == {
        "rows": 120,
        "pages": 3,
        "complete": True,
        "expected": 120,
    }
    for name in ("keys", "resume", "changes", "mapping", "status values"):
        assert found(report, name, "WorkOrder").state == "passed", name
    assert found(report, "mapping", "WorkOrder").details["filled"]["tasks"] == 55
    assert found(report, "references", "PurchaseOrder").state == "passed"


def test_what_cannot_be_tried_is_skipped_and_not_passed(anvil: Anvil) -> None:
    report = suite(anvil)
    assert found(report, "resume", "Vendor").state == "skipped"
    assert found(report, "changes", "Status").state == "skipped"


def test_a_filter_that_leaves_out_its_first_moment_is_found(anvil: Anvil) -> None:
    anvil.flaws.add("exclusive")
    check = found(suite(anvil), "changes", "Part")
    assert check.state == "failed"
    assert "at that very moment" in check.message
    assert len(check.details["lost"]) == 1


def test_the_end_of_what_was_seen_is_the_watermark_where_the_limit_cut_the_pass(anvil: Anvil) -> None:
    report = suite(anvil, limit=50)
    check = found(report, "changes", "Part")
    assert (check.state, check.details["since"]) == ("passed", "2026-01-08T09:00:00.250Z")
    anvil.flaws.add("exclusive")
    assert found(suite(anvil, limit=100), "changes", "Part").state == "failed"


def test_a_parameter_that_filters_nothing_is_found(anvil: Anvil) -> None:
    anvil.flaws.add("unfiltered")
    check = found(suite(anvil), "changes", "Part")
    assert (check.state, check.details["rows"]) == ("warning", 120)
    assert "does not filter" in check.message


def test_pages_that_overlap_are_found(anvil: Anvil) -> None:
    anvil.flaws.add("shifting")
    report = suite(anvil)
    assert found(report, "paging", "Part").state == "failed"
    # The same row twice is no fault of the key.
    assert found(report, "keys", "Part").state == "passed"


def test_a_page_that_never_ends_ends_the_check(anvil: Anvil) -> None:
    anvil.flaws.add("endless")
    report = suite(anvil)
    assert found(report, "first page", "Part").state == "passed"
    assert "again and again" in found(report, "paging", "Part").message


def test_a_position_that_the_source_forgets_is_told(anvil: Anvil) -> None:
    anvil.flaws.add("forgetful")
    check = found(suite(anvil), "resume", "Part")
    assert (check.state, "begins again" in check.message) == ("warning", True)


def test_a_position_that_loses_rows_is_found(anvil: Anvil) -> None:
    anvil.flaws.add("amnesic")
    check = found(suite(anvil), "resume", "Part")
    assert (check.state, "1 of 50 rows" in check.message) == ("failed", True)


def test_a_source_that_counts_more_than_it_gives_is_told(anvil: Anvil) -> None:
    anvil.flaws.add("miscounting")
    check = found(suite(anvil), "paging", "Part")
    assert (check.state, check.details["expected"], check.details["rows"]) == ("warning", 121, 120)


def test_rows_that_share_a_key_are_found(anvil: Anvil) -> None:
    report = suite(anvil, Part={})
    assert found(report, "keys", "Part").state == "passed"
    for row in anvil.rows["parts"].values():
        row["id"] = min(row["id"], 119)
    check = found(suite(anvil, limit=200), "keys", "Part")
    assert (check.state, len(check.details["shared"])) == ("failed", 1)


def test_rows_that_do_not_fit_are_counted_with_their_reasons(anvil: Anvil) -> None:
    for n in (3, 4, 60):
        anvil.rows["parts"][n]["price"]["amount"] = "a lot"
    check = found(suite(anvil), "mapping", "Part")
    assert check.state == "failed"
    assert "3 of 120 rows do not fit" in check.message
    assert list(check.details["rejected"].values()) == [3]


def test_mapped_fields_that_are_always_empty_are_named(anvil: Anvil) -> None:
    check = found(suite(anvil, Part={"description": "long_text"}), "mapping", "Part")
    assert (check.state, check.details["empty"]) == ("warning", ["description"])
    assert "manufacturerName" in check.details["not_mapped"]


def test_status_values_nobody_mapped_are_named(anvil: Anvil) -> None:
    anvil.rows["jobs"][5]["state"] = "HOLD"
    report = suite(anvil)
    check = found(report, "status values", "WorkOrder")
    assert (check.state, check.details) == ("warning", {"status": {"HOLD": 1}})
    # Nor has such a status a record.
    assert found(report, "references", "WorkOrder").details["dangling"] == {"statusKey": 1}


def test_values_are_looked_at_inside_lists_and_not_where_the_type_refuses_them(anvil: Anvil) -> None:
    tasks = {
        "each": "steps",
        "key": ["id"],
        "map": {"title": {"path": "text", "values": {"Step 1": "First"}}},
    }
    boolean = {"path": "active", "values": {"Y": "true", "N": "false"}}
    report = suite(anvil, WorkOrder={"tasks": tasks}, Part={"isActive": boolean})
    assert found(report, "status values", "WorkOrder").details == {"tasks.title": {"Step 2": 55}}
    assert [
        check for check in report.checks if check.entity == "Part" and check.name == "status values"
    ] == []


def test_references_that_stay_empty_or_lead_nowhere_are_named(anvil: Anvil) -> None:
    anvil.rows["purchases"][7]["lines"][0]["part_id"] = 999
    for machine in anvil.rows["machines"].values():
        machine["parent_id"] = None
    report = suite(anvil)
    assert found(report, "references", "PurchaseOrder").details["dangling"] == {"lineItems.materialKey": 1}
    assert found(report, "references", "Asset").details["empty"] == ["parentKey"]
    # It is told once.
    assert found(report, "mapping", "Asset").state == "passed"


def test_references_are_not_called_lost_where_not_all_targets_were_read(anvil: Anvil) -> None:
    assert found(suite(anvil, limit=10), "references", "PurchaseOrder").state == "passed"


def test_an_entity_nobody_may_read_is_a_warning_and_the_others_go_on(anvil: Anvil) -> None:
    anvil.closed.add("machines")
    report = suite(anvil)
    assert report.passed
    assert found(report, "first page", "Asset").state == "warning"
    assert found(report, "paging", "WorkOrder").state == "passed"
    anvil.closed.add("suppliers")
    # Vendor is required.
    assert ("Vendor", "first page") in set(failures(suite(anvil)))


FILES = """
PurchaseOrder:
  read: {files: "*.csv", format: {kind: csv}, stable_seconds: 0, size: 2%s}
  key: [Number]
  map: {orderNo: Number}
"""


def of_files(folder: Path, more: str) -> SuiteReport:
    (folder / "a.csv").write_text("Number\n1\n2\n3\n")
    way, clock = outbound(folders=[folder]), SystemClock()
    connectors = Connectors(MODEL, catalog(), way.client, clock, open_folder=way.folder)
    fields = {"place": "local", "folder": str(folder), "entities": FILES % more}
    connector = connectors.open("files", fields, part=PART, created_at=CREATED)
    try:
        return run_suite(connector, MODEL, way.reach, clock)
    finally:
        connector.close()


def test_what_came_after_the_last_mark_is_asked_for(tmp_path: Path) -> None:
    report = of_files(tmp_path, "")
    check = found(report, "changes", "PurchaseOrder")
    assert (check.state, check.details) == ("passed", {"rows": 0})
    assert found(report, "resume", "PurchaseOrder").state == "passed"


@pytest.mark.parametrize(("obeys", "state"), [(True, "passed"), (False, "warning")])
def test_a_mark_that_the_source_passes_over_is_found(obeys: bool, state: str) -> None:
    def answer(exchange: Exchange) -> None:
        after = int(dict(parse_qsl(urlsplit(exchange.path).query)).get("after", 0)) if obeys else 0
        exchange.reply(body=json.dumps([{"Number": n, "version": n} for n in range(after, 4)]).encode())

    read = {
        "protocol": "http",
        "request": {"path": "/rows", "query": {"after": "${mark}"}},
        "mark": "version",
    }
    with serving(answer) as server:
        entity = {"read": read, "key": ["Number"], "map": {"name": "Number"}, "incremental": "mark"}
        connector = reading(server.url, read, entities={"Vendor": entity})
        report = run_suite(connector, MODEL, outbound().reach, SystemClock())
        connector.close()
    assert found(report, "changes", "Vendor").state == state


def test_files_are_not_moved_to_their_archive_since_their_rows_are_not_stored(tmp_path: Path) -> None:
    report = of_files(tmp_path, ", archive: done")
    assert found(report, "changes", "PurchaseOrder").state == "skipped"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_wrong_credentials_end_the_suite_at_the_probe(anvil: Anvil) -> None:
    report = suite(anvil, secret="another")
    assert list(failures(report)) == [("", "probe authenticate")]
    assert not any(check.entity for check in report.checks)


def form_of(**changed: Any) -> list[Check]:
    document = {
        "system": "plant",
        "name": "Plant",
        "summary": "Of the tests.",
        "categories": ["eam"],
        "tier": 3,
        "hosting": "either",
        "evidence": "facts",
        "form": [{"name": "url", "label": "Address", "help": "In the browser."}],
        "http": {"base_url": "${url}"},
        "entities": {
            "Vendor": {
                "key": ["id"],
                "map": {},
                "read": {"protocol": "http", "request": {"path": "/v", "query": {"since": "${since|iso}"}}},
            }
        },
        **changed,
    }
    return check_form(parse_definition(document, where="plant"))


def test_a_form_is_complete_used_and_explained() -> None:
    assert [check.state for check in form_of()] == ["passed", "passed"]


def test_what_the_form_lacks_is_named_with_its_place() -> None:
    complete, _ = form_of(auth={"scheme": "basic"})
    assert complete.state == "failed"
    assert "auth.username uses username" in complete.message


def test_fields_without_use_or_help_are_named() -> None:
    form = [{"name": "url", "label": "Address"}, {"name": "plant", "label": "Plant", "help": "Its number."}]
    complete, explained = form_of(form=form)
    assert (complete.state, "plant" in complete.message) == ("warning", True)
    assert (explained.state, "url" in explained.message) == ("warning", True)


def test_a_token_endpoint_needs_only_the_fields_of_its_grant() -> None:
    form = [{"name": name, "label": name, "help": "h"} for name in ("url", "client_id", "client_secret")]
    auth = {"scheme": "oauth2", "token_url": "/token"}
    assert form_of(form=form, auth=auth)[0].state == "passed"
    assert form_of(form=form, auth={**auth, "grant": "password"})[0].state == "failed"
