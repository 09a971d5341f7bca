"""Commands beside a running service: they meet in the database, and the service notices at once."""

from collections.abc import Iterator

import pytest

from tests.support.command import Program, Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("serving") / "data") as running:
        yield running


@pytest.fixture
def program(service: Service) -> Program:
    return Program(service.data_dir)


def test_what_a_command_connects_the_service_synchronizes_and_serves(
    service: Service, program: Program
) -> None:
    made = program("connection", "add", "--system", "sandbox", "--name", "Sample", "--json").json
    run = program("sync", "run", "Sample", "--wait", "--json").json
    assert run["state"] == "completed"
    assert service.request("GET", "/api/eam/assets", token=made["token"]).body["meta"]["total"] == 45

    state = program("status", "--json").json
    assert state["running"] is True
    assert state["connections"][0]["records"]["WorkOrder"] == 120

    # The token dies in the web process with the commit of another process.
    program("connection", "disconnect", "Sample")
    refused = service.request("GET", "/api/eam/assets", token=made["token"])
    assert (refused.status, refused.body["error"]["code"]) == (401, "TOKEN_INVALID")


def test_a_key_of_the_command_line_opens_the_api_until_it_is_revoked(
    service: Service, program: Program
) -> None:
    key = program("apikey", "add", "integration", "--json").json["key"]
    made = service.request(
        "POST",
        "/api/system/connections",
        token=key,
        body={"provider": "sandbox", "name": "By API", "credentials": {}},
    )
    assert made.status == 201
    (listed,) = program("apikey", "list", "--json").json
    program("apikey", "revoke", listed["id"])
    assert service.request("GET", "/api/system/credits", token=key).status == 401


def test_keys_are_rotated_under_the_running_service(service: Service, program: Program) -> None:
    program("key", "rotate")
    key = program("apikey", "add", "after", "--json").json["key"]
    body = {"provider": "sandbox", "name": "After", "credentials": {}}
    assert service.request("POST", "/api/system/connections", token=key, body=body).status == 201
