"""`appliance webhook`, really run, without a service."""

from standardwebhooks.webhooks import Webhook

from tests.cli.conftest import Call
from tests.transport.servers import serving


def test_an_endpoint_from_create_to_delete(call: Call, quick: None) -> None:
    with serving(lambda exchange: exchange.reply(200)) as receiver:
        url = f"{receiver.url}/hooks"
        made = call("webhook", "create", url, "--event", "assets.*", "--name", "Portal", "--json").json
        (listed,) = call("webhook", "list", "--json").json
        assert (listed["id"], listed["events"], listed["name"]) == (made["id"], ["assets.*"], "Portal")
        assert "secret" not in listed
        assert made["id"] in call("webhook", "list").out

        tested = call("webhook", "test", made["id"], "--event", "assets.updated", "--json")
        assert (tested.status, tested.json["state"]) == (0, "delivered")
        _, _, headers, body = receiver.requests[0]
        assert Webhook(made["secret"]).verify(body, headers)["event"] == "assets.updated"
        rotated = call("webhook", "rotate", made["id"], "--hours", "0", "--json").json
        assert rotated["secret"] != made["secret"]

        receiver.answer = lambda exchange: exchange.reply(500)
        failed = call("webhook", "test", made["id"])
        assert failed.status == 1 and "The receiver answered 500." in failed.out
        rows = call("webhook", "deliveries", made["id"], "--json").json
        assert [row["state"] for row in rows] == ["undelivered", "delivered"]
        one = call("webhook", "deliveries", made["id"], rows[0]["id"], "--json").json
        assert one["log"][0]["status"] == 500
        assert "500" in call("webhook", "deliveries", made["id"], "--state", "undelivered").out

        assert call("webhook", "replay", made["id"], "--json").json == {"replayed": 0}
        assert call("webhook", "replay", made["id"], "--since", "soon").status == 1
        assert call("webhook", "delete", made["id"]).status == 0
        assert call("webhook", "list", "--json").json == []


def test_what_cannot_be_taken_says_why(call: Call, quick: None) -> None:
    refused = call("webhook", "create", "http://receiver.plant.example/", "--event", "*")
    assert (refused.status, refused.err.split(":")[0]) == (1, "WEBHOOK_INVALID")
    unknown = call("webhook", "rotate", "whk_none")
    assert (unknown.status, unknown.err.split(":")[0]) == (1, "WEBHOOK_NOT_FOUND")
    missing = call(
        "webhook", "create", "https://receiver.plant.example/", "--event", "*", "--connection", "None"
    )
    assert (missing.status, missing.err.split(":")[0]) == (1, "CONNECTION_NOT_FOUND")
