"""A real Chromium before the really running product. Everything a page complains about is collected."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.gated import write_connector
from tests.browser.served import CHROMIUM, CHROMIUM_FLAGS, Served, serve

NAME = "operator"
PASSWORD = "a long enough passphrase"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The product before its set-up."""
    folder = tmp_path_factory.mktemp("served")
    write_connector(folder / "connectors")
    settings = (f"connectors_dir={folder / 'connectors'}", f"backup.target={folder / 'backups'}")
    with serve(folder / "data", *settings, "backup.every_hours=0") as served:
        yield served


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a new browser profile; the test fails when the console shows an error or a policy violation."""
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def set_up(served: Served, chromium: Browser) -> Served:
    """The product with an administrator, made on the set-up page."""
    page = chromium.new_page(ignore_https_errors=True)
    page.goto(served.setup_url)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    page.get_by_role("heading", name="Connections").wait_for()
    assert "token" not in page.url
    page.close()
    return served


def sign_in(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/admin/")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Connections").wait_for()
