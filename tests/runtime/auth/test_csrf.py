"""Tokens against cross-site requests, as SAP systems ask for them."""

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected
from appliance.runtime.protocols.odata.pages import ODataPages
from appliance.runtime.select import decode
from appliance.transport.http import Request
from tests.runtime.auth.asking import at_once, get, post
from tests.runtime.opened import reading
from tests.simulators.odata4 import Orders4
from tests.transport.servers import serving

AUTH = {"scheme": "csrf", "inner": {"scheme": "basic"}}
FIELDS = {"username": "ann", "password": "p"}


class Gateway:
    """Gives a token and a session cookie together, and believes them only together."""

    def __init__(self):
        self.fetches = []
        self.writes = []
        self.token = None
        self.forbidden = False

    def __call__(self, it):
        token = it.headers["X-CSRF-Token"]
        if not it.headers["Authorization"]:
            it.reply(401)
        elif token == "Fetch":
            self.fetches.append((it.command, it.path))
            self.token = f"t{len(self.fetches)}"
            it.reply(200, b"{}", X_CSRF_Token=self.token, Set_Cookie=f"SESSION={self.token}; Path=/")
        elif it.command == "GET":
            it.reply()
        elif self.forbidden:
            it.reply(403, b'{"error": {"message": "no rights"}}')
        elif token is None or token != self.token or it.headers["Cookie"] != f"SESSION={token}":
            it.reply(403, b"CSRF token validation failed", X_CSRF_Token="Required")
        else:
            self.writes.append((it.command, it.path))
            it.reply(201)


def test_reads_need_no_token_and_many_writes_need_one(open_source):
    gateway = Gateway()
    with serving(gateway) as server:
        source = open_source(server.url, AUTH, FIELDS)
        get(source, "/srv/Orders")
        assert gateway.fetches == []
        for method in ("POST", "PATCH", "DELETE"):
            source.send(Request(method, f"{server.url}/srv/Orders", body=b"{}"))
    # The folder of the request is the service document, with its slash.
    assert gateway.fetches == [("HEAD", "/srv/")] and len(gateway.writes) == 3


def test_each_service_has_a_token_of_its_own(open_source):
    tokens, fetches = {}, []

    def answer(it):
        folder = it.path.partition("Orders")[0]
        if it.headers["X-CSRF-Token"] == "Fetch":
            fetches.append(it.path)
            tokens[it.path] = f"t{len(tokens)}"
            it.reply(200, b"{}", X_CSRF_Token=tokens[it.path])
        elif it.headers["X-CSRF-Token"] != tokens.get(folder):
            it.reply(403, b"CSRF token validation failed", X_CSRF_Token="Required")
        else:
            it.reply(201)

    with serving(answer) as server:
        source = open_source(server.url, AUTH, FIELDS)
        for path in ("/a/Orders", "/b/Orders", "/a/Orders('1')", "/b/Orders(N='1',L='a%2Fb')/to_Lines"):
            post(source, path)
    # What an entity leads to is asked for at its service, not at the entity.
    assert fetches == ["/a/", "/b/"]


@pytest.mark.parametrize(
    "path",
    [
        "/srv;v=0002/$batch",
        "/srv;v=0002/Orders",
        "/srv;v=0002/Orders('45')",
        "/srv;v=0002/Orders('45')/to_Item",
        "/srv;v=0002/Orders(A='1',B='2')/to_Item(C='3')/to_Text",
    ],
)
def test_the_token_is_asked_for_at_the_document_of_the_service(open_source, path):
    gateway = Gateway()
    with serving(gateway) as server:
        assert post(open_source(server.url, AUTH, FIELDS), path).status == 201
    assert gateway.fetches == [("HEAD", "/srv;v=0002/")]


def test_a_batch_of_reads_carries_the_token_and_a_lost_one_is_fetched_once_more():
    gateway, orders = Gateway(), Orders4()

    def serve(it):
        if it.command != "POST":
            return gateway(it) if it.headers["X-CSRF-Token"] else orders._serve(it)
        if it.headers["X-CSRF-Token"] != gateway.token or it.headers["Cookie"] != f"SESSION={gateway.token}":
            return it.reply(403, b"CSRF token validation failed", X_CSRF_Token="Required")
        return orders._serve(it)

    read = {"protocol": "odata4", "service": "odata4/orders", "set": "Orders"}
    with serving(serve) as server:
        connector = reading(server.url, read, auth=AUTH, fields=FIELDS)
        pages = connector.pages("Vendor")
        assert isinstance(pages, ODataPages)
        for _ in range(2):
            rows = pages.service.read_keys("Orders", [{"Number": "0002"}, {"Number": "0009"}])
            assert [row and decode(row)["Number"] for row in rows] == ["0002", None]
            gateway.token = "of another session"
        connector.close()
    assert gateway.fetches == [("HEAD", "/odata4/orders/")] * 2


def test_the_request_for_the_token_can_be_named(open_source):
    gateway = Gateway()
    with serving(gateway) as server:
        http = {"query": {"sap-client": "100"}}
        source = open_source(server.url, {**AUTH, "path": "/srv/ping", "method": "GET"}, FIELDS, http=http)
        post(source, "/deep/down/Orders")
    assert gateway.fetches == [("GET", "/srv/ping?sap-client=100")]


def test_a_lost_token_is_fetched_again_and_the_write_repeated_once(open_source):
    gateway = Gateway()
    with serving(gateway) as server:
        source = open_source(server.url, AUTH, FIELDS)
        post(source)
        gateway.token = "gone"
        assert post(source).status == 201
    assert len(gateway.fetches) == 2 and len(gateway.writes) == 2


def test_any_other_refusal_is_a_lack_of_rights(open_source):
    gateway = Gateway()
    gateway.forbidden = True
    with serving(gateway) as server, pytest.raises(SourceAccessDenied, match="no rights"):
        post(open_source(server.url, AUTH, FIELDS))
    assert len(gateway.fetches) == 1


def test_a_source_that_always_wants_another_token_is_not_asked_for_ever(open_source):
    def answer(it):
        if it.headers["X-CSRF-Token"] == "Fetch":
            it.reply(200, X_CSRF_Token="t")
        else:
            it.reply(403, X_CSRF_Token="Required")

    with serving(answer) as server, pytest.raises(SourceAccessDenied):
        post(open_source(server.url, AUTH, FIELDS))
    assert len(server.requests) == 4


def test_a_refused_request_for_the_token_tells_why(open_source):
    with serving(lambda it: it.reply(401)) as server, pytest.raises(SourceCredentialsRejected):
        post(open_source(server.url, AUTH, FIELDS))
    assert len(server.requests) == 1


def test_a_source_that_gives_no_token_gets_none(open_source):
    with serving(lambda it: it.reply()) as server:
        source = open_source(server.url, AUTH, FIELDS)
        assert post(source).status == post(source).status == 200
    assert [head.get("X-CSRF-Token") for _, _, head, _ in server.requests] == ["Fetch", None, None]


def test_threads_share_one_fetch(open_source):
    gateway = Gateway()
    with serving(gateway) as server:
        source = open_source(server.url, AUTH, FIELDS)
        assert [answer.status for answer in at_once(4, lambda: post(source))] == [201] * 4
    assert len(gateway.fetches) == 1
