"""The part of the pictures' walk that is about operating: deliveries, rejected rows, webhooks, issues, storage."""

import re
from collections.abc import Callable

from playwright.sync_api import Page

from appliance.app import Appliance
from appliance.settings import Settings
from tests.browser.served import Served
from tests.simulators.plant_rest import WORD, PlantRest
from tests.simulators.strict_rest import running
from tests.transport.servers import serving

Shoot = Callable[[str], None]


def walk(page: Page, served: Served, sandbox: str, shoot: Shoot) -> None:
    """`sandbox` is the address of a synchronized connection to the sample data."""
    _reject(page, sandbox, shoot)
    with serving(lambda exchange: exchange.reply(200, b"thanks")) as receiver:
        _webhook(page, served, f"{receiver.url}/hooks", sandbox, shoot)
    service = PlantRest("bearer")
    with running(service, "/api/v1"):
        address = _connect(page, served, service)
        _push(page, address, shoot)
    # One lost answer is no news.
    for _ in range(3):
        page.goto(address)
        page.click("text=Test connection")
        page.wait_for_selector(".failed-test")
    page.goto(address)
    _scroll_to(page, "#health")
    shoot("health")
    _wait_for_issue(page, served, "rejected")
    shoot("issues")
    page.goto(f"{served.url}/admin/storage")
    shoot("storage")
    page.goto(f"{served.url}/admin/backups")
    page.click("text=Make one now")
    for _ in range(40):
        if page.locator("tbody tr").count() > 1 and page.get_by_text("Make one now").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    shoot("backups")
    page.goto(f"{served.url}/admin/maintenance")
    page.fill("#why", "New disks until noon")
    page.click("text=Begin maintenance")
    page.wait_for_selector("text=It goes on")
    shoot("maintenance")
    page.click("text=End maintenance")
    page.goto(f"{served.url}/docs/guide/recover")
    shoot("guide")


def _reject(page: Page, sandbox: str, shoot: Shoot) -> None:
    """Map a date from a name, which no row of an order fits."""
    page.goto(f"{sandbox}/mapping/PurchaseOrder/change?field=orderDate")
    page.fill("#path", "vendor")
    page.click("text=Try it")
    page.wait_for_selector("#tried")
    page.fill("#note", "Taken from the wrong field")
    page.click("text=Save this change")
    page.wait_for_selector(".notice")
    page.click(".tabs >> text=Rejected")
    for _ in range(60):
        if page.locator("tbody th a").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    shoot("rejected")
    page.click("tbody th a >> nth=0")
    page.wait_for_selector("h1")
    shoot("rejected-row")


def _webhook(page: Page, served: Served, receiver: str, sandbox: str, shoot: Shoot) -> None:
    page.goto(f"{served.url}/admin/webhooks")
    page.fill("#url", receiver)
    page.fill("#name", "Portal")
    page.fill("#events", "work-orders.*\nassets.*\n*.deleted\nsync.completed\nconnection.status_changed")
    page.click("button:has-text('Make a webhook')")
    page.wait_for_selector("#webhook-secret")
    shoot("webhook-secret")
    page.click("text=Go on")
    page.select_option("#event", "work-orders.updated")
    page.click("text=Send a test event")
    page.wait_for_selector("text=thanks")
    shoot("delivery")
    page.goto(sandbox)
    page.click("text=Sync now")
    page.wait_for_selector(".head .pill:not(.live)", timeout=30_000)
    page.goto(f"{served.url}/admin/webhooks")
    shoot("webhooks")
    page.click("text=Portal")
    for _ in range(40):
        if page.locator("td:has-text('Delivered')").count() > 1:
            break
        page.wait_for_timeout(500)
        page.reload()
    shoot("endpoint")


def _connect(page: Page, served: Served, service: PlantRest) -> str:
    """The address of a connection to a REST service, made as a program would."""
    appliance = Appliance.open(Settings(data_dir=served.data_dir))
    try:
        guide = appliance.catalog.folder("generic_rest").guide
        example = re.findall(r"^```yaml\n(.*?)^```$", guide, re.M | re.S)[0]
        made = appliance.connections.connect(
            system="generic_rest",
            name="Workshop",
            hosting="on_premises",
            historical_days=3650,
            fields={"url": service.url, "sign_in": "bearer", "token": WORD, "entities": example},
        )
    finally:
        appliance.close()
    address = f"{served.url}/admin/connections/{made.connection.id}"
    page.goto(address)
    for _ in range(60):
        if page.locator("a:has-text('In progress')").count() == 0:
            break
        page.wait_for_timeout(500)
        page.reload()
    return address


def _push(page: Page, address: str, shoot: Shoot) -> None:
    page.goto(f"{address}/push")
    page.click("form button.primary")
    page.wait_for_selector("#address")
    at = page.input_value("#address")
    shoot("push-address")
    for key, change in (("7", "changed"), ("8", "changed"), ("9", "deleted")):
        page.request.post(at, data={"entity": "WorkOrder", "key": [key], "change": change})
    for _ in range(30):
        page.goto(f"{address}/push")
        if page.locator("td:has-text('Done')").count() >= 2:
            break
        page.wait_for_timeout(500)
    _scroll_to(page, ".tabs")
    shoot("push")


def _wait_for_issue(page: Page, served: Served, words: str) -> None:
    """What follows from the state of other rooms is an issue within a minute."""
    for _ in range(90):
        page.goto(f"{served.url}/admin/issues")
        if page.locator(f"main:has-text('{words}')").count():
            return
        page.wait_for_timeout(1000)


def _scroll_to(page: Page, selector: str) -> None:
    page.locator(selector).evaluate("one => one.scrollIntoView({block: 'start'})")
