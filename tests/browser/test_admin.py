"""The admin page as people use it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance.api import guide
from tests.browser.conftest import NAME, PASSWORD, sign_in
from tests.browser.gated import PAGE_ROWS, PAGES, open_page
from tests.browser.served import Served

pytestmark = pytest.mark.browser


def _connect_sandbox(page: Page, served: Served, name: str) -> str:
    """The token that was shown."""
    page.goto(f"{served.url}/admin/connect/sandbox")
    page.get_by_label("Name of the connection").fill(name)
    page.get_by_role("button", name="Test and connect").click()
    return page.get_by_label("Token of this connection").input_value()


def _wait_for_the_end(page: Page) -> None:
    expect(page.locator(".head .pill")).to_have_text("Completed", timeout=20_000)


def test_from_nothing_to_records_in_three_clicks(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    page.get_by_role("button", name="Try the sandbox").click()
    token = page.get_by_label("Token of this connection").input_value()
    page.get_by_role("link", name="Watch the sync").click()
    _wait_for_the_end(page)
    work_orders = page.get_by_role("row").filter(has_text="Work order")
    expect(work_orders).to_contain_text("120 of 120 rows")
    expect(page.get_by_role("button", name="Cancel the run")).to_be_hidden()

    answer = page.request.get(
        f"{set_up.url}/api/eam/work-orders?per_page=5", headers={"Authorization": f"Bearer {token}"}
    )
    assert len(answer.json()["data"]) == 5

    page.get_by_role("link", name="Connections").first.click()
    row = page.get_by_role("row").filter(has_text="Sandbox")
    expect(row).to_contain_text("Connected")
    row.get_by_role("link", name="Sandbox").click()
    page.get_by_role("link", name="Records").click()
    expect(page.get_by_role("heading", name="Work order")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("table").get_by_role("link").first.click()
    unified = json.loads(page.locator("pre.json").first.inner_text())
    raw = json.loads(page.locator("pre.json").last.inner_text())
    assert unified["code"] == raw["id"]


def test_a_run_is_followed_live_and_can_be_canceled(page: Page, set_up: Served, tmp_path: Path) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/connect/gated")
    page.get_by_label("Gate").fill(str(tmp_path))
    page.get_by_role("button", name="Test and connect").click()
    page.get_by_role("link", name="Watch the sync").click()
    asset = page.get_by_role("row").filter(has_text="Asset")
    expect(page.locator(".head .pill")).to_have_text("Running")
    for number in (1, 2):
        open_page(tmp_path, number)
        expect(asset).to_contain_text(f"{number * PAGE_ROWS} of {PAGES * PAGE_ROWS} rows")
        expect(asset.get_by_role("progressbar")).to_have_js_property("value", number * PAGE_ROWS)
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".head .pill")).to_have_text("Canceled")
    expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
    open_page(tmp_path, 3)


def test_the_end_of_a_run_is_announced(page: Page, set_up: Served, tmp_path: Path) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/connect/gated")
    page.get_by_label("Gate").fill(str(tmp_path))
    page.get_by_role("button", name="Test and connect").click()
    page.get_by_role("link", name="Watch the sync").click()
    said = page.locator("main [aria-live=polite]")
    expect(said).to_contain_text("0 of 1 entities done")
    for number in range(1, PAGES + 1):
        open_page(tmp_path, number)
    expect(said).to_have_text("Completed: 1 of 1 entities done, 100 rows read.")
    expect(page.get_by_role("button", name="Cancel the run")).to_be_hidden()


def test_copying_the_token_copies_all_of_it(page: Page, set_up: Served) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, set_up)
    token = _connect_sandbox(page, set_up, "Copying")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token


def test_reloading_the_page_with_the_token_connects_nothing(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    _connect_sandbox(page, set_up, "Reloaded")
    # Chromium prints the 409 of the repeated form as an error; here it is what is wanted.
    page.route("**/connect/sandbox", lambda route: route.fulfill(response=route.fetch(), status=200))
    page.reload()
    expect(page.get_by_role("heading", name="This form was sent before")).to_be_visible()
    page.goto(f"{set_up.url}/admin/?q=Reloaded")
    expect(page.get_by_role("link", name="Reloaded")).to_have_count(1)


def test_a_failed_connection_test_says_at_which_stage_and_forgets_the_password(
    page: Page, set_up: Served
) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/connect/tryton")
    page.get_by_label("Server address").fill("https://127.0.0.1:9")
    page.get_by_label("Database").fill("tryton")
    page.get_by_label("User").fill("reader")
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Cloud").check()
    # The 422 would be printed as an error by Chromium.
    page.route("**/connect/tryton", lambda route: route.fulfill(response=route.fetch(), status=200))
    page.get_by_role("button", name="Test and connect").click()
    failed = page.get_by_role("alert")
    expect(failed).to_contain_text("The connection test did not pass")
    expect(failed.get_by_role("listitem").last).to_contain_text("Check that the system is running")
    expect(page.get_by_label("Server address")).to_have_value("https://127.0.0.1:9")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Cloud")).to_be_checked()


def test_the_catalogue_narrows_while_one_types(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/connect")
    cards = page.locator("#systems > li:visible")
    assert cards.count() > 1
    page.get_by_role("searchbox").fill("sandbox")
    expect(cards).to_have_count(1)
    page.get_by_role("searchbox").fill("no such system")
    expect(page.get_by_text("No system fits.")).to_be_visible()


def test_disconnecting_explains_asks_and_folds_the_connection_away(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    token = _connect_sandbox(page, set_up, "Leaving")
    page.get_by_role("link", name="Go to the connection").click()
    page.get_by_role("link", name="Disconnect").click()
    expect(page.get_by_role("main")).to_contain_text("The token stops working at once.")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("status")).to_contain_text("“Leaving” is disconnected.")
    expect(page.get_by_role("link", name="Leaving")).to_be_hidden()
    page.locator("summary").click()
    expect(page.get_by_role("link", name="Leaving")).to_be_visible()
    answer = page.request.get(
        f"{set_up.url}/api/eam/work-orders",
        headers={"Authorization": f"Bearer {token}"},
        fail_on_status_code=False,
    )
    assert answer.status == 401
    page.get_by_role("link", name="Credits").click()
    expect(page.get_by_role("row").filter(has_text="Returned").first).to_contain_text("Leaving")


def test_signing_in_and_syncing_need_no_mouse(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    _connect_sandbox(page, set_up, "Keyboard")
    page.get_by_role("link", name="Watch the sync").click()
    _wait_for_the_end(page)
    page.get_by_role("button", name="Sign out").click()

    page.goto(f"{set_up.url}/admin/?q=Keyboard")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(NAME)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/?q=Keyboard")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "Keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/connections/*")
    _tab_to(page, "Sync now")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/runs/*")
    _wait_for_the_end(page)


def _tab_to(page: Page, name: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"{name!r} is not reached by the Tab key")


def test_everything_but_live_progress_works_without_scripts(page: Page, set_up: Served) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, set_up)
    _connect_sandbox(plain, set_up, "Plain")
    expect(plain.get_by_role("button", name="Copy")).to_have_count(0)
    plain.get_by_role("link", name="Go to the connection").click()
    plain.get_by_role("checkbox", name="Choose Work order").check()
    plain.get_by_role("button", name="Sync chosen").click()
    expect(plain.get_by_role("heading", name="sync")).to_be_visible()
    context.close()


@pytest.mark.parametrize(
    "path",
    [
        *("/admin/", "/admin/connect", "/admin/credits", "/admin/api-keys", "/admin/applications"),
        *("/admin/requests", "/docs", "/docs/errors", "/docs/guide"),
        *(f"/docs/guide/{name}" for name in guide.PAGES),
    ],
)
def test_no_page_is_wider_than_a_phone(page: Page, set_up: Served, path: str) -> None:
    sign_in(page, set_up)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(set_up.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
