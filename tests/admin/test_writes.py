"""The journal of writes: what was sent, what became of it, and what of it nobody knows."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from appliance.server.wsgi import create_app
from appliance.writes.tables import WriteOrder
from tests.admin.conftest import NAME, PASSWORD, Browser, Plant
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.transport.servers import serving
from tests.writes.conftest import CONNECTORS
from tests.writes.workshop import Workshop


class Shop:
    """A plant that writes into a workshop's real server."""

    def __init__(self, plant: Plant, workshop: Workshop, token: str) -> None:
        self.plant = plant
        self.workshop = workshop
        self.connection_id = plant.appliance.connections.tokens.authenticate(token).connection_id
        self.at = f"/admin/connections/{self.connection_id}/writes"
        self._client: FlaskClient = plant.app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    def create(self, **body: object) -> str:
        """Create an order; the write's id, also where it went wrong."""
        assets = self._send("GET", "/api/eam/assets")["data"]
        self._send("POST", "/api/eam/work-orders", {"assetKey": assets[0]["key"], **body})
        newest: WriteOrder = self.plant.appliance.writes.table.recent(self.connection_id, 1)[0]
        return newest.id

    def _send(self, method: str, path: str, body: object = None) -> dict[str, list[dict[str, str]]]:
        self.plant.clock.advance(1)
        answer = self._client.open(
            path, method=method, json=body, headers=self._headers, base_url="https://localhost"
        )
        told: dict[str, list[dict[str, str]]] = answer.get_json()
        return told


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    workshop, clock = Workshop(), ManualClock(auto=True)
    with serving(workshop.answer) as server, Appliances(tmp_path_factory.mktemp("shop")) as appliances:
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        appliance.accounts.add(NAME, PASSWORD)
        made = appliance.connections.connect(system="workshop", name="Shop", fields={"url": server.url})
        work(appliance)
        yield Shop(Plant(appliance, clock, create_app(appliance)), workshop, made.token)


@pytest.fixture
def browser(shop: Shop) -> Browser:
    return shop.plant.signed_in()


def test_a_write_is_shown_with_what_was_sent_and_the_record(shop: Shop, browser: Browser) -> None:
    token = "apl_" + "x" * 43
    write_id = shop.create(title="Grease <the> pump", notes=f"with {token}")
    listed = browser.get(shop.at).text
    assert write_id in listed and "Done" in listed and "Create" in listed
    page = browser.get(f"{shop.at}/{write_id}").text
    assert "Grease &lt;the&gt; pump" in page and "POST eam work-orders" in page
    assert re.search(rf'href="/admin/connections/{shop.connection_id}/records/WorkOrder/\w{{40}}"', page)
    assert token not in page and "with ********" in page


def test_a_refusal_is_told_in_the_words_of_the_source_with_what_the_code_means(
    shop: Shop, browser: Browser
) -> None:
    done = shop.create(title="To be changed")
    order = shop.plant.appliance.writes.task(done, shop.connection_id)
    shop._send("PUT", f"/api/eam/work-orders/{order.record_key}", {"title": "forbidden"})
    listed = browser.get(f"{shop.at}?state=failed").text
    assert "This title is not allowed" in listed and done not in listed
    write_id = shop.plant.appliance.writes.table.recent(shop.connection_id, 1)[0].id
    page = browser.get(f"{shop.at}/{write_id}").text
    assert "This title is not allowed" in page and 'href="/docs/errors#SOURCE_REJECTED"' in page
    assert 'id="SOURCE_REJECTED"' in browser.get("/docs/errors").text


def test_an_unknown_outcome_stands_out_and_says_what_to_do(shop: Shop, browser: Browser) -> None:
    assert "attention" not in browser.get(shop.at).text
    shop.workshop.breaks = 1
    write_id = shop.create(title="Perhaps")
    listed = browser.get(shop.at).text
    assert "The outcome of 1 write is unknown" in listed and 'class="attention"' in listed
    page = browser.get(f"{shop.at}/{write_id}").text
    assert "It may have been done, or not." in page and "looks for it in the source again" in page
    shop.plant.appliance.writes.table.fail(
        write_id, "unknown", {"code": "WRITE_OUTCOME_UNKNOWN", "message": "?", "details": {}}, 0
    )
    assert "Look in the source" in browser.get(f"{shop.at}/{write_id}").text


def test_the_journal_is_paged_within_a_state(shop: Shop, browser: Browser) -> None:
    table = shop.plant.appliance.writes.table
    made = table.recent(shop.connection_id, 1)[0]
    for number in range(120):
        values = {name: getattr(made, name) for name in WriteOrder.__slots__}
        # Many in one millisecond, so that a page ends among equals.
        own = {"id": f"wrt_{number:03}", "created_at": number // 50, "state": "queued", "error": None}
        table.insert(WriteOrder(**{**values, **own, "due_at": None, "idempotency_key": None}))
    path: str | None = f"{shop.at}?state=queued"
    seen: list[str] = []
    while path:
        text = browser.get(path).text
        page = re.findall(r"writes/(wrt_\d{3})\"", text)
        assert len(page) <= 50
        seen += page
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following.group(1).replace("&amp;", "&") if following else None
    assert len(seen) == 120 and len(set(seen)) == 120


def test_who_may_not_read_it_is_refused(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {})
    assert browser.get(shop.at).status_code == 403
    assert browser.get(f"{shop.at}/wrt_x").status_code == 403


def test_a_write_of_another_connection_is_not_shown(shop: Shop, browser: Browser) -> None:
    write_id = shop.create(title="Ours")
    other = shop.plant.appliance.connections.connect(system="sandbox", name="Other", fields={})
    at = f"/admin/connections/{other.connection.id}/writes"
    assert browser.get(f"{at}/{write_id}").status_code == 404
    assert "Nothing has been written yet" in browser.get(at).text
