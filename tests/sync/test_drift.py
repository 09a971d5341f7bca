"""Changes in the rows of a source: noticed at the end of a pass, told, kept until someone acknowledges them."""

from typing import Any

import pytest

from appliance.engine_room import watch_of
from appliance.runtime.select import encode
from appliance.sync.errors import DriftNotFound
from appliance.sync.rejections.drift import ENOUGH_ROWS, MOST_FIELDS, ROWS_A_PAGE, ROWS_A_PASS, Sampler
from tests.support.appliance import entity_of
from tests.sync.conftest import Site


def findings(site: Site) -> list[tuple[str, str, str, str]]:
    found = site.appliance.findings.page(site.connection_id)
    return sorted((one["path"], one["kind"], one["before"], one["after"]) for one in found)


def notices(run: dict[str, Any]) -> list[str]:
    told: list[str] = entity_of(run, "Vendor")["notices"]
    return told


def changed(site: Site, **values: Any) -> dict[str, Any]:
    """Forty vendors with these values, and a run that reads them."""
    site.clock.advance(3600)
    site.plant.put("Vendor", *(f"{n:04}" for n in range(40)), **values)
    return site.synchronize(entities=["Vendor"])


@pytest.fixture
def vendors(site: Site) -> Site:
    """Forty vendors that were read once, in one page."""
    site.plant.page_size = 500
    site.plant.put("Vendor", *(f"{n:04}" for n in range(40)), rating=3, lines=[{"price": 1}], note=None)
    return site.connected()


def test_the_first_pass_learns_the_fields_and_finds_nothing(vendors: Site) -> None:
    assert findings(vendors) == [] and notices(vendors.last_run()) == []
    kinds = vendors.appliance.database.rows("SELECT path, kinds, seen FROM source_field ORDER BY path")
    sampled = ROWS_A_PAGE
    assert kinds == [
        {"path": path, "kinds": kind, "seen": sampled}
        for path, kind in (
            ("changed", "text"),
            ("id", "text"),
            ("lines", "list"),
            ("lines[]", "object"),
            ("lines[].price", "number"),
            ("name", "text"),
            ("note", ""),
            ("rating", "number"),
        )
    ]


def test_a_new_field_is_told_once(vendors: Site) -> None:
    run = changed(vendors, bank={"iban": "DE00"})
    assert findings(vendors) == [("bank", "new", "", "object")], "what is in it is not told as well"
    assert notices(run) == ["The source's rows have new fields: bank."]
    run = changed(vendors, bank={"iban": "DE01"})
    assert (len(findings(vendors)), notices(run)) == (1, [])


def test_a_field_of_another_kind_is_told_with_what_it_fills(vendors: Site) -> None:
    run = changed(vendors, name=7, lines=[{"price": "1.00 EUR"}])
    assert findings(vendors) == [
        ("lines[].price", "retyped", "number", "text"),
        ("name", "retyped", "text", "number"),
    ]
    (told,) = notices(run)
    assert "name (text, now number; fills name), lines[].price (number, now text)" in told


@pytest.mark.parametrize("values", [{"rating": None}, {"rating": 3.5}, {"rating": ""}, {"note": "first one"}])
def test_nothing_is_no_kind_and_whole_numbers_are_numbers(vendors: Site, values: dict[str, Any]) -> None:
    changed(vendors, **values)
    assert findings(vendors) == []


def test_a_field_that_nearly_all_rows_had_and_none_has_is_missing(vendors: Site) -> None:
    for _ in range(2):
        vendors.clock.advance(3600)
        vendors.synchronize(entities=["Vendor"])
    for row in vendors.plant.rows["Vendor"].values():
        del row["rating"]
    vendors.plant.put("Vendor", "0001", name="one of few")
    vendors.synchronize(entities=["Vendor"])
    assert findings(vendors) == [], "a single row says nothing"
    run = changed(vendors)
    assert 1 + ROWS_A_PAGE >= ENOUGH_ROWS
    assert findings(vendors) == [("rating", "missing", "number", "")]
    assert notices(run) == ["Fields that the source's rows had are missing: rating."]
    assert notices(changed(vendors, name="again")) == [], "it is told once"


def test_a_field_that_only_some_rows_have_is_never_missing(site: Site) -> None:
    site.plant.put("Vendor", *(f"{n:04}" for n in range(40)))
    site.plant.put("Vendor", "0000", "0010", rating=3)
    site.plant.page_size = 500
    site.connected()
    changed(site)
    for row in site.plant.rows["Vendor"].values():
        row.pop("rating", None)
    for number in range(3):
        changed(site, name=str(number))
    assert findings(site) == []


def test_rows_that_are_rejected_are_looked_at_as_well(site: Site) -> None:
    site.plant.put("PurchaseOrder", "1", "2", ordered="2026-01-02")
    site.connected()
    site.clock.advance(60)
    site.plant.put("PurchaseOrder", "1", "2", ordered={"date": "2026-01-02"})
    run = site.synchronize(entities=["PurchaseOrder"])
    assert entity_of(run, "PurchaseOrder")["rejected"] == 2
    assert findings(site) == [("ordered", "retyped", "text", "object")]
    (told,) = entity_of(run, "PurchaseOrder")["notices"]
    assert "ordered (text, now object; fills orderDate)" in told


def test_a_pass_without_changes_reads_and_writes_nothing_of_it(vendors: Site) -> None:
    before = vendors.appliance.database.rows("SELECT * FROM source_field")
    vendors.clock.advance(60)
    vendors.synchronize(mode="full")
    assert vendors.appliance.database.rows("SELECT * FROM source_field") == before


def test_an_acknowledged_finding_is_put_away_and_what_is_found_later_is_open_again(vendors: Site) -> None:
    changed(vendors, bank="DE00")
    (found,) = vendors.appliance.findings.page(vendors.connection_id)
    now = vendors.clock.now_ms()
    acknowledge = vendors.appliance.findings.acknowledge
    assert acknowledge(vendors.connection_id, [found["id"]], by="Ada", now=now) == 1
    assert findings(vendors) == []
    (kept,) = vendors.appliance.findings.page(vendors.connection_id, all_=True)
    assert kept["acknowledged_by"] == "Ada"
    with pytest.raises(DriftNotFound):
        acknowledge(vendors.connection_id, [found["id"] + 1], by="Ada", now=now)
    changed(vendors, bank=7)
    assert findings(vendors) == [("bank", "retyped", "text", "number")]
    assert vendors.appliance.drift.erase_before(now + 1, 100) == 1


def test_a_purge_forgets_fields_and_findings(vendors: Site) -> None:
    changed(vendors, bank="DE00")
    vendors.appliance.connections.disconnect(vendors.connection_id)
    vendors.appliance.connections.purge(vendors.connection_id)
    for table in ("drift", "source_field", "source_sampling"):
        assert vendors.appliance.database.value(f"SELECT count(*) FROM {table}") == 0


def test_the_mapping_in_force_says_which_unified_fields_a_path_fills(vendors: Site) -> None:
    change = {"map": {"code": {"first": ["bank.iban", "id"]}}, "custom": {"price": "lines.0.price"}}
    vendors.appliance.mappings.change(vendors.connection_id, "Vendor", change)
    paths = ["bank", "bank.iban", "id", "lines[].price", "lines[].other", "changed", "rating"]
    assert vendors.appliance.mappings.filled_by(vendors.connection_id, "Vendor", paths) == {
        "bank": ["code"],
        "bank.iban": ["code"],
        "id": ["key", "code"],
        "lines[].price": ["customFields"],
        "lines[].other": [],
        "changed": ["updatedAt"],
        "rating": [],
    }


def test_a_sampler_looks_at_few_rows_and_holds_a_bounded_number_of_fields() -> None:
    sampler = Sampler()
    rows = [encode({f"field {n}": n for n in range(MOST_FIELDS + 50)})] * 50
    for _ in range(100):
        sampler.look(rows)
    assert (sampler.rows, len(sampler.fields)) == (ROWS_A_PASS, MOST_FIELDS)


def test_where_false_means_nothing_it_is_no_kind() -> None:
    for false_is_null, kinds in ((True, set()), (False, {"boolean"})):
        sampler = Sampler(false_is_null=false_is_null)
        sampler.look([b'{"a": false}'])
        assert sampler.fields["a"].kinds == kinds


def test_a_row_that_is_not_json_is_passed_over() -> None:
    sampler = Sampler()
    sampler.look([b"{", b'{"a": 1}'])
    assert sampler.rows == 1


def test_a_retyped_field_is_an_issue_and_a_new_one_is_not(vendors: Site) -> None:
    watch = watch_of(vendors.appliance)
    changed(vendors, bank={"iban": "DE00"})
    watch.work_off()
    assert vendors.appliance.issues.open_issues(vendors.connection_id) == []
    changed(vendors, name=7)
    watch.work_off()
    (issue,) = vendors.appliance.issues.open_issues(vendors.connection_id)
    assert (issue.code, issue.entity, issue.who) == ("SOURCE_CHANGED", "Vendor", "integrator")
    assert "One of them: name." in issue.message
