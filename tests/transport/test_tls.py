"""Trust, and the words in which its absence is explained: through the client and through the staged probe."""

import hashlib
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError, SourceUnreachable
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused
from appliance.transport.http import Request
from appliance.transport.stages import Route, connect, handshake, resolve
from appliance.transport.trust import TlsOptions, Trust
from tests.support.clock import ManualClock
from tests.transport.authority import Authority
from tests.transport.servers import server_context, serving


def ok(it):
    it.reply()


def get(url):
    return Request("GET", url, safe=True)


@contextmanager
def https(pair, **more):
    with serving(ok, server_context(pair, **more)) as server:
        yield server


def pin_of(pair):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair[0].read_text())).hexdigest()


def probe(server, trust, options=None):
    return handshake(Route("127.0.0.1", server.port, Egress(), 2.0), trust.client(options))


def test_a_certificate_of_the_sites_own_authority_is_trusted(make_client, authority, trust):
    with https(authority.issue("127.0.0.1")) as server:
        client = make_client()
        assert [client.send(get(server.url)).status for _ in range(3)] == [200] * 3
        assert server.connections == 1
        facts = probe(server, trust)
    assert facts.version == "TLSv1.3" and facts.cipher
    assert facts.subject == "CN=127.0.0.1" and facts.issuer == "CN=Plant Root CA"
    assert facts.names == ("127.0.0.1",) and len(facts.sha256) == 64
    assert facts.chain == ("CN=127.0.0.1",)


CASES = {
    "expired": (
        lambda authority, other: authority.issue("127.0.0.1", lasts=timedelta(days=-2)),
        r"CN=127\.0\.0\.1 expired on \d{4}-\d\d-\d\d",
    ),
    "wrong name": (
        lambda authority, other: authority.issue("erp.plant.test", "10.0.0.9"),
        r"for erp\.plant\.test, 10\.0\.0\.9, not for 127\.0\.0\.1",
    ),
    "unknown issuer": (
        lambda authority, other: other.issue("127.0.0.1"),
        "issued by CN=Elsewhere CA, which is not trusted",
    ),
    "self-signed": (
        lambda authority, other: authority.issue("127.0.0.1", self_signed=True),
        "self-signed .* SHA-256 [0-9a-f]{64}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refused_certificate_is_explained(make_client, authority, trust, tmp_path, case):
    make, words = CASES[case]
    with https(make(authority, Authority(tmp_path, "Elsewhere CA"))) as server:
        with pytest.raises(CertificateRefused, match=words) as caught:
            make_client(ManualClock()).send(get(server.url))
        with pytest.raises(CertificateRefused, match=words):
            probe(server, trust)
        assert not server.requests
        assert server.connections == 4, "no attempt is repeated; each looks at the certificate once more"
    assert caught.value.details["stage"] == "tls" and caught.value.details["port"] == server.port


def test_a_source_may_be_asked_for_and_verified_under_another_name(make_client, authority):
    with https(authority.issue("erp.plant.test")) as server:
        client = make_client(tls=TlsOptions(server_name="erp.plant.test"))
        assert client.send(get(server.url)).status == 200


def test_a_pin_accepts_exactly_that_certificate(make_client, authority):
    pair = authority.issue("127.0.0.1", self_signed=True)
    pin = pin_of(pair)
    spelled = "SHA256:" + ":".join(pin[i : i + 2] for i in range(0, 64, 2)).upper()
    with https(pair) as server:
        assert make_client(tls=TlsOptions(pins=("0" * 64, spelled))).send(get(server.url)).status == 200
    with https(authority.issue("127.0.0.1")) as server:
        with pytest.raises(CertificateRefused, match="not pinned"):
            make_client(tls=TlsOptions(pins=(pin,))).send(get(server.url))
        assert not server.requests


def test_not_verifying_is_possible_and_logged(make_client, authority, caplog):
    with https(authority.issue("x.test", self_signed=True)) as server:
        assert make_client(tls=TlsOptions(verify=False)).send(get(server.url)).status == 200
    assert "not verified" in caplog.text


@pytest.mark.parametrize("form", ["files", "text"])
def test_a_client_certificate_is_presented(make_client, authority, form):
    certificate, key = authority.issue("appliance")
    if form == "files":
        options = TlsOptions(client_certificate=certificate, client_key=key)
    else:
        options = TlsOptions(client_pem=certificate.read_text() + key.read_text())
    with https(authority.issue("127.0.0.1"), clients=authority.ca_file) as server:
        assert make_client(tls=options).send(get(server.url)).status == 200
        with pytest.raises(SourceUnreachable, match="client certificate") as caught:
            make_client(ManualClock(auto=True)).send(get(server.url))
    assert caught.value.details["stage"] == "tls"
    assert "PRIVATE" not in repr(options)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_an_old_tls_version_needs_an_explicit_exception(make_client, authority, trust):
    context = server_context(authority.issue("127.0.0.1"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(ok, context) as server:
        with pytest.raises(SourceUnreachable, match="no TLS version in common") as caught:
            make_client(ManualClock(auto=True)).send(get(server.url))
        assert make_client(tls=TlsOptions(minimum="1.0")).send(get(server.url)).status == 200
        assert probe(server, trust, TlsOptions(minimum="1.1")).version == "TLSv1.1"
    assert caught.value.details["stage"] == "tls"


def test_https_to_a_plain_port_says_so(make_client):
    with serving(ok) as server, pytest.raises(SourceUnreachable, match="does not speak TLS"):
        make_client(ManualClock(auto=True)).send(get(server.url.replace("http:", "https:")))


def test_a_server_that_never_answers_the_handshake_is_given_up(make_client):
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(SourceUnreachable) as caught:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        make_client(connect_timeout=0.2).send(Request("GET", url))
    assert caught.value.details["stage"] == "tls" and "handshake" in caught.value.message


def test_the_stages_can_be_taken_one_by_one(authority):
    assert resolve("127.0.0.1") == ["127.0.0.1"]
    with serving(ok) as server:
        connect("127.0.0.1", server.port, 1.0).close()
    with pytest.raises(SourceUnreachable) as caught:
        connect("127.0.0.1", server.port, 1.0)
    assert caught.value.details["stage"] == "connect"
    with pytest.raises(SourceUnreachable) as caught:
        resolve("a..b")
    assert caught.value.details["stage"] == "resolve"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), ("", "no PEM"), ("-----BEGIN CERTIFICATE-----\nxx\n", "no PEM")],
    ids=["missing", "empty", "damaged"],
)
def test_an_unusable_authority_file_is_named(tmp_path: Path, content, words):
    path = tmp_path / "site.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        Trust([path], system_bundles=()).client()
    assert str(path) in caught.value.message


def test_a_folder_of_authorities_is_read_and_noticed_when_it_changes(tmp_path, authority, make_client):
    folder = tmp_path / "ca.d"
    folder.mkdir()
    trust = Trust([folder], system_bundles=())
    with https(authority.issue("127.0.0.1")) as server:
        with pytest.raises(CertificateRefused):
            probe(server, trust)
        (folder / "plant.crt").write_bytes(authority.ca_file.read_bytes())
        assert probe(server, trust).subject == "CN=127.0.0.1"
    assert trust.client().context is trust.client().context


def test_a_key_that_does_not_belong_to_the_certificate_is_refused(authority, trust):
    (certificate, _), (_, key) = authority.issue("a"), authority.issue("b")
    with pytest.raises(ConfigurationError, match="does not belong"):
        trust.client(TlsOptions(client_certificate=certificate, client_key=key))
    with pytest.raises(ConfigurationError, match="PEM"):
        trust.client(TlsOptions(client_pem="nonsense"))
    with pytest.raises(ConfigurationError, match="64 hexadecimal"):
        trust.client(TlsOptions(pins=("abc",)))
    with pytest.raises(ConfigurationError, match=r"1\.2"):
        trust.client(TlsOptions(minimum="2.0"))


def test_the_system_bundle_is_found_where_the_distribution_keeps_it(tmp_path, authority):
    trust = Trust(system_bundles=(tmp_path / "missing.crt", authority.ca_file))
    assert [entry["subject"] for entry in trust.client().context.get_ca_certs()] == [
        ((("commonName", "Plant Root CA"),),)
    ]


def test_no_descriptor_is_left_open_after_failures(make_client, authority, tmp_path):
    with https(Authority(tmp_path, "Elsewhere CA").issue("127.0.0.1")) as server:
        client = make_client()
        before = None
        for _ in range(5):
            with pytest.raises(CertificateRefused):
                client.send(get(server.url))
            settled()
            before = before or open_descriptors()
        assert open_descriptors() <= before


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def settled():
    """Wait until the threads that serve connections are done."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(1)
