"""Mappings on the pages: shown beside the source, tried before they are saved, refused at the field, taken back."""

import html
import json
import re

import pytest

from appliance.mappings.service import AT_ONCE_PAGES, ROWS_AT_ONCE
from tests.admin.conftest import Browser, Plant
from tests.support.appliance import connect_sandbox, work

ORDERS = "PurchaseOrder"


@pytest.fixture(scope="module")
def connection_id(plant: Plant) -> str:
    made = connect_sandbox(plant.appliance)
    work(plant.appliance)
    return made.connection.id


@pytest.fixture
def at(plant: Plant, browser: Browser, connection_id: str) -> str:
    """The address of the mappings; every test begins with the connector's own mapping."""
    for one in plant.appliance.mappings.overview(connection_id):
        if one["changed"]:
            plant.appliance.mappings.roll_back(connection_id, one["entity"], 0)
    return f"/admin/connections/{connection_id}/mapping"


def sent(field: str, how: str, value: str = "", **more: str) -> dict[str, object]:
    return {"part": "map", "name": field, "how": how, how: value, **more}


def in_force(plant: Plant, connection_id: str) -> dict[str, object]:
    shown: dict[str, object] = plant.appliance.mappings.show(connection_id, ORDERS)["changed"]
    return shown


def rows(text: str) -> list[str]:
    """The text of every table row."""
    found = re.findall(r"<tr.*?</tr>", text, re.S)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def test_fields_stand_with_their_expression_and_the_source_with_kinds_and_samples(
    browser: Browser, at: str
) -> None:
    page = rows(browser.get(f"{at}/{ORDERS}").text)
    assert any(row.startswith("vendorKey key of Vendor vendor Change") for row in page)
    assert any(re.match(r"vendor text V\S+", row) for row in page)
    assert any(row.startswith("lines[].") for row in page)
    assert any(row.startswith("0 – The connector None") and row.endswith("In force") for row in page)


def test_a_change_is_tried_saved_marked_and_taken_back(
    plant: Plant, browser: Browser, at: str, connection_id: str
) -> None:
    browser.get(f"{at}/{ORDERS}/change?field=terms")
    tried = browser.post(f"{at}/{ORDERS}/change", sent("terms", "path", "vendor"))
    assert tried.status_code == 200 and "10 of 10 records would change" in tried.text
    assert any(re.search(r" terms .+ V\S+$", row) for row in rows(tried.text))
    assert in_force(plant, connection_id) == {"map": {}, "custom": {}}

    saved = browser.post(f"{at}/{ORDERS}/save", sent("terms", "path", "vendor", note="the vendor's terms"))
    number = saved.headers["Location"].rpartition("=")[2]
    assert saved.status_code == 303
    assert in_force(plant, connection_id) == {"map": {"terms": "vendor"}, "custom": {}}
    page = browser.get(saved.headers["Location"]).text
    assert f"Version {number} is in force" in page
    assert any(row.startswith("terms text Changed vendor") for row in rows(page))
    listed = rows(browser.get(at).text)
    (order,) = [row for row in listed if row.startswith("Purchase order Changed here")]
    assert "by operator" in order and "the vendor's terms" in order
    assert sum("As the connector has it" in row for row in listed) > 5

    browser.post(f"{at}/{ORDERS}/rollback", {"version": "0"})
    assert in_force(plant, connection_id) == {"map": {}, "custom": {}}
    assert "Changed here" not in browser.get(at).text


def test_a_second_change_keeps_the_first(plant: Plant, browser: Browser, at: str, connection_id: str) -> None:
    browser.post(f"{at}/{ORDERS}/save", sent("terms", "expression", "{const: 30 days}"))
    tried = rows(browser.post(f"{at}/{ORDERS}/change", sent("title", "nothing")).text)
    assert any(" title " in row for row in tried) and not any(" terms " in row for row in tried)
    browser.post(f"{at}/{ORDERS}/save", sent("title", "nothing"))
    custom = {"part": "custom", "name": "buyer", "adds": "1", "how": "path", "path": "vendor"}
    browser.post(f"{at}/{ORDERS}/save", custom)
    assert in_force(plant, connection_id) == {
        "map": {"terms": {"const": "30 days"}, "title": None},
        "custom": {"buyer": "vendor"},
    }
    assert any(row.startswith("buyer Changed vendor") for row in rows(browser.get(f"{at}/{ORDERS}").text))
    assert 'value="nothing" checked' in browser.get(f"{at}/{ORDERS}/change?field=title").text
    assert "{const: 30 days}" in browser.get(f"{at}/{ORDERS}/change?field=terms").text
    browser.post(f"{at}/{ORDERS}/save", sent("title", "connector"))
    browser.post(f"{at}/{ORDERS}/save", {**custom, "how": "connector"})
    assert in_force(plant, connection_id) == {"map": {"terms": {"const": "30 days"}}, "custom": {}}


@pytest.mark.parametrize(
    ("form", "place", "said"),
    [
        (sent("terms", "expression", "{path: a, odd: 1}"), "expression", "does not go with odd"),
        (sent("terms", "expression", "{path: ["), "expression", "in line 1"),
        (sent("terms", "expression", "a: &x [1]\nb: *x"), "expression", "references"),
        (sent("terms", "expression", " "), "expression", "Write an expression"),
        (sent("terms", "path"), "path", "Choose a field"),
        (sent("vendorKey", "expression", "{each: x}"), "expression", "vendorKey"),
        ({"part": "custom", "name": "", "adds": "1", "how": "path", "path": "vendor"}, "name", "has a name"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_is_kept_there(
    browser: Browser, at: str, form: dict[str, object], place: str, said: str
) -> None:
    browser.get(at)
    for action in ("change", "save"):
        answer = browser.post(f"{at}/{ORDERS}/{action}", form)
        assert answer.status_code == 422
        problem = re.search(rf'id="{place}-problem">(.*?)</p>', answer.text, re.S)
        assert problem is not None and said in html.unescape(problem.group(1))
        assert "Save this change" not in answer.text
        assert str(form.get("expression", "")) in html.unescape(answer.text)


def test_records_that_would_not_fit_are_told_with_the_reason(browser: Browser, at: str) -> None:
    browser.get(at)
    page = browser.post(f"{at}/{ORDERS}/change", sent("totalNetValue", "path", "vendor")).text
    assert "10 of 10 records would not fit" in page
    assert any("Rejected" in row and "does not fit PurchaseOrder" in row for row in rows(page))


def test_a_path_that_no_row_has_is_told(browser: Browser, at: str) -> None:
    browser.get(at)
    page = browser.post(f"{at}/{ORDERS}/change", sent("terms", "path", "vendr")).text
    assert "No row that was looked at has the path “vendr”." in page


def test_mapping_anew_is_followed(plant: Plant, browser: Browser, at: str, connection_id: str) -> None:
    progress = f"{at}/{ORDERS}/progress.json"
    assert browser.get(progress).get_json() is None
    table, now = plant.appliance.mappings.table, plant.clock.now_ms()
    table.begin_remapping(connection_id, ORDERS, now)
    job = table.remapping(connection_id, ORDERS)
    assert job is not None
    table.advance(job, 1, mapped=7, rejected=1, without_row=0, first_rejection="title: too long")
    going = browser.get(progress).get_json()
    assert (going["done"], going["mapped"], going["rejected"]) == (8, 7, 1) and going["total"] > 8
    page = browser.get(f"{at}/{ORDERS}").text
    assert "being mapped anew" in page and "title: too long" in page
    assert "Being applied" in browser.get(at).text
    for _ in range(AT_ONCE_PAGES):
        plant.appliance.mappings.work_off()
    assert going["total"] < ROWS_AT_ONCE and browser.get(progress).get_json() is None


def test_hostile_rows_and_names_are_shown_as_text(
    plant: Plant, browser: Browser, at: str, connection_id: str
) -> None:
    hostile = "<script>alert(1)</script>"
    custom = {"part": "custom", "name": hostile, "adds": "1", "how": "expression", "note": hostile}
    browser.get(at)
    browser.post(f"{at}/{ORDERS}/save", {**custom, "expression": json.dumps({"const": hostile})})
    for path in (at, f"{at}/{ORDERS}", f"{at}/{ORDERS}/change?custom={hostile}"):
        text = browser.get(path).text
        assert hostile not in text and html.escape(hostile) in text, path


def test_who_may_not_change_it_may_look(browser: Browser, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {})
    page = browser.get(f"{at}/{ORDERS}")
    assert page.status_code == 200 and "/change" not in page.text
    assert browser.get(f"{at}/{ORDERS}/change?field=terms").status_code == 403
    for action in ("change", "save", "rollback"):
        assert browser.post(f"{at}/{ORDERS}/{action}", sent("terms", "path", "vendor")).status_code == 403


def test_what_is_not_served_is_no_page(browser: Browser, at: str) -> None:
    for path in (f"{at}/Shipment", f"{at}/{ORDERS}/change?field=nothing", f"{at}/Shipment/change?custom="):
        assert browser.get(path).status_code == 404, path
    assert browser.post(f"{at}/{ORDERS}/save", sent("nothing", "connector")).status_code == 404
    assert browser.post(f"{at}/{ORDERS}/rollback", {"version": "99"}).status_code == 404
    assert browser.post(f"{at}/{ORDERS}/rollback", {"version": "x"}).status_code == 400
