"""Health and issues over the API: what is wrong, who can mend it, and that nobody sees what is not theirs."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator

from appliance.api.openapi.health import HEALTH, ISSUE
from appliance.errors import SourceError, SourceUnreachable
from appliance.server.wsgi import create_app
from appliance.users.scopes import Scope
from tests.support.appliance import Appliances, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, ENTITIES, Plant, connect_plant


class Site:
    """A connected plant whose orders fail, and a second one that is well."""

    def __init__(self, appliances: Appliances, clock: ManualClock) -> None:
        self.appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        self.clock = clock
        self.plant = Plant(clock)
        self.ill, self.well = (
            connect_plant(self.appliance, self.plant, "ill"),
            connect_plant(self.appliance, Plant(clock), "well"),
        )
        work(self.appliance)
        self.client: FlaskClient = create_app(self.appliance).test_client()
        self.key = self.appliance.api_keys.create("tests")

    def ask(self, method: str, path: str, token: str = "", status: int = 200, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {token or self.key}"}
        answer = self.client.open(path, method=method, base_url="https://localhost", headers=headers, **given)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def fail_orders(self) -> None:
        self.plant.failures["PurchaseOrder"] = SourceError("The order list is being rebuilt.")
        synchronize(self.appliance, self.ill.connection.id)


@pytest.fixture
def site(appliances: Appliances) -> Iterator[Site]:
    yield Site(appliances, ManualClock(auto=True))


def test_a_connection_that_is_well_has_proof_of_every_aspect(site: Site) -> None:
    body = site.ask("GET", "/api/v1/health", site.well.token)["data"]
    assert {name: one["state"] for name, one in body["aspects"].items()} == dict.fromkeys(
        ("reachable", "authenticated", "authorized", "data"), "proven"
    )
    assert {one["proven_at"] for one in body["aspects"].values()} == {"2026-01-05T08:00:00Z"}
    assert (body["status"], body["issues"]) == ("connected", [])
    account = site.ask("GET", f"/api/v1/connections/{site.well.connection.id}/health")["data"]
    assert account == body
    OAS31Validator(HEALTH).validate(body)


def test_a_failing_entity_is_an_issue_that_says_what_to_do(site: Site) -> None:
    site.fail_orders()
    body = site.ask("GET", "/api/v1/health", site.ill.token)["data"]
    aspects = body["aspects"]
    assert [aspects[name]["state"] for name in ("reachable", "authenticated", "data")] == [
        *("proven", "proven"),
        "failing",
    ]
    assert aspects["data"]["entities"][0]["entity"] == "PurchaseOrder"
    (issue,) = body["issues"]
    assert (issue["code"], issue["entity"], issue["who"]) == ("SOURCE_ERROR", "PurchaseOrder", "source_admin")
    assert "Plant" in issue["fix"]
    OAS31Validator(HEALTH).validate(body)


def test_issues_are_listed_by_state_and_paged(site: Site) -> None:
    for entity in ENTITIES:
        site.plant.failures[entity] = SourceError("Nothing works.")
    synchronize(site.appliance, site.ill.connection.id)
    listed = site.ask("GET", "/api/system/issues?state=open&per_page=2")
    assert (len(listed["data"]), listed["meta"]["total"]) == (2, 3)
    assert "state=open" in listed["links"]["next"]
    rest = site.ask("GET", listed["links"]["next"].removeprefix("https://localhost"))
    assert len(rest["data"]) == 1
    for issue in listed["data"]:
        OAS31Validator(ISSUE).validate(issue)
    path = f"/api/v1/connections/{site.ill.connection.id}/issues"
    assert site.ask("GET", path)["meta"]["total"] == 3
    assert site.ask("GET", f"/api/v1/connections/{site.well.connection.id}/issues")["data"] == []
    refused = site.ask("GET", f"{path}?state=broken", status=400)
    assert refused["error"]["details"]["parameter"] == "state"


def test_a_dismissed_issue_rests_with_its_note(site: Site) -> None:
    site.fail_orders()
    (issue,) = site.ask("GET", "/api/system/issues?state=open")["data"]
    path = f"/api/system/issues/{issue['id']}/dismiss"
    assert site.ask("POST", path, json={}, status=400)
    assert site.ask("POST", path, json={"note": "Known.", "more": 1}, status=400)
    told = site.ask("POST", path, json={"note": "Known until the upgrade."})["data"]
    assert (told["state"], told["note"], told["dismissed_by"]) == (
        "dismissed",
        "Known until the upgrade.",
        "tests",
    )
    assert site.ask("POST", path, json={"note": "Again."}, status=409)
    assert site.ask("GET", "/api/system/issues?state=open")["data"] == []
    assert site.ask("POST", "/api/system/issues/iss_none/dismiss", json={"note": "x"}, status=404)


def test_a_key_for_one_connection_sees_the_issues_of_no_other(site: Site) -> None:
    site.fail_orders()
    (issue,) = site.ask("GET", "/api/system/issues")["data"]
    key = site.appliance.api_keys.create("limited", Scope(connections=frozenset([site.well.connection.id])))
    assert site.ask("GET", "/api/system/issues", key)["data"] == []
    path = f"/api/system/issues/{issue['id']}/dismiss"
    assert site.ask("POST", path, key, 404, json={"note": "Not mine."})
    assert site.ask("GET", f"/api/v1/connections/{site.ill.connection.id}/issues", key, 403)


def test_an_outage_shows_since_when_and_when_it_was_last_proven(site: Site) -> None:
    site.clock.advance(600)
    for entity in ENTITIES:
        site.plant.failures[entity] = SourceUnreachable("The plant does not answer.")
    synchronize(site.appliance, site.ill.connection.id)
    body = site.ask("GET", "/api/v1/health", site.ill.token)["data"]
    reachable = body["aspects"]["reachable"]
    assert (body["status"], reachable["state"], reachable["code"]) == (
        "offline",
        "failing",
        "SOURCE_UNREACHABLE",
    )
    assert reachable["proven_at"] == "2026-01-05T08:00:00Z"
    assert reachable["since"] == reachable["failed_at"] == "2026-01-05T08:10:00Z"
    assert body["next_probe_at"] == "2026-01-05T08:10:30Z"
