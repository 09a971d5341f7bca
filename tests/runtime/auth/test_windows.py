"""NTLM and Negotiate against a server that believes a connection, not a request."""

import base64
import threading

import pytest
import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings

from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected
from tests.runtime.auth.asking import at_once, get, post
from tests.transport.servers import server_context, serving

FIELDS = {"username": "PLANT\\ann", "password": "right"}


@pytest.fixture(autouse=True)
def accounts(tmp_path, monkeypatch):
    """The user data base of the server's side of pyspnego."""
    file = tmp_path / "users"
    file.write_text("PLANT:ann:right\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))


class WindowsServer:
    """Like IIS: a handshake belongs to its connection, and so does what it proved."""

    def __init__(self, scheme="NTLM", bindings=None, close_midway=False):
        self.scheme, self.bindings, self.close_midway = scheme, bindings, close_midway
        self.handshakes = {}
        self.signed_in = set()
        self.failures = 0
        self.together = threading.Barrier(1)

    def __call__(self, it):
        connection = it.client_address
        given = it.headers["Authorization"] or ""
        if given.startswith(self.scheme + " "):
            self.step(it, connection, base64.b64decode(given.split()[1]))
        elif connection in self.signed_in:
            it.reply(200, it.body or b"ok")
        else:
            it.reply(401, b"who?", WWW_Authenticate=f"Basic realm=x, {self.scheme}")

    def step(self, it, connection, token):
        context = self.handshakes.get(connection)
        if context is None:
            protocol = "ntlm" if self.scheme == "NTLM" else "negotiate"
            options = (
                spnego.NegotiateOptions.use_ntlm
                if protocol == "ntlm"
                else spnego.NegotiateOptions.use_negotiate
            )
            context = spnego.server(protocol=protocol, options=options, channel_bindings=self.bindings)
            self.handshakes[connection] = context
        self.together.wait(5)
        try:
            answer = context.step(token)
        except spnego.exceptions.SpnegoError:
            self.failures += 1
            del self.handshakes[connection]
            it.reply(401, b"no", WWW_Authenticate=self.scheme)
            return
        offered = f"{self.scheme} {base64.b64encode(answer).decode()}" if answer else self.scheme
        if context.complete:
            del self.handshakes[connection]
            self.signed_in.add(connection)
            it.reply(200, it.body or b"ok", WWW_Authenticate=offered)
        elif self.close_midway:
            it.reply(401, b"go on", WWW_Authenticate=offered, Connection="close")
        else:
            it.reply(401, b"go on", WWW_Authenticate=offered)


def windows(**changes):
    return {"scheme": "windows", **changes}


def ntlm_server(**changes):
    return WindowsServer("NTLM", **changes)


@pytest.mark.parametrize(
    ("scheme", "protocol"), [("NTLM", "ntlm"), ("NTLM", "negotiate"), ("Negotiate", "negotiate")]
)
def test_one_handshake_serves_all_requests_of_a_connection(open_source, scheme, protocol):
    windows_server = WindowsServer(scheme)
    with serving(windows_server) as server:
        source = open_source(server.url, windows(protocol=protocol), FIELDS)
        assert post(source, body=b"written").body == b"written"
        assert [get(source).status for _ in range(3)] == [200] * 3
    assert server.connections == 1 and len(server.requests) in (3 + 3, 4 + 3)


def test_a_handshake_keeps_its_connection_while_others_are_busy(open_source):
    windows_server = ntlm_server()
    with serving(windows_server) as server:
        source = open_source(
            server.url, windows(protocol="ntlm"), FIELDS, http={"budget": {"concurrency": 6}}
        )
        assert [answer.status for answer in at_once(5, lambda: get(source))] == [200] * 5
        # All sign in again at the same moment, each round trip of each at the same time as that of the others.
        windows_server.together = threading.Barrier(5)
        for _ in range(3):
            windows_server.signed_in.clear()
            assert [answer.status for answer in at_once(5, lambda: get(source))] == [200] * 5
    assert windows_server.failures == 0 and server.connections <= 5


def test_a_connection_the_source_closed_signs_in_again(open_source):
    windows_server = ntlm_server()
    with serving(windows_server) as server:
        source = open_source(server.url, windows(protocol="ntlm"), FIELDS)
        get(source)
        assert source.client is not None
        source.client.close()
        assert get(source).status == 200
    assert server.connections == 2


def test_a_wrong_password_is_tried_once_even_by_many_threads(open_source):
    windows_server = ntlm_server()
    with serving(windows_server) as server:
        source = open_source(server.url, windows(protocol="ntlm"), {**FIELDS, "password": "wrong"})
        found = at_once(4, lambda: get(source))
    assert [type(failure) for failure in found] == [SourceCredentialsRejected] * 4
    assert windows_server.failures == 1


def test_what_is_offered_instead_is_said(open_source):
    offer = serving(lambda it: it.reply(401, WWW_Authenticate="Basic realm=erp"))
    with offer as server, pytest.raises(SourceAnswerInvalid, match="Basic realm"):
        get(open_source(server.url, windows(), FIELDS))


def test_a_proxy_that_closes_the_connection_midway_is_recognized(open_source):
    closing = serving(ntlm_server(close_midway=True))
    with closing as server, pytest.raises(SourceAnswerInvalid, match="keep connections open"):
        get(open_source(server.url, windows(protocol="ntlm"), FIELDS))


@pytest.mark.parametrize("right", [True, False])
def test_over_tls_the_sign_in_is_bound_to_the_certificate(open_source, outbound, authority, right):
    pair = authority.issue("127.0.0.1")
    other = authority.issue("127.0.0.1")
    leaf = x509.load_pem_x509_certificate((pair if right else other)[0].read_bytes())
    bindings = GssChannelBindings(
        application_data=b"tls-server-end-point:" + leaf.fingerprint(hashes.SHA256())
    )
    windows_server = ntlm_server(bindings=bindings)
    with serving(windows_server, server_context(pair)) as server:
        fields = {**FIELDS, "tls_ca": authority.ca_file.read_text()}
        source = open_source(server.url, windows(protocol="ntlm"), fields, http={"tls": ["ca"]})
        if right:
            assert get(source).status == 200
        else:
            with pytest.raises(SourceCredentialsRejected):
                get(source)
