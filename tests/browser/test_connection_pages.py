"""The pages of one connection as people use them: mapping, what it can do, writes, pass-through."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.served import Served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(set_up: Served, chromium: object) -> str:
    """Of a connection whose records are synchronized."""
    page: Page = chromium.new_page(ignore_https_errors=True)  # type: ignore[attr-defined]
    sign_in(page, set_up)
    page.get_by_role("button", name="Try the sandbox").click()
    page.get_by_role("link", name="Watch the sync").click()
    expect(page.locator(".head .pill")).to_have_text("Completed", timeout=20_000)
    page.get_by_label("Breadcrumb").get_by_role("link", name="Sandbox").click()
    page.wait_for_url("**/connections/*")
    found = page.url
    page.close()
    return found


def test_a_field_is_taken_from_elsewhere_and_given_back(page: Page, set_up: Served, address: str) -> None:
    sign_in(page, set_up)
    page.goto(address)
    page.get_by_role("link", name="Mapping").click()
    page.get_by_role("link", name="Purchase order").click()
    page.get_by_role("link", name="Change terms").click()
    page.wait_for_url("**/change?field=terms")
    # The path is in the field already; what is typed into is meant.
    page.get_by_label("Expression as YAML or JSON").fill("{const: 30 days}")
    expect(page.get_by_label("An expression", exact=True)).to_be_checked()
    page.get_by_role("button", name="Try it on ten records").click()
    expect(page.get_by_role("table", name="Records before and after")).to_contain_text("30 days")
    page.get_by_label("Note").fill("Agreed with all vendors")
    page.get_by_role("button", name="Save this change").click()
    expect(page.get_by_role("status")).to_contain_text("is in force")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Change terms"))
    expect(row).to_contain_text("Changed")
    page.get_by_role("button", name="Go back to the connector's own mapping").click()
    expect(row).not_to_contain_text("Changed")


def test_a_mapping_is_changed_without_a_mouse_and_without_scripts(
    page: Page, set_up: Served, address: str
) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, set_up)
    plain.goto(f"{address}/mapping/PurchaseOrder/change?custom=")
    expect(plain.get_by_label("Name")).to_be_focused()
    plain.keyboard.type("supplier")
    plain.keyboard.press("Tab")
    expect(plain.get_by_label("A field of the source")).to_be_focused()
    plain.keyboard.press("Tab")
    plain.keyboard.type("vendor")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("table", name="Records before and after")).to_contain_text(
        "customFields.supplier"
    )
    plain.get_by_label("Note").press("Enter")
    expect(plain.get_by_role("heading", name="Custom fields with a name")).to_be_visible()
    context.close()


def test_pass_through_is_opened_and_closed(page: Page, set_up: Served, address: str) -> None:
    sign_in(page, set_up)
    page.goto(address)
    page.get_by_role("link", name="Pass-through").click()
    expect(page.locator(".lead .pill")).to_have_text("Closed")
    page.get_by_label("Rules, one a line").fill("GET /orders/**\nSQL")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.locator(".lead .pill")).to_have_text("Open")
    expect(page.get_by_role("region", name="What is open")).to_contain_text(
        "Reading everything below /orders/"
    )
    page.get_by_role("button", name="Close it").click()
    expect(page.locator(".lead .pill")).to_have_text("Closed")


def test_a_write_is_found_in_the_journal(page: Page, set_up: Served, address: str) -> None:
    sign_in(page, set_up)
    page.goto(f"{address}/reauthorize")
    page.get_by_role("button", name="Test and reauthorize").click()
    token = page.get_by_label("Token of this connection").input_value()
    answer = page.request.post(
        f"{set_up.url}/api/eam/work-orders",
        headers={"Authorization": f"Bearer {token}"},
        data={"title": "Replace the seal"},
    )
    assert answer.status == 201
    page.goto(address)
    page.get_by_role("link", name="Writes").click()
    row = page.get_by_role("table").get_by_role("row").filter(has_text="Work order")
    expect(row).to_contain_text("Done")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("region", name="What was sent")).to_contain_text("Replace the seal")


def test_no_page_of_a_connection_is_wider_than_a_phone(page: Page, set_up: Served, address: str) -> None:
    sign_in(page, set_up)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    tabs = page.locator(".tabs a").evaluate_all("links => links.map(link => link.href)")
    assert len(tabs) == 9
    mapping = f"{address}/mapping/PurchaseOrder"
    for path in (*tabs, mapping, f"{mapping}/change?field=lineItems", f"{mapping}/change?custom="):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
