"""TLS of our own endpoint: a self-signed certificate, kept fresh, and a context that follows its files."""

import functools
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.store.ownership import own_like
from appliance.vault.files import replace_file

CERTIFICATE_NAME = "self-signed.crt"
KEY_NAME = "self-signed.key"
# Clients by Apple refuse more than 825 days, counted inclusively.
LIFETIME = timedelta(days=824)
RENEW_BEFORE = timedelta(days=30)
# A client whose clock is somewhat behind accepts a new certificate at once.
CLOCK_SKEW = timedelta(days=1)
RESOLVER_PATIENCE_SECONDS = 2.0
# TLS 1.2: authenticated encryption with forward secrecy. No ChaCha20, which FIPS 140 does not approve.
TLS12_CIPHERS = "ECDHE+AESGCM"

log = logging.getLogger(__name__)


class CertificateUnusable(ConfigurationError):
    code = "CERTIFICATE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """`fingerprint_sha256` is written as browsers show it (`3F:0A:…`), `not_after` is an aware UTC time."""

    cert: Path
    key: Path
    fingerprint_sha256: str
    not_after: datetime


def ensure_certificate(directory: Path, names: Sequence[str], clock: Clock) -> CertificateFiles:
    """The self-signed certificate of this machine, made or renewed when it has to be.

    It stands for localhost, the loopback addresses, the names of this host, and `names` (DNS names and IP
    addresses). It is renewed when less than 30 days are left, when one of these names is missing in it, or
    when the pair is damaged. A name that is no longer wanted is no reason: a resolver that is down would
    otherwise change the fingerprint that people have noted. The key is readable by its owner only.
    """
    cert, key = directory / CERTIFICATE_NAME, directory / KEY_NAME
    wanted = _general_names(["localhost", "127.0.0.1", "::1", *host_names(), *names])
    found = _read_pair(cert, key)
    now = clock.now()
    if found is None or not _is_good(found, wanted, now):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        own_like(directory, directory.parent)
        found, key_pem = _make(wanted, now)
        # Between the two renames the pair does not match: a server keeps its context, a start makes anew.
        replace_file(key, key_pem)
        replace_file(cert, found.public_bytes(serialization.Encoding.PEM), 0o644)
    return CertificateFiles(
        cert, key, found.fingerprint(hashes.SHA256()).hex(":").upper(), found.not_valid_after_utc
    )


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """The context for a certificate chain and its key (PEM): one for all, made anew when a file changes.

    TLS 1.2 at least. While the new files do not load, as in the middle of a replacement, the former context
    stays. Raises CertificateUnusable when there is no former one. Costs two `stat` a call.
    """
    return _watched(cert, key).current()


def host_names() -> list[str]:
    """The name of this host, and its full name if the resolver knows it soon enough."""
    name = socket.gethostname()
    found: list[str] = []
    # Without a network, a resolver may take half a minute to give up.
    asking = threading.Thread(target=lambda: found.append(socket.getfqdn(name)), daemon=True)
    asking.start()
    asking.join(RESOLVER_PATIENCE_SECONDS)
    return [name, *found]


class _WatchedPair:
    def __init__(self, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._loaded: object = None
        self._complained: object = None

    def current(self) -> ssl.SSLContext:
        # Taken before loading: a change during loading is then seen at the next call.
        stamp = self._stamp()
        with self._lock:
            if self._context is not None and stamp == self._loaded:
                return self._context
            try:
                self._context = _load(*self._files)
                self._loaded = stamp
            except OSError as failure:
                cert, key = self._files
                problem = f"The certificate {cert} with key {key} does not load: {failure}."
                if self._context is None:
                    raise CertificateUnusable(
                        f"{problem} Check that both are PEM and belong together."
                    ) from failure
                if stamp != self._complained:
                    self._complained = stamp
                    log.warning("%s The former one stays in use.", problem)
            return self._context

    def _stamp(self) -> object:
        return tuple(_stamp(file) for file in self._files)


@functools.cache
def _watched(cert: Path, key: Path) -> _WatchedPair:
    return _WatchedPair(cert, key)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _load(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(TLS12_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # Without one, OpenSSL would wait for somebody to type the password of a key that has one.
    context.load_cert_chain(cert, key, password="")
    return context


def _is_good(cert: x509.Certificate, wanted: Sequence[x509.GeneralName], now: datetime) -> bool:
    present = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        cert.not_valid_before_utc <= now <= cert.not_valid_after_utc - RENEW_BEFORE
        and cert.not_valid_after_utc - cert.not_valid_before_utc <= LIFETIME
        and set(wanted) <= set(present)
    )


def _read_pair(cert: Path, key: Path) -> x509.Certificate | None:
    """The certificate, or None when it or its key is missing, damaged, or they do not belong together."""
    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    return found if private.public_key() == found.public_key() else None


def _make(names: Sequence[x509.GeneralName], now: datetime) -> tuple[x509.Certificate, bytes]:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    # A common name holds at most 64 characters.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, socket.gethostname()[:64] or "localhost")])
    not_before = (now - CLOCK_SKEW).replace(microsecond=0)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )
    return cert, private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    """Names without duplicates, in order; a name that is an address becomes one."""
    found: dict[x509.GeneralName, None] = {}
    for name in names:
        text = name.strip().rstrip(".").lower()
        if not text:
            continue
        try:
            found[x509.IPAddress(ipaddress.ip_address(text))] = None
        except ValueError:
            found[x509.DNSName(text if text.isascii() else text.encode("idna").decode())] = None
    return list(found)
