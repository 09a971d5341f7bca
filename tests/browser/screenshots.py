"""Takes the pictures for the README from the running product with its sandbox: `python -m tests.browser.screenshots`.

`--look FOLDER` takes every page in light and dark, wide and narrow, to look at while changing the design.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser import walk_operating
from tests.browser.served import CHROMIUM, CHROMIUM_FLAGS, Served, serve

NAME = "admin"
PASSWORD = "a long enough passphrase"
README = (
    "connections",
    "catalogue",
    "connection",
    "run",
    "records",
    "record",
    "mapping",
    "mapping-tried",
    "credits",
    "schedule",
    "rejected",
    "webhooks",
    "endpoint",
    "push",
    "health",
    "issues",
    "storage",
    "backups",
    "maintenance",
    "guide",
)
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--look", type=Path)
    look: Path | None = parser.parse_args().look
    folder = look or Path(__file__).parents[2] / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        # The place is shown.
        serve(Path(temporary) / "data", "backup.target=/tmp/backups") as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        context = browser.new_context(ignore_https_errors=True, viewport=WIDE)
        page = context.new_page()
        wanted = None if look else README

        def shoot(name: str) -> None:
            if wanted is None or name in wanted:
                _shoot(page, folder, name, every=look is not None)

        _walk(page, served, shoot)
        browser.close()


def _walk(page: Page, served: Served, shoot: Callable[[str], None]) -> None:
    """Use the product as a person would, and stop at what is worth a picture."""
    page.goto(served.setup_url)
    shoot("set-up")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.fill("#repeated", PASSWORD)
    page.click("text=Make the administrator")
    page.wait_for_selector("text=No system is connected yet")
    shoot("empty")
    page.goto(f"{served.url}/admin/connect")
    shoot("catalogue")
    systems = page.eval_on_selector_all(".cover", "links => links.map(link => link.href)")
    for address in systems:
        page.goto(address)
        shoot("connect-" + address.rpartition("/")[2])
    page.goto(f"{served.url}/admin/connect/tryton")
    page.fill("#f_url", "https://127.0.0.1:9")
    for field in ("database", "username"):
        page.fill(f"#f_{field}", "tryton")
    page.fill("#f_password", "wrong")
    page.check("input[value=cloud]")
    page.click("text=Test and connect")
    page.wait_for_selector(".failed-test, .notice")
    shoot("connect-failed")
    tokens: dict[str, str] = {}
    for name in ("Sandbox", "Sandbox for training", "Sandbox of last year"):
        page.goto(f"{served.url}/admin/connect/sandbox")
        page.fill("#name", name)
        page.click("text=Test and connect")
        tokens[name] = page.input_value("#token")
        shoot("token")
        page.click("text=Watch the sync")
        shoot("run-live")
        page.wait_for_selector(".head .pill.good", timeout=20_000)
    shoot("run")
    page.click("nav[aria-label=Breadcrumb] >> text=Sandbox of last year")
    page.click("text=Disconnect")
    shoot("disconnect")
    page.click("button:has-text('Disconnect')")
    page.wait_for_selector(".notice")
    shoot("disconnected")
    page.goto(f"{served.url}/admin/")
    shoot("connections")
    page.click("text=Sandbox >> nth=0")
    page.wait_for_selector("#entities")
    shoot("connection")
    page.click("text=Test connection")
    page.wait_for_selector(".passed-test")
    shoot("tested")
    page.click(".tabs >> text=Records")
    page.wait_for_selector("#key")
    shoot("records")
    page.click("tbody th a >> nth=1")
    page.wait_for_selector("#raw")
    shoot("record")
    page.click("nav[aria-label=Breadcrumb] >> text=Sandbox")
    page.wait_for_url("**/connections/*")
    sandbox = page.url
    _walk_connection(page, served, tokens["Sandbox"], shoot)
    walk_operating.walk(page, served, sandbox, shoot)
    page.goto(f"{served.url}/admin/credits")
    shoot("credits")
    page.goto(f"{served.url}/admin/api-keys")
    page.fill("#name", "Provisioning")
    page.click("text=Make a key")
    page.wait_for_selector("#api-key")
    shoot("api-key")
    page.goto(f"{served.url}/admin/api-keys")
    shoot("api-keys")
    page.goto(f"{served.url}/admin/nothing")
    shoot("error")


def _walk_connection(page: Page, served: Served, token: str, shoot: Callable[[str], None]) -> None:
    """The pages of one connection, from its overview on; `token` is that of the connection."""
    for title in ("Replace the seal", "Grease the bearing"):
        page.request.post(
            f"{served.url}/api/eam/work-orders",
            headers={"Authorization": f"Bearer {token}"},
            data={"title": title, "severity": "high"},
        )
    page.click(".tabs >> text=Schedule")
    page.fill("#often", "15m")
    page.fill("#time_zone", "Europe/Berlin")
    page.fill("#quiet", "at night")
    page.click("text=Save the rule")
    page.wait_for_selector("#quiet-problem")
    shoot("schedule-refused")
    page.fill("#quiet", "mon,tue,wed,thu,fri 22:00-06:00")
    page.click("text=Save the rule")
    page.wait_for_selector(".notice")
    shoot("schedule")
    page.click(".tabs >> text=Mapping")
    page.click("text=Purchase order >> nth=0")
    shoot("mapping")
    page.click("text=Add a custom field")
    page.fill("#name", "costCenter")
    page.fill("#expression", "{path: [")
    page.click("text=Try it")
    page.wait_for_selector("#expression-problem")
    shoot("mapping-refused")
    page.fill("#expression", "")
    page.fill("#path", "vendor")
    page.click("text=Try it")
    page.wait_for_selector("#tried")
    shoot("mapping-tried")
    page.fill("#note", "Orders are billed by vendor")
    page.click("text=Save this change")
    page.wait_for_selector(".notice")
    shoot("mapping-saved")
    page.click(".tabs >> text=Mapping")
    shoot("mappings")
    page.click(".tabs >> text=Abilities")
    shoot("capabilities")
    page.click(".tabs >> text=Writes")
    shoot("writes")
    page.click("tbody th a >> nth=0")
    page.wait_for_selector("#body")
    shoot("write")
    page.go_back()
    page.click(".tabs >> text=Pass-through")
    shoot("passthrough-closed")
    page.fill("#allow", "GET /orders/**\nPOST /orders/*/confirm\nfetch it")
    page.click("text=Save the rules")
    page.wait_for_selector("#allow-problem")
    shoot("passthrough-refused")
    page.fill("#allow", "GET /orders/**\nPOST /orders/*/confirm")
    page.click("text=Save the rules")
    page.wait_for_selector(".notice")
    shoot("passthrough")


def _shoot(page: Page, folder: Path, name: str, *, every: bool) -> None:
    page.wait_for_timeout(350)  # progress bars glide
    if not every:
        page.screenshot(path=folder / f"{name}.png")
        return
    for suffix, scheme, size in (
        ("light", "light", WIDE),
        ("dark", "dark", WIDE),
        ("narrow", "light", NARROW),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=folder / f"{name}-{suffix}.png", full_page=size is NARROW)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
