"""Health on the page of a connection, and the page of all issues."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import SourceError
from appliance.server.wsgi import create_app
from tests.admin.conftest import NAME, PASSWORD, Browser, Plant
from tests.support.appliance import Appliances, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, connect_plant
from tests.support.plant import Plant as Source

HOSTILE = "<script>alert(1)</script>"


class Site:
    """A plant whose orders cannot be read."""

    def __init__(self, appliances: Appliances) -> None:
        clock = ManualClock(auto=True)
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        appliance.accounts.add(NAME, PASSWORD)
        self.plant = Plant(appliance, clock, create_app(appliance))
        self.source = Source(clock)
        self.connection = connect_plant(appliance, self.source, "Mill").connection
        work(appliance)
        self.source.failures["PurchaseOrder"] = SourceError(f"No orders {HOSTILE}.")
        synchronize(appliance, self.connection.id)
        self.page = f"/admin/connections/{self.connection.id}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Appliances(tmp_path) as appliances:
        yield Site(appliances)


@pytest.fixture
def browser(site: Site) -> Browser:
    return site.plant.signed_in()


def test_the_page_of_a_connection_tells_its_health(site: Site, browser: Browser) -> None:
    page = browser.get(site.page).text
    card = page[page.index('id="health"') : page.index('id="entities"')]
    assert card.count("Proven") == 3 and card.count("Failing") == 1
    assert "1 of 3 entities are behind" in card
    assert "Look the message up in the log of Plant" in card and "Who runs the connected system" in card
    assert HOSTILE not in page


def test_issues_of_everything_are_on_one_page_and_counted_beside_every_page(
    site: Site, browser: Browser
) -> None:
    page = browser.get("/admin/issues").text
    assert f'href="{site.page}">Mill</a>' in page and "SOURCE_ERROR" in page
    assert HOSTILE not in page
    assert (
        '<span class="badge">1<span class="visually-hidden"> open</span></span>'
        in browser.get("/admin/").text
    )
    del site.source.failures["PurchaseOrder"]
    synchronize(site.plant.appliance, site.connection.id)
    assert "Nothing is wrong." in browser.get("/admin/issues").text
    assert 'class="badge">1<span' not in browser.get("/admin/").text
    assert "SOURCE_ERROR" in browser.get("/admin/issues?state=resolved").text


def test_an_issue_is_dismissed_with_a_note(site: Site, browser: Browser) -> None:
    (issue,) = site.plant.appliance.issues.open_issues()
    browser.get("/admin/issues")
    assert browser.post(f"/admin/issues/{issue.id}/dismiss", {"note": " "}).status_code == 400
    assert browser.post(f"/admin/issues/{issue.id}/dismiss", {"note": f"Known {HOSTILE}"}).status_code == 303
    page = browser.get("/admin/issues?state=dismissed").text
    assert "Dismissed by operator: Known" in page and HOSTILE not in page


def test_a_form_of_another_session_dismisses_nothing(site: Site, browser: Browser) -> None:
    (issue,) = site.plant.appliance.issues.open_issues()
    answer = browser.post(f"/admin/issues/{issue.id}/dismiss", {"note": "x", "form_token": "wrong"})
    assert answer.status_code == 403
    assert site.plant.appliance.issues.get(issue.id).state == "open"


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "²"])
def test_a_page_that_is_none_is_harmless(browser: Browser, page: str) -> None:
    assert browser.get(f"/admin/issues?page={page}").status_code == 200
