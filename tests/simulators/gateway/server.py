"""The web server: HTTP/1.1 with kept connections, optional TLS with a certificate of its own, optional
gzip.
"""

import datetime
import gzip
import ipaddress
import ssl
import tempfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from appliance.clock import Clock

from .exchange import Request, Response

_SMALLEST_ZIPPED = 1024


class WebServer(ThreadingHTTPServer):
    """Answers every request with `answer`. `zipped`: gzip for clients that accept it."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request], Response],
        *,
        tls: ssl.SSLContext | None,
        zipped: bool,
    ) -> None:
        super().__init__(address, _Connection)
        self.answer = answer
        self.zipped = zipped
        self.scheme = "https" if tls else "http"
        self._tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the thread of the connection: a client that stalls in the handshake blocks nobody else."""
        if self._tls is not None:
            try:
                request = self._tls.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: WebServer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        host = self.headers.get("Host") or "localhost"
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            base=f"{self.server.scheme}://{host}",
        )
        response = self.server.answer(request)
        if response.status == 0:
            self.close_connection = True
            return
        self._send(response, request)

    def _send(self, response: Response, request: Request) -> None:
        body = response.body
        self.send_response(response.status)
        accepts = "gzip" in request.headers.get("accept-encoding", "")
        if self.server.zipped and accepts and len(body) >= _SMALLEST_ZIPPED:
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        if body:
            charset = "" if "charset" in response.content_type else ";charset=utf-8"
            self.send_header("Content-Type", response.content_type + charset)
        for name, value in response.headers.items():
            self.send_header(name, value)
        for cookie in response.cookies:
            self.send_header("Set-Cookie", cookie)
        if response.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read the counters of the gateway instead."""


def self_signed(clock: Clock, host: str) -> tuple[bytes, bytes]:
    """A certificate for `host` and localhost that is its own authority, and its private key, both in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway simulator")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def tls_context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """A server context from PEM texts; the standard library reads them from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        certificate_file, key_file = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate_file.write_bytes(certificate)
        key_file.write_bytes(key)
        context.load_cert_chain(certificate_file, key_file)
    return context
