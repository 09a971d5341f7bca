"""Schedules over the API: the account sets them, the connection's own token sees its own."""

import pytest

from appliance.users.scopes import Scope
from tests.api.conftest import Plant

RULE = {"every_seconds": 900, "time_zone": "Europe/Berlin", "quiet": [{"from": "22:00", "to": "06:00"}]}


def at(plant: Plant) -> str:
    return f"/api/v1/connections/{plant.one.connection.id}/schedule"


def test_the_account_sets_a_schedule_and_the_token_sees_it(plant: Plant) -> None:
    body = {"rule": RULE, "entity_rules": {"Vendor": {"cron": "0 4 * * *"}, "Asset": {"paused": True}}}
    answer = plant.send("PUT", at(plant), token=plant.key, json=body)
    assert answer.status_code == 200, answer.text
    shown = plant.json("/api/v1/schedule")["data"]
    assert shown == answer.get_json()["data"] == plant.json(at(plant), token=plant.key)["data"]
    assert {name: shown[name] for name in body} == body
    entities = {row["entity"]: row for row in shown["entities"]}
    assert entities["Vendor"]["in_force"]["cron"] == "0 4 * * *"
    assert entities["Vendor"]["in_force"]["time_zone"] == "Europe/Berlin"
    assert entities["Asset"]["next_due_at"] is None
    assert entities["Asset"]["why_not_now"]["reason"] == "paused"
    assert shown["shortest_seconds"] == 60, "the sample data may be read more often"
    again = plant.send("PUT", at(plant), token=plant.key, json={})
    assert (again.get_json()["data"]["rule"], again.get_json()["data"]["entity_rules"]) == ({}, {})


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"rule": {"every_seconds": 5}}, "SCHEDULE_INVALID", "rule.every_seconds"),
        ({"rule": {"cron": "* * * *"}}, "SCHEDULE_INVALID", "rule.cron"),
        ({"entity_rules": {"Vendor": {"odd": 1}}}, "SCHEDULE_INVALID", "entity_rules.Vendor.odd"),
        ({"entity_rules": []}, "SCHEDULE_INVALID", "entity_rules"),
        ({"entity_rules": {"Nothing": {}}}, "UNKNOWN_ENTITY", None),
        ({"odd": 1}, "INVALID_REQUEST", "odd"),
        ([], "INVALID_REQUEST", None),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    plant: Plant, body: object, code: str, field: str | None
) -> None:
    before = plant.json("/api/v1/schedule")
    answer = plant.send("PUT", at(plant), token=plant.key, json=body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    if field is not None:
        assert field in error["details"]["fields"]
    assert plant.json("/api/v1/schedule") == before


def test_a_token_sees_its_own_connection_and_changes_none(plant: Plant) -> None:
    assert plant.send("PUT", at(plant), json={}).status_code == 401
    assert plant.send("GET", at(plant)).status_code == 401
    assert plant.send("PUT", "/api/v1/schedule", json={}).status_code == 405
    other = plant.json("/api/v1/schedule", token=plant.other.token)["data"]
    assert other["connection_id"] == plant.other.connection.id
    assert plant.send("GET", "/api/v1/connections/con_none/schedule", token=plant.key).status_code == 404


def test_a_key_that_may_only_read_cannot_set_a_schedule(plant: Plant) -> None:
    key = plant.appliance.api_keys.create("reader", Scope(verbs=frozenset({"read"})))
    assert plant.send("GET", at(plant), token=key).status_code == 200
    assert plant.send("PUT", at(plant), token=key, json={}).status_code == 403
