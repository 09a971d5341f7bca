"""Webhooks over the API: of the account, of an application, of a connection; what each sees and may do."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from appliance.users.scopes import Scope
from appliance.webhooks.endpoints import MOST_OF_AN_OWNER, Owner
from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox
from tests.transport.servers import Server, serving

ACCOUNT, OWN = "/api/system/webhooks", "/api/v1/webhooks"
GOOD = {"url": "https://receiver.plant.example/hooks", "events": ["work-orders.*"]}


@pytest.fixture(autouse=True)
def nothing_left(plant: Plant) -> Iterator[None]:
    yield
    for endpoint in plant.appliance.webhooks.table.all():
        plant.appliance.webhooks.delete(endpoint.id)


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving(lambda exchange: exchange.reply(200, b"a word of the receiver")) as server:
        yield server


def make(plant: Plant, at: str = OWN, token: str | None = None, **changes: Any) -> dict[str, Any]:
    answer = plant.send("POST", at, token=token, json={**GOOD, **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()["data"]
    return made


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


def test_the_secret_is_answered_once_and_nowhere_else(plant: Plant) -> None:
    made = make(plant)
    assert made["secret"].startswith("whsec_") and made["secret_hint"].startswith("whsec_…")
    for path in (OWN, f"{OWN}/{made['id']}", f"{OWN}/{made['id']}/deliveries"):
        assert made["secret"] not in plant.get(path).text
    dump = repr(plant.appliance.database.rows("SELECT * FROM webhook_endpoint"))
    dump += repr(plant.appliance.database.rows("SELECT * FROM secret"))
    assert made["secret"] not in dump and made["secret"][6:20] not in dump


def test_a_webhook_is_made_read_changed_and_deleted(plant: Plant) -> None:
    made = make(plant, name="Portal")
    assert made["state"] == "active" and made["connection_id"] == plant.one.connection.id
    path = f"{OWN}/{made['id']}"
    changed = plant.send("PUT", path, json={"events": ["*.deleted"], "enabled": False}).get_json()["data"]
    assert (changed["events"], changed["state"], changed["name"]) == (["*.deleted"], "disabled", "Portal")
    shown = plant.json(path)["data"]
    assert shown["disabled_reason"] is None and shown["deliveries"] == {"waiting": 0, "undelivered": 0}
    assert plant.send("DELETE", path).status_code == 200
    assert refused(plant.get(path)) == (404, "WEBHOOK_NOT_FOUND")


class TestIsolation:
    def test_a_token_sees_its_own_endpoints_and_no_others(self, plant: Plant) -> None:
        mine, theirs = make(plant), make(plant, token=plant.other.token)
        account = make(plant, ACCOUNT, plant.key)
        assert [one["id"] for one in plant.json(OWN)["data"]] == [mine["id"]]
        for foreign in (theirs["id"], account["id"]):
            at = f"{OWN}/{foreign}"
            for method, path in (
                ("GET", at),
                ("PUT", at),
                ("DELETE", at),
                ("POST", f"{at}/rotate"),
                ("POST", f"{at}/test"),
                ("POST", f"{at}/replay"),
                ("GET", f"{at}/deliveries"),
                ("GET", f"{at}/deliveries/evt_1"),
                ("POST", f"{at}/deliveries/evt_1/replay"),
            ):
                sent = {} if method == "GET" else {"json": {}}
                assert refused(plant.send(method, path, **sent)) == (404, "WEBHOOK_NOT_FOUND"), path
        assert plant.appliance.webhooks.get(theirs["id"]).enabled

    def test_a_token_is_told_of_its_connection_only(self, plant: Plant) -> None:
        mine = make(plant, events=["*"])
        for made in (plant.one, plant.other):
            plant.appliance.outbox.announce("system.error", made.connection.id, lambda: {"code": "X"})
        plant.appliance.outbox.announce("system.error", None, lambda: {"code": "X"})
        log = plant.json(f"{OWN}/{mine['id']}/deliveries")["data"]
        assert [one["connection_id"] for one in log] == [plant.one.connection.id]

    def test_an_event_of_one_endpoint_is_not_found_by_another(self, plant: Plant) -> None:
        mine, account = make(plant, events=["*"]), make(plant, ACCOUNT, plant.key, events=["*"])
        plant.appliance.outbox.announce("system.error", plant.other.connection.id, dict)
        (event,) = plant.json(f"{ACCOUNT}/{account['id']}/deliveries", token=plant.key)["data"]
        path = f"{OWN}/{mine['id']}/deliveries/{event['id']}"
        assert refused(plant.get(path)) == (404, "WEBHOOK_DELIVERY_NOT_FOUND")
        cursor = f"{OWN}/{mine['id']}/deliveries?cursor={event['id']}"
        assert refused(plant.get(cursor)) == (404, "WEBHOOK_DELIVERY_NOT_FOUND")

    def test_an_application_sees_its_own_and_those_of_its_connections(self, plant: Plant) -> None:
        appliance = plant.appliance
        application, _ = appliance.applications.create("Portal")
        token = appliance.applications.issue(application).token
        account, foreign = make(plant, ACCOUNT, plant.key), make(plant)
        own = make(plant, ACCOUNT, token)
        assert own["application_id"] == application.id
        listed = plant.json(ACCOUNT, token=token)["data"]
        assert [one["id"] for one in listed] == [own["id"]]
        for other in (account, foreign):
            assert refused(plant.get(f"{ACCOUNT}/{other['id']}", token=token)) == (404, "WEBHOOK_NOT_FOUND")
        body = {**GOOD, "connection_id": plant.one.connection.id}
        answer = plant.send("POST", ACCOUNT, token=token, json=body)
        assert refused(answer) == (404, "CONNECTION_NOT_FOUND")
        appliance.outbox.announce("system.error", plant.one.connection.id, dict)
        assert appliance.webhooks.history.page(own["id"], 10) == [], (
            "it is not a connection of that application"
        )

    def test_a_key_for_one_connection_sees_and_makes_webhooks_of_that_one(self, plant: Plant) -> None:
        limited = plant.appliance.api_keys.create(
            "limited", Scope(connections=frozenset([plant.one.connection.id]))
        )
        mine, theirs = make(plant), make(plant, token=plant.other.token)
        account = make(plant, ACCOUNT, plant.key)
        assert [one["id"] for one in plant.json(ACCOUNT, token=limited)["data"]] == [mine["id"]]
        for other in (theirs, account):
            assert plant.get(f"{ACCOUNT}/{other['id']}", token=limited).status_code == 404
        assert plant.send("POST", ACCOUNT, token=limited, json=GOOD).status_code == 403
        make(plant, ACCOUNT, limited, connection_id=plant.one.connection.id)

    def test_a_token_that_may_only_read_manages_no_webhooks(self, plant: Plant) -> None:
        reader = plant.appliance.connections.tokens.issue(
            plant.one.connection.id, kind="issued", seconds=60, scope=Scope(verbs=frozenset(["read"]))
        )
        assert plant.get(OWN, token=reader).status_code == 403
        assert plant.send("POST", OWN, token=reader, json=GOOD).status_code == 403

    @pytest.mark.parametrize("token", ["", "tok_wrong"])
    def test_without_a_valid_token_nothing_is_told(self, plant: Plant, token: str) -> None:
        for path in (ACCOUNT, OWN, f"{OWN}/events"):
            assert plant.get(path, token=token).status_code == 401
        assert plant.get(ACCOUNT).status_code == 401


class TestHostileInput:
    @pytest.mark.parametrize(
        "changes",
        [
            {"url": "http://receiver.plant.example/hooks"},
            {"url": "ftp://receiver.plant.example/"},
            {"url": "//receiver.plant.example/"},
            {"url": "https://"},
            {"url": "https://user:password@receiver.plant.example/"},
            {"url": "https://receiver.plant.example/#part"},
            {"url": "https://receiver.plant.example/ a"},
            {"url": "https://receiver.plant.example/\r\nX-Evil: 1"},
            {"url": "https://rec\u00e9iver.plant.example/"},
            {"url": "https://receiver.plant.example/" + "x" * 1000},
            {"url": "https://receiver.plant.example:99999/"},
            {"url": "https://[::1/"},
            {"url": None},
            {"url": 7},
            {"events": []},
            {"events": "*"},
            {"events": ["work-orders"]},
            {"events": ["work-orders.stolen"]},
            {"events": ["*.*"]},
            {"events": ["assets.*"] * 101},
            {"events": [["*"]]},
            {"events": None},
            {"enabled": "yes"},
            {"disable_on_gone": 1},
            {"name": "x" * 61},
            {"name": "bell\u0007"},
            {"name": 7},
        ],
    )
    def test_what_cannot_be_taken_is_refused_and_nothing_is_made(
        self, plant: Plant, changes: dict[str, Any]
    ) -> None:
        for at, token in ((OWN, None), (ACCOUNT, plant.key)):
            answer = plant.send("POST", at, token=token, json={**GOOD, **changes})
            assert refused(answer) == (400, "WEBHOOK_INVALID"), answer.text
            assert answer.get_json()["error"]["details"]["fields"]
        assert plant.appliance.webhooks.table.all() == []

    def test_an_unknown_member_is_refused(self, plant: Plant) -> None:
        for member in ("secret", "connection_id", "application_id"):
            answer = plant.send("POST", OWN, json={**GOOD, member: plant.other.connection.id})
            assert refused(answer) == (400, "INVALID_REQUEST")

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"],
    )
    def test_the_own_machine_is_closed_to_a_connection_and_open_to_the_account(
        self, plant: Plant, host: str
    ) -> None:
        for scheme in ("http", "https"):
            body = {**GOOD, "url": f"{scheme}://{host}:9000/hooks"}
            assert refused(plant.send("POST", OWN, json=body)) == (400, "WEBHOOK_INVALID")
            make(plant, ACCOUNT, plant.key, url=body["url"])

    @pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "[fe80::1]"])
    def test_what_is_never_called_is_refused_at_once(self, plant: Plant, host: str) -> None:
        for at, token in ((OWN, None), (ACCOUNT, plant.key)):
            answer = plant.send("POST", at, token=token, json={**GOOD, "url": f"https://{host}/"})
            assert refused(answer) == (403, "EGRESS_REFUSED")

    def test_there_are_so_many_endpoints_of_an_owner_and_no_more(self, plant: Plant) -> None:
        for _ in range(MOST_OF_AN_OWNER):
            make(plant)
        assert refused(plant.send("POST", OWN, json=GOOD)) == (409, "WEBHOOK_LIMIT_REACHED")
        make(plant, token=plant.other.token)

    @pytest.mark.parametrize("hours", [-1, 169, 1.5, True, "24", None])
    def test_a_rotation_has_an_end(self, plant: Plant, hours: Any) -> None:
        made = make(plant)
        assert plant.send("POST", f"{OWN}/{made['id']}/rotate", json={"hours": hours}).status_code == 400

    @pytest.mark.parametrize(
        "query", ["state=lost", "per_page=0", "per_page=x", "cursor=evt_none", "cursor=' OR 1=1"]
    )
    def test_a_list_is_asked_for_as_it_says(self, plant: Plant, query: str) -> None:
        made = make(plant)
        assert plant.get(f"{OWN}/{made['id']}/deliveries?{query}").status_code in (400, 404)

    def test_a_closed_connection_gets_no_new_endpoint(self, plant: Plant) -> None:
        connection = connect_sandbox(plant.appliance, "Closed").connection
        plant.appliance.connections.disconnect(connection.id)
        body = {**GOOD, "connection_id": connection.id}
        assert plant.send("POST", ACCOUNT, token=plant.key, json=body).status_code == 409


class TestTheLog:
    def test_it_is_paged_newest_first_and_filtered(self, plant: Plant) -> None:
        made = make(plant, events=["*"])
        for name in ("system.error", "sync.failed") * 4:
            plant.appliance.outbox.announce(name, plant.one.connection.id, dict)
        path = f"{OWN}/{made['id']}/deliveries"
        seen: list[str] = []
        following = ""
        while following is not None:
            page = plant.json(f"{path}?per_page=3&cursor={following}")
            seen += [one["id"] for one in page["data"]]
            following = page["next_cursor"]
        assert len(seen) == len(set(seen)) == 8
        one_kind = plant.json(f"{path}?event=sync.failed&state=waiting")["data"]
        assert [one["id"] for one in one_kind] == seen[::2]
        assert plant.json(f"{path}?state=delivered")["data"] == []

    def test_what_a_receiver_said_is_told_to_the_account_alone(self, plant: Plant, receiver: Server) -> None:
        url = {"url": f"{receiver.url}/hooks", "events": ["*"]}
        owner = Owner(plant.one.connection.id)
        endpoint = plant.appliance.webhooks.create(url, owner, may_be_here=True).endpoint.id
        sent = {"event": "assets.updated"}
        own = plant.send("POST", f"{OWN}/{endpoint}/test", json=sent).get_json()["data"]
        assert own["log"][0]["status"] == 200 and own["log"][0]["answer"] is None
        account = plant.send("POST", f"{ACCOUNT}/{endpoint}/test", token=plant.key, json=sent)
        assert account.get_json()["data"]["log"][0]["answer"] == "a word of the receiver"
        assert plant.send("POST", f"{OWN}/{endpoint}/test", json={"event": "none"}).status_code == 400

    def test_replay_is_by_state_event_and_time(self, plant: Plant) -> None:
        made = make(plant, events=["*"])
        for name in ("system.error", "sync.failed", "sync.failed"):
            plant.appliance.outbox.announce(name, plant.one.connection.id, dict)
        at = f"{OWN}/{made['id']}"
        assert refused(plant.send("POST", f"{at}/replay", json={"state": "waiting"})) == (
            400,
            "INVALID_REQUEST",
        )
        assert plant.send("POST", f"{at}/replay", json={"since": "soon"}).status_code == 400
        plant.send("PUT", at, json={"enabled": False})
        assert refused(plant.send("POST", f"{at}/replay", json={})) == (409, "WEBHOOK_DISABLED")
        plant.send("PUT", at, json={"enabled": True})
        late = plant.send("POST", f"{at}/replay", json={"since": "2030-01-01"}).get_json()["data"]
        assert late == {"replayed": 0}
        some = plant.send("POST", f"{at}/replay", json={"event": "sync.failed", "until": "2030-01-01"})
        assert some.get_json()["data"] == {"replayed": 2}
        assert plant.send("POST", f"{at}/replay", json={}).get_json()["data"] == {"replayed": 1}


def test_the_catalogue_names_every_event_with_a_sentence(plant: Plant) -> None:
    listed = plant.json(f"{OWN}/events?per_page=500")["data"]
    names = {one["event"] for one in listed}
    assert {f"{path}.{kind}" for path in ("assets", "sites", "work-orders", "purchase-orders")
            for kind in ("inserted", "updated", "deleted")} <= names  # fmt: skip
    assert {"sync.completed", "sync.failed", "connection.status_changed", "system.error"} <= names
    assert all(one["about"].endswith(".") for one in listed)


def test_a_key_names_the_connection_whose_endpoints_it_means(plant: Plant) -> None:
    made = make(plant)
    named = {"X-Connection-Id": plant.one.connection.id}
    assert [one["id"] for one in plant.json(OWN, token=plant.key, headers=named)["data"]] == [made["id"]]
