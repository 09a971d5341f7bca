"""Which certificates the appliance believes, and the TLS contexts made from that."""

import os
import ssl
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import ConfigurationError
from appliance.transport.deadline import TimedTlsSocket

# OpenSSL's compiled-in default does not exist on every distribution a packaged program lands on.
SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu
    Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  # RHEL 9, Fedora
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # RHEL 7 and 8
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),  # Alpine
)

_VERSIONS = {
    "1.0": ssl.TLSVersion.MINIMUM_SUPPORTED,  # SSL 3 stays off by an option of every context
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How one connection trusts its source.

    `ca_files`: PEM files or directories of them, added to the system's and the site's; `ca_pem`: more of
    them as text. `client_certificate` and `client_key`: PEM files; or `client_pem`: both as text, from the
    vault. `minimum`: lowest TLS version, below 1.2 only where an administrator said so. `pins`: SHA-256 of
    accepted certificates in hex; a pin takes the place of chain, name and expiry: exactly these certificates,
    whoever signed them (several, so that a renewal needs no outage). `verify=False`: for commissioning only.
    `server_name`: the name to ask for and to verify, where it is not the host of the URL.
    """

    ca_files: tuple[Path, ...] = ()
    ca_pem: str | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    client_pem: str | None = field(default=None, repr=False)
    minimum: str = "1.2"
    pins: tuple[str, ...] = ()
    verify: bool = True
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ClientTls:
    """A context with the two checks a context cannot make. `pins` are lower-case hex without separators."""

    context: ssl.SSLContext
    pins: tuple[str, ...] = ()
    server_name: str | None = None


class Trust:
    """The site's trust: the system bundle and the site's own CA files. Thread-safe; contexts are cached.

    The cache notices a changed file, so that clients made after a CA was added or renewed believe it.
    """

    def __init__(
        self, ca_files: Sequence[Path] = (), system_bundles: Sequence[Path] = SYSTEM_BUNDLES
    ) -> None:
        self._site = tuple(ca_files)
        self._bundle = next((path for path in system_bundles if path.is_file()), None)
        self._cache: dict[TlsOptions, tuple[object, ssl.SSLContext]] = {}
        self._lock = threading.Lock()

    def client(self, options: TlsOptions | None = None) -> ClientTls:
        """The TLS client for `options`. Raises ConfigurationError naming the unusable file or value."""
        options = options or TlsOptions()
        pins = tuple(_plain_pin(pin) for pin in options.pins)
        files = [path for given in (*self._site, *options.ca_files) for path in _pem_files(given)]
        read = [
            path for path in (self._bundle, *files, options.client_certificate, options.client_key) if path
        ]
        state = tuple((path, _fingerprint(path)) for path in read)
        with self._lock:
            cached = self._cache.get(options)
            if cached is None or cached[0] != state:
                cached = (state, _build(options, self._bundle, files))
                self._cache[options] = cached
        return ClientTls(cached[1], pins, options.server_name)

    def certificates(self) -> bytes:
        """All trusted certificates as PEM, for libraries that read them from one file. Raises ConfigurationError."""
        files = [path for given in self._site for path in _pem_files(given)]
        return b"\n".join(_content(path) for path in (self._bundle, *files) if path)


def unverified_context() -> ssl.SSLContext:
    """Accepts anything, to look at a certificate that was just refused; nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _allow_down_to(context, "1.0")
    return context


def _build(options: TlsOptions, bundle: Path | None, files: Sequence[Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TimedTlsSocket
    context.set_alpn_protocols(["http/1.1"])
    if options.minimum not in _VERSIONS:
        raise ConfigurationError(
            f"Lowest TLS version {options.minimum!r} is unknown. Use one of {', '.join(_VERSIONS)}.",
            details={"setting": "minimum", "value": options.minimum},
        )
    _allow_down_to(context, options.minimum)
    if options.pins or not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if bundle is not None:
        _load_ca(context, bundle)
    for path in files:
        _load_ca(context, path)
    if options.ca_pem is not None:
        _load_ca_text(context, options.ca_pem)
    if options.client_pem is not None:
        _load_client_text(context, options.client_pem)
    elif options.client_certificate is not None:
        _load_client_files(context, options.client_certificate, options.client_key)
    return context


def _allow_down_to(context: ssl.SSLContext, minimum: str) -> None:
    if minimum in ("1.0", "1.1"):
        # OpenSSL 3 refuses the signatures of TLS 1.0 and 1.1 at every higher security level.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = _VERSIONS[minimum]


def _plain_pin(pin: str) -> str:
    plain = pin.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    if len(plain) != 64 or set(plain) - set("0123456789abcdef"):
        raise ConfigurationError(
            "A certificate pin is the SHA-256 of the certificate: 64 hexadecimal digits. "
            "Copy it from the connection test.",
            details={"setting": "pins"},
        )
    return plain


def _pem_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(entry for entry in path.iterdir() if entry.suffix in (".crt", ".pem", ".cer"))
    return [path]


def _fingerprint(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _unusable(path, error.strerror or "not readable") from None
    return status.st_mtime_ns, status.st_size


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or "not readable") from None


def _load_ca(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        raise _unusable(path, "it holds no PEM certificate") from None
    except OSError as error:
        raise _unusable(path, error.strerror or "not readable") from None


def _load_ca_text(context: ssl.SSLContext, pem: str) -> None:
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(
            "The trusted certificates of the connection cannot be used: they are not PEM certificates."
        ) from None


def _load_client_files(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # An empty password instead of none, or OpenSSL asks at the terminal.
        context.load_cert_chain(str(certificate), str(key) if key else None, password=lambda: "")
    except ssl.SSLError as error:
        raise _unusable(certificate, _client_problem(error)) from None
    except OSError as error:
        raise _unusable(certificate, error.strerror or "not readable") from None


def _load_client_text(context: ssl.SSLContext, pem: str) -> None:
    """OpenSSL reads client certificates from files only: memory that looks like one keeps keys off disk."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp()
    try:
        with open(descriptor, "w", encoding="ascii", closefd=False) as file:
            file.write(pem)
        context.load_cert_chain(path, password=lambda: "")
    except (ssl.SSLError, UnicodeEncodeError) as error:
        why = _client_problem(error) if isinstance(error, ssl.SSLError) else "it is not PEM text"
        raise ConfigurationError(f"The client certificate cannot be used: {why}.") from None
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            Path(path).unlink()


def _client_problem(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return "it needs a PEM certificate and its unencrypted PEM key"


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"Certificate file {path} cannot be used: {why}. Correct the file or its path, "
        "and let the service's user read it.",
        details={"path": str(path), "cause": why},
    )
