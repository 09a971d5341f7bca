"""The OAuth endpoints over HTTP."""

import base64
import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from werkzeug.test import TestResponse

from appliance.api.error_codes import error_codes
from appliance.users.applications import Application
from tests.api.conftest import Plant
from tests.connections.test_link import BACK, CHALLENGE, VERIFIER


@pytest.fixture
def client(plant: Plant) -> tuple[Application, str]:
    return plant.appliance.applications.create("portal", redirects=[BACK])


def post(plant: Plant, path: str = "/link/token", **given: Any) -> TestResponse:
    return plant.send("POST", path, token="", **given)


@pytest.mark.parametrize("path", ["/link/token", "/link/oauth/token"])
@pytest.mark.parametrize("way", ["json", "form", "basic"])
def test_client_credentials_give_a_token_of_the_account(
    plant: Plant, client: tuple[Application, str], path: str, way: str
) -> None:
    application, secret = client
    named = {"client_id": application.id, "client_secret": secret}
    fields = {"grant_type": "client_credentials"}
    basic = base64.b64encode(f"{quote_plus(application.id)}:{quote_plus(secret)}".encode()).decode()
    answer = {
        "json": lambda: post(plant, path, json={**fields, **named}),
        "form": lambda: post(plant, path, data={**fields, **named}),
        "basic": lambda: post(plant, path, data=fields, headers={"Authorization": f"Basic {basic}"}),
    }[way]()
    assert answer.status_code == 200, answer.text
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    body = answer.get_json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    token = body["access_token"]
    assert plant.json("/api/system/client", token=token)["data"]["redirects"] == [BACK]
    assert plant.json("/api/system/client", token=token)["data"]["id"] == application.id
    named_connection = {"X-Connection-Id": plant.one.connection.id}
    assert plant.json("/api/eam/assets", token=token, headers=named_connection)["meta"]["total"] == 45
    assert plant.get("/api/v1/sync-status", token=token).status_code == 400


def test_a_code_and_its_verifier_give_a_pair_and_a_refresh_the_next(
    plant: Plant, client: tuple[Application, str]
) -> None:
    application, secret = client
    code = plant.appliance.links.consent(application, plant.one.connection.id, BACK, challenge=CHALLENGE)
    named = {"client_id": application.id, "client_secret": secret}
    pair = post(
        plant,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **named,
        },
    ).get_json()
    assert pair["expires_in"] == 30 * 86_400
    assert plant.get("/api/eam/assets", token=pair["access_token"]).status_code == 200
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], **named}
    newer = post(plant, data=refresh).get_json()
    assert plant.get("/api/eam/assets", token=newer["access_token"]).status_code == 200
    assert post(plant, data=refresh).get_json()["error"] == "invalid_grant"
    assert plant.get("/api/eam/assets", token=newer["access_token"]).status_code == 401


REFUSED = [
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "app_x", "client_secret": "y"}, 401, "invalid_client"),
    ({"grant_type": "refresh_token"}, 400, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "apr_wrong"}, 400, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "app_x"}, 401, "invalid_client"),
    ({"grant_type": "authorization_code", "code": "apc_wrong"}, 401, "invalid_client"),
]


@pytest.mark.parametrize(("fields", "status", "error"), REFUSED)
def test_what_is_refused_is_told_as_oauth_clients_expect_it(
    plant: Plant, fields: dict[str, str], status: int, error: str
) -> None:
    answer = post(plant, data=fields)
    body = answer.get_json()
    assert (answer.status_code, body["error"]) == (status, error), body
    assert body["error_description"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["error_uri"].endswith(f"/docs/errors#{body['code']}")
    assert body["code"] in {one.code for one in error_codes()}
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    "given",
    [
        {"data": b"\xff\xfe", "content_type": "application/json"},
        {"data": b"[" * 5000, "content_type": "application/json"},
        {"json": [1, 2]},
        {"json": {"grant_type": 1}},
        {"json": {"grant_type": "x" * 3000}},
        {
            "data": "grant_type=client_credentials&grant_type=refresh_token",
            "content_type": "application/x-www-form-urlencoded",
        },
        {"data": {"grant_type": "client_credentials"}, "headers": {"Authorization": "Basic %%%"}},
        {"data": {"grant_type": "client_credentials"}, "headers": {"Authorization": "Bearer x"}},
        {
            "data": {"grant_type": "client_credentials", "client_secret": "a"},
            "headers": {"Authorization": "Basic YTpi"},
        },
    ],
)
def test_hostile_bodies_are_refused_cleanly(plant: Plant, given: dict[str, Any]) -> None:
    assert post(plant, **given).status_code in (400, 401)


def test_revoking_answers_alike_for_what_is_and_what_is_not_there(
    plant: Plant, client: tuple[Application, str]
) -> None:
    application, secret = client
    named = {"client_id": application.id, "client_secret": secret}
    token = post(plant, data={"grant_type": "client_credentials", **named}).get_json()["access_token"]
    for ended in (token, token, "apt_unknown"):
        assert post(plant, "/link/revoke", data={"token": ended, **named}).status_code == 200
    assert plant.get("/api/system/client", token=token).status_code == 401
    assert post(plant, "/link/revoke", data={"token": token}).status_code == 401


def test_no_answer_repeats_a_secret(plant: Plant, client: tuple[Application, str]) -> None:
    application, secret = client
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    answer = post(
        plant, data={"grant_type": "client_credentials", "client_id": application.id, "client_secret": wrong}
    )
    assert not re.search(re.escape(wrong[4:20]), answer.text)
