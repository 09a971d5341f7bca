"""Every page and every form of the admin page, found by their routes and sent what nobody fills in."""

import re

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from appliance.admin.once import Tickets
from appliance.webhooks.endpoints import Owner
from tests.admin.conftest import BASE, Browser, Plant
from tests.support.appliance import work

# They end the session, or are of no use in one.
LEFT_OUT = {"admin.sign_out", "admin.do_sign_in", "admin.do_set_up", "static"}
# What is needed for the other forms would be gone.
ENDINGS = ("/disconnect", "/delete", "/revoke")
VALUES = (
    "", "\x00", "-1", "9" * 400, "x" * 20_000, "<script>x</script>", "[" * 5_000, "a\r\nX-Header: b",
)  # fmt: skip


@pytest.fixture(scope="module")
def signed_in(plant: Plant) -> Browser:
    browser = plant.signed_in()
    browser.connect_sandbox()
    work(plant.appliance)
    here = Owner(plant.appliance.connections.table.all()[0].id)
    given = {"url": "http://127.0.0.1:9/none", "events": ["*"]}
    plant.appliance.webhooks.create(given, here, may_be_here=True)
    return browser


def addresses(plant: Plant, method: str, values: dict[str, str]) -> list[tuple[Rule, str]]:
    adapter = plant.app.url_map.bind(BASE.removeprefix("https://"), url_scheme="https")
    found = []
    for rule in plant.app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or rule.endpoint in LEFT_OUT:
            continue
        if method in (rule.methods or ()):
            named = {name: values.get(name, values[""]) for name in rule.arguments}
            found.append((rule, adapter.build(rule.endpoint, named)))
    return found


def real(plant: Plant) -> dict[str, str]:
    """What parts of addresses are of the connection that is there; others are made up."""
    connection = plant.appliance.connections.table.all()[0]
    run = plant.appliance.planner.runs.recent(connection.id, 1)[0]["id"]
    (webhook,) = plant.appliance.webhooks.table.all()
    return {
        "": "made-up", "connection_id": connection.id, "run_id": run, "entity": "Asset", "system": "sandbox",
        "name": "Asset", "table": "Asset", "webhook_id": webhook.id,
    }  # fmt: skip


def no_error_of_ours(answer: TestResponse, what: object) -> None:
    assert answer.status_code < 500, (what, answer.status_code, answer.text[-600:])
    assert "X-Header" not in answer.headers, what
    assert "<script>x</script>" not in answer.text, what


def test_no_page_takes_a_hostile_address_for_an_error_of_ours(plant: Plant, signed_in: Browser) -> None:
    for value in ("%00", "x" * 3_000, "\U0001f600", "<script>x</script>"):
        for rule, path in addresses(plant, "GET", {**real(plant), "": value}):
            no_error_of_ours(signed_in.get(path), (rule, value))
        for rule, path in addresses(plant, "GET", {"": value}):
            no_error_of_ours(signed_in.get(path), (rule, value))


def test_no_page_takes_a_hostile_query_for_an_error_of_ours(plant: Plant, signed_in: Browser) -> None:
    names = {
        "before",
        "after",
        "page",
        "state",
        "entity",
        "cursor",
        "connection",
        "event",
        "q",
        "next",
        "offset",
    }
    for value in ("\x00", "-1", "9" * 400, "\U0001f600"):
        for rule, path in addresses(plant, "GET", real(plant)):
            no_error_of_ours(
                signed_in.get(path, query_string=dict.fromkeys(names, value)), (rule, value[:40])
            )


def test_no_form_takes_a_hostile_value_for_an_error_of_ours(
    plant: Plant, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [signed_in.get(path).text for _, path in addresses(plant, "GET", real(plant))]
    names = {name for page in pages for name in re.findall(r'\sname="([^"]+)"', page)} - {
        "form_token",
        "ticket",
    }
    assert len(names) > 20
    monkeypatch.setattr(Tickets, "take", lambda tickets, ticket: True)
    forms = [form for form in addresses(plant, "POST", real(plant)) if not form[1].endswith(ENDINGS)]
    assert len(forms) > 20
    for value in VALUES:
        for rule, path in forms:
            answer = signed_in.post(path, dict.fromkeys(names, value))
            no_error_of_ours(answer, (rule, value[:40]))
            if answer.status_code == 303 and answer.headers["Location"].startswith("/admin/sign-in"):
                signed_in.sign_in()
