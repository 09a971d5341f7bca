import logging
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.server import tls
from appliance.server.tls import CertificateUnusable, ensure_certificate, server_context

# The handshakes check validity by the real time.
START = datetime.now(UTC)


class StoppedClock:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def now_ms(self) -> int:
        return round(self.moment.timestamp() * 1000)

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.moment += timedelta(seconds=seconds)
        return event.is_set()


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(tls.socket, "gethostname", lambda: "Edge-7")
    monkeypatch.setattr(tls.socket, "getfqdn", lambda name="": "edge-7.plant.example")


@pytest.fixture
def clock():
    return StoppedClock()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "tls"


def loaded(files):
    return x509.load_pem_x509_certificate(files.cert.read_bytes())


def names_of(files):
    value = loaded(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in value}


def handshake(context, client, name="localhost"):
    """The protocol and suite that client and server agree on over a real socket, and the certificate seen."""
    ours, theirs = socket.socketpair()
    failures = []

    def serve():
        try:
            with context.wrap_socket(ours, server_side=True) as connection:
                connection.recv(1)
        except (ssl.SSLError, OSError) as failure:
            failures.append(failure)
        finally:
            ours.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as connection:
            seen = connection.version(), connection.cipher()[0], connection.getpeercert(binary_form=True)
            connection.send(b"x")
            return seen
    finally:
        theirs.close()
        server.join(5)


def trusting(files):
    return ssl.create_default_context(cafile=str(files.cert))


def test_the_certificate_stands_for_loopback_the_host_and_the_given_names(directory, clock):
    files = ensure_certificate(
        directory, ["erp-gate.plant.example", "10.20.0.7", "fd00::7", "münchen.example"], clock
    )
    assert names_of(files) == {
        "localhost", "127.0.0.1", "::1", "edge-7", "edge-7.plant.example",
        "erp-gate.plant.example", "10.20.0.7", "fd00::7", "xn--mnchen-3ya.example",
    }  # fmt: skip


def test_the_certificate_is_p256_lives_825_days_at_most_and_is_for_servers_only(directory, clock):
    files = ensure_certificate(directory, [], clock)
    cert = loaded(files)
    assert isinstance(cert.public_key().curve, ec.SECP256R1)
    assert timedelta(days=700) < cert.not_valid_after_utc - cert.not_valid_before_utc < timedelta(days=825)
    assert files.not_after == cert.not_valid_after_utc
    assert files.fingerprint_sha256.replace(":", "").lower() == cert.fingerprint(hashes.SHA256()).hex()
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_only_the_owner_may_read_the_key_and_nothing_else_is_left(directory, clock):
    files = ensure_certificate(directory, [], clock)
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in directory.iterdir()) == ["self-signed.crt", "self-signed.key"]


def test_a_good_certificate_is_kept(directory, clock):
    files = ensure_certificate(directory, ["a.example"], clock)
    written = files.cert.stat().st_mtime_ns
    clock.moment = files.not_after - timedelta(days=30, seconds=1)
    assert ensure_certificate(directory, ["A.example."], clock) == files
    assert files.cert.stat().st_mtime_ns == written


def test_less_than_thirty_days_before_its_end_it_is_renewed(directory, clock):
    files = ensure_certificate(directory, [], clock)
    clock.moment = files.not_after - timedelta(days=30) + timedelta(seconds=1)
    renewed = ensure_certificate(directory, [], clock)
    assert renewed.fingerprint_sha256 != files.fingerprint_sha256
    assert renewed.not_after > files.not_after + timedelta(days=700)


def test_a_new_name_renews_it_and_a_name_that_the_resolver_forgot_does_not(directory, clock, monkeypatch):
    files = ensure_certificate(directory, [], clock)
    renewed = ensure_certificate(directory, ["b.example"], clock)
    assert "b.example" in names_of(renewed)
    assert renewed.fingerprint_sha256 != files.fingerprint_sha256
    monkeypatch.setattr(tls.socket, "getfqdn", lambda name="": "Edge-7")
    assert ensure_certificate(directory, ["b.example"], clock) == renewed


@pytest.mark.parametrize(
    "damage", ["key lost", "certificate lost", "key of another", "cut", "no certificate"]
)
def test_a_damaged_pair_is_made_anew(directory, tmp_path, clock, damage):
    files = ensure_certificate(directory, [], clock)
    if damage == "key lost":
        files.key.unlink()
    elif damage == "certificate lost":
        files.cert.unlink()
    elif damage == "key of another":
        other = ensure_certificate(tmp_path / "other", [], clock)
        files.key.write_bytes(other.key.read_bytes())
    elif damage == "cut":
        files.cert.write_bytes(files.cert.read_bytes()[:200])
    else:
        files.cert.write_text("hello")
    again = ensure_certificate(directory, [], clock)
    assert again.fingerprint_sha256 != files.fingerprint_sha256
    server_context(again.cert, again.key)


def test_a_resolver_that_does_not_answer_does_not_hold_up_the_start(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(tls, "RESOLVER_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(tls.socket, "getfqdn", lambda name="": str(released.wait(10)))
    assert tls.host_names() == ["Edge-7"]
    released.set()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "edge-7.plant.example", "EDGE-7"])
def test_a_client_that_trusts_the_certificate_connects_by_every_name(directory, clock, name):
    files = ensure_certificate(directory, [], clock)
    version, _, seen = handshake(server_context(files.cert, files.key), trusting(files), name)
    assert version == "TLSv1.3"
    assert hashes_of(seen) == files.fingerprint_sha256


def hashes_of(der):
    return x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256()).hex(":").upper()


def test_tls_12_is_spoken_with_authenticated_ecdhe_suites_only(directory, clock):
    files = ensure_certificate(directory, [], clock)
    context = server_context(files.cert, files.key)
    client = trusting(files)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    version, cipher, _ = handshake(context, client)
    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE-ECDSA-AES")
    assert "GCM" in cipher
    client.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-CHACHA20-POLY1305")
    with pytest.raises(ssl.SSLError):
        handshake(context, client)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_11_is_refused(directory, clock):
    files = ensure_certificate(directory, [], clock)
    client = trusting(files)
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        handshake(server_context(files.cert, files.key), client)


def test_the_context_is_the_same_until_the_files_change(directory, clock):
    files = ensure_certificate(directory, [], clock)
    context = server_context(files.cert, files.key)
    assert server_context(files.cert, files.key) is context
    renewed = ensure_certificate(directory, ["c.example"], clock)
    after = server_context(renewed.cert, renewed.key)
    assert after is not context
    assert hashes_of(handshake(after, trusting(renewed))[2]) == renewed.fingerprint_sha256
    assert server_context(renewed.cert, renewed.key) is after


def test_in_the_middle_of_a_replacement_the_former_context_stays(directory, tmp_path, clock, caplog):
    files = ensure_certificate(directory, [], clock)
    context = server_context(files.cert, files.key)
    other = ensure_certificate(tmp_path / "other", [], clock)
    files.key.write_bytes(other.key.read_bytes())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert server_context(files.cert, files.key) is context
    assert len(caplog.records) == 1
    assert "PRIVATE KEY" not in caplog.text
    files.cert.write_bytes(b"")
    assert server_context(files.cert, files.key) is context
    files.cert.unlink()
    assert server_context(files.cert, files.key) is context
    files.cert.write_bytes(other.cert.read_bytes())
    after = server_context(files.cert, files.key)
    assert after is not context
    assert hashes_of(handshake(after, trusting(other))[2]) == other.fingerprint_sha256


def test_a_first_pair_that_does_not_load_is_an_error_that_names_both_files(directory, clock):
    files = ensure_certificate(directory, [], clock)
    files.key.write_text("not a key")
    with pytest.raises(CertificateUnusable, match=r"self-signed\.crt with key .*self-signed\.key"):
        server_context(files.cert, files.key)
    files.key.unlink()
    with pytest.raises(CertificateUnusable):
        server_context(files.cert, files.key)


def test_a_key_with_a_password_is_refused_instead_of_waiting_for_somebody_to_type_it(directory, clock):
    files = ensure_certificate(directory, [], clock)
    private = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    with pytest.raises(CertificateUnusable):
        server_context(files.cert, files.key)
