"""Rejected rows and changed source fields on the pages of a connection."""

import html
from dataclasses import dataclass
from typing import Any

import pytest

from tests.admin.conftest import Browser, Plant
from tests.support.appliance import work

BREAKS = {"map": {"totalNetValue": "vendor"}}


@dataclass(frozen=True, slots=True)
class Pages:
    """A sandbox whose purchase orders a change of the mapping cannot map."""

    plant: Plant
    browser: Browser
    connection_id: str

    @property
    def base(self) -> str:
        return f"/admin/connections/{self.connection_id}"

    def rows(self, **wanted: Any) -> list[dict[str, Any]]:
        return self.plant.appliance.rejected_rows.page(self.connection_id, **wanted)

    def text(self, path: str) -> str:
        return html.unescape(self.browser.get(f"{self.base}/{path}").text)


@pytest.fixture
def pages(plant: Plant, browser: Browser) -> Pages:
    connection = plant.connection(browser.connect_sandbox())
    work(plant.appliance)
    plant.appliance.mappings.change(connection.id, "PurchaseOrder", BREAKS)
    return Pages(plant, browser, connection.id)


def test_rows_are_listed_with_why_and_shown_with_what_the_source_sent(pages: Pages) -> None:
    newest = pages.rows()[0]
    listed = pages.text("rejected")
    assert newest["reason"][:60] in listed and "Old since" in listed and "Try all again" in listed
    assert "No row is rejected." not in listed and "Older" in listed
    assert f"rejected/{pages.rows(offset=50)[0]['id']}" in pages.text("rejected?page=2")
    row = pages.text(f"rejected/{newest['id']}")
    assert newest["reason"] in row and '"vendor"' in row and "keeps what it had" in row
    assert pages.browser.get(f"{pages.base}/rejected/999999").status_code == 404


def test_a_row_is_tried_again_and_all_of_them_after_the_mapping_is_mended(pages: Pages) -> None:
    answer = pages.browser.post(f"{pages.base}/rejected/retry", {"row": pages.rows()[0]["id"]})
    assert answer.status_code == 303
    assert "0 became records, 1 still do not fit." in pages.browser.get(answer.headers["Location"]).text
    pages.plant.appliance.mappings.roll_back(pages.connection_id, "PurchaseOrder", 0)
    answer = pages.browser.post(f"{pages.base}/rejected/retry", {"entity": "PurchaseOrder"})
    assert "0 still do not fit." in pages.browser.get(answer.headers["Location"]).text
    assert pages.rows() == [] and "No row is rejected." in pages.text("rejected")


def test_a_row_is_dismissed_with_a_reason_only(pages: Pages) -> None:
    chosen = pages.rows()[0]["id"]
    pages.browser.get(f"{pages.base}/rejected/{chosen}")
    refused = pages.browser.post(f"{pages.base}/rejected/dismiss", {"row": chosen, "why": " "})
    assert refused.status_code == 422 and "Say why" in refused.text
    answer = pages.browser.post(f"{pages.base}/rejected/dismiss", {"row": chosen, "why": "An old test"})
    assert answer.status_code == 303
    (aside,) = pages.rows(state="dismissed")
    assert (aside["id"], aside["dismissed_by"]) == (chosen, "operator")
    assert "An old test" in pages.text("rejected?state=dismissed")


@pytest.mark.parametrize(
    "sent", [{"row": "x"}, {"row": ["1"] * 2 + [str(n) for n in range(600)]}, {"row": "9" * 30}]
)
def test_what_no_form_sends_is_refused(pages: Pages, sent: dict[str, object]) -> None:
    assert pages.browser.post(f"{pages.base}/rejected/retry", sent).status_code == 400


def test_changed_fields_stand_on_the_mapping_pages_until_they_are_acknowledged(pages: Pages) -> None:
    appliance = pages.plant.appliance
    assert "Changes in the source's fields" not in pages.text("mapping")
    stream = appliance.records.stream(pages.connection_id, "PurchaseOrder")
    run = appliance.planner.runs.recent(pages.connection_id, 1)[0]["id"]
    appliance.database.insert(
        "drift", stream_id=stream.id, path="vendor", kind="retyped", before="text", after="number",
        noticed_at=0, run_id=run,
    )  # fmt: skip
    for path in ("mapping", "mapping/PurchaseOrder"):
        shown = pages.text(path)
        assert "Changes in the source's fields" in shown and "text, now number" in shown
        assert "vendorKey" in shown
    assert "Changes in the source's fields" not in pages.text("mapping/Vendor")
    finding = appliance.findings.page(pages.connection_id)[0]["id"]
    answer = pages.browser.post(f"{pages.base}/drift", {"finding": finding})
    assert answer.status_code == 303 and "text, now number" not in pages.text("mapping")
