"""A refresh token that the source replaces survives: in the vault, before it is used, whatever happens then."""

import json
from urllib.parse import parse_qs

import pytest
import yaml

from appliance.app import Appliance
from appliance.connections.errors import ConnectionClosed, ProbeFailed
from appliance.settings import load_settings
from appliance.transport.http import Request
from tests.support.clock import ManualClock
from tests.transport.servers import serving

CONNECTOR = {
    "system": "rotating",
    "name": "Rotating",
    "summary": "Gives out each refresh token for one use.",
    "categories": ["erp"],
    "tier": 1,
    "hosting": "cloud",
    "evidence": "facts",
    "form": [
        {"name": "url", "label": "Address", "type": "url"},
        {"name": "company", "label": "Company", "default": "main"},
        {"name": "refresh_token", "label": "Refresh token", "secret": True},
    ],
    "http": {"base_url": "${url}", "headers": {"Company": "${company}"}},
    "auth": {
        "scheme": "oauth2", "token_url": "/token", "grant": "refresh_token", "client_id": "app", "client_secret": "",
    },
    "probe": {"request": {"path": "/me"}},
    "entities": {
        "Vendor": {
            "read": {"protocol": "http", "request": {"path": "/vendors"}},
            "key": ["id"], "map": {"name": "name"}, "incremental": "compare",
        },
    },
}  # fmt: skip


class Rotating:
    """Each refresh token is good once; a company `wrong` may read nothing."""

    def __init__(self):
        self.refresh, self.access, self.count = "r0", None, 0

    def __call__(self, it):
        if it.path == "/token":
            given = parse_qs(it.body.decode())["refresh_token"][0]
            if given != self.refresh:
                it.reply(400, b'{"error": "invalid_grant"}')
                return
            self.count += 1
            self.refresh, self.access = f"r{self.count}", f"a{self.count}"
            answer = {"access_token": self.access, "refresh_token": self.refresh, "expires_in": 3600}
            it.reply(200, json.dumps(answer).encode())
        elif it.headers["Authorization"] != f"Bearer {self.access}":
            it.reply(401)
        elif it.headers["Company"] == "wrong":
            it.reply(403)
        else:
            it.reply(200, b"[]")


@pytest.fixture
def appliance(tmp_path):
    folder = tmp_path / "connectors" / "rotating"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(yaml.safe_dump(CONNECTOR))
    flags = {"data_dir": str(tmp_path / "data"), "connectors_dir": str(tmp_path / "connectors")}
    opened = Appliance.open(load_settings(flags, {}), ManualClock())
    yield opened
    opened.close()


@pytest.fixture
def source():
    with serving(Rotating()) as server:
        yield server


@pytest.fixture
def connection(appliance, source):
    fields = {"url": source.url, "refresh_token": "r0"}
    return appliance.connections.connect(system="rotating", name="One", fields=fields).connection


def kept(appliance, connection):
    return appliance.secrets.get(connection.id).get("refresh_token")


def test_the_token_that_came_with_the_connection_test_is_the_one_sealed(appliance, source, connection):
    assert source.answer.refresh == "r1" == kept(appliance, connection)


def test_every_use_of_the_connection_leaves_the_last_token_behind(appliance, source, connection):
    assert appliance.connections.test(connection.id).failure is None
    connector = appliance.open_connector(connection)
    connector.source.send(Request("GET", f"{source.url}/vendors"))
    connector.close()
    assert source.answer.refresh == "r3" == kept(appliance, connection)


def test_a_run_goes_on_after_a_test_from_elsewhere_replaced_its_token(appliance, source, connection):
    running = appliance.open_connector(connection)
    appliance.connections.test(connection.id)
    assert running.source.send(Request("GET", f"{source.url}/vendors")).status == 200
    appliance.connections.test(connection.id)
    assert running.source.send(Request("GET", f"{source.url}/vendors")).status == 200
    running.close()
    assert source.answer.refresh == kept(appliance, connection)


def test_a_refused_change_of_the_form_does_not_lose_the_token_it_used_up(appliance, source, connection):
    with pytest.raises(ProbeFailed):
        appliance.connections.reauthorize(connection.id, {"company": "wrong"})
    assert source.answer.refresh == "r2" == kept(appliance, connection)
    assert appliance.connections.test(connection.id).failure is None


def test_a_token_that_was_tried_and_refused_does_not_replace_the_kept_one(appliance, source, connection):
    with pytest.raises(ProbeFailed):
        appliance.connections.reauthorize(connection.id, {"refresh_token": "nonsense"})
    assert kept(appliance, connection) == "r1"


def test_a_disconnected_connection_gets_no_secret_again(appliance, source, connection):
    running = appliance.open_connector(connection)
    appliance.connections.disconnect(connection.id)
    with pytest.raises(ConnectionClosed):
        running.source.send(Request("GET", f"{source.url}/vendors"))
    running.close()
    assert appliance.secrets.get(connection.id) == {}
