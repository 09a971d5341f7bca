"""The pages of one connection as people use them: mapping."""

import re

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


def test_no_page_of_a_connection_is_wider_than_a_phone(page: Page, set_up: Served, address: str) -> None:
    sign_in(page, set_up)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    for tab in page.locator(".tabs a").all_inner_texts():
        page.locator(".tabs").get_by_role("link", name=re.compile(f"^{tab}$")).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    for path in ("PurchaseOrder", "PurchaseOrder/change?field=lineItems", "PurchaseOrder/change?custom="):
        page.goto(f"{address}/mapping/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
