"""The steps to a source, one by one: resolve, connect, proxy, TLS.

The HTTP client takes the same steps, so that what the staged probe of a connection reports is what a
synchronization would meet. Every failure is a SourceUnreachable whose details name the stage.
"""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from urllib3.util.ssltransport import SSLTransport

from appliance.errors import SourceUnreachable
from appliance.transport.certificates import TlsFacts, facts, sha256, why_refused
from appliance.transport.deadline import TimedSocket
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused, EgressRefused, unreachable
from appliance.transport.proxy import Proxy
from appliance.transport.trust import ClientTls, unverified_context
from appliance.transport.tunnel import tunnel

TlsSocket = ssl.SSLSocket | SSLTransport


def resolve(host: str) -> list[str]:
    """The addresses of `host` in the order of the system's resolver. The resolver's own timeout applies."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or "not a valid host name"
    else:
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))
    raise unreachable(
        "resolve", host, 0, cause,
        f"The name {host} cannot be resolved ({cause}). Check its spelling and this machine's DNS.",
    )  # fmt: skip


def connect(address: str, port: int, timeout: float, *, host: str | None = None) -> TimedSocket:
    """A connected TCP socket. `timeout` in seconds; `host` is only for the message."""
    shown = address if host in (None, address) else f"{host} ({address})"
    sock = TimedSocket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.settimeout(timeout)
        sock.connect((address, port))
    except TimeoutError:
        cause, check = f"no answer within {timeout:g} s", "Check the address, routing and firewalls"
    except ConnectionRefusedError:
        cause, check = "connection refused", "Check that the system is running and the port is right"
    except OSError as error:
        cause, check = error.strerror or "network error", "Check the network of this machine"
    else:
        return sock
    sock.close()
    raise unreachable(
        "connect", host or address, port, cause, f"No connection to {shown} port {port}: {cause}. {check}."
    )


def dial(host: str, port: int, egress: Egress, timeout: float) -> TimedSocket:
    """Connect to the first permitted address of `host` that answers; `timeout` is for each of them.

    The policy judges the very address that is connected to: a name that resolves differently a moment later
    gains nothing. Raises EgressRefused when no address is permitted, SourceUnreachable when none answers.
    """
    refused: EgressRefused | None = None
    failure: SourceUnreachable | None = None
    for address in resolve(host):
        try:
            egress.check(host, address)
            return connect(address, port, timeout, host=host)
        except EgressRefused as error:
            refused = error
        except SourceUnreachable as error:
            failure = error
    if failure is not None:
        raise failure
    if refused is not None:
        raise refused
    raise unreachable("resolve", host, port, "no address", f"The name {host} has no address. Check the DNS.")


@dataclass(frozen=True, slots=True)
class Route:
    """How to get a byte stream to `host:port`. `timeout` in seconds for each step.

    `proxy_tls` is the context for a proxy that is itself spoken to over TLS.
    """

    host: str
    port: int
    egress: Egress
    timeout: float
    proxy: Proxy | None = None
    proxy_tls: ssl.SSLContext | None = None

    def open(self) -> socket.socket:
        """Connect, through the proxy if any. The policy judges the proxy's address and the host's name."""
        if self.proxy is None:
            return dial(self.host, self.port, self.egress, self.timeout)
        self.egress.check_name(self.host)
        sock = open_proxy(self.proxy, self.egress, self.timeout, self.proxy_tls)
        try:
            tunnel(sock, self.host, self.port, self.proxy)
        except BaseException:
            sock.close()
            raise
        return sock


def open_proxy(
    proxy: Proxy, egress: Egress, timeout: float, context: ssl.SSLContext | None = None
) -> socket.socket:
    """A stream to the proxy itself; a failure is reported as one of the proxy."""
    try:
        sock = dial(proxy.host, proxy.port, egress, timeout)
        if proxy.scheme == "http":
            return sock
        try:
            return (context or ssl.create_default_context()).wrap_socket(sock, server_hostname=proxy.host)
        except OSError as error:
            sock.close()
            failure = _tls_failure(error, proxy.host, proxy.port, proxy.host, ())
    except SourceUnreachable as error:
        failure = error
    raise unreachable(
        "proxy", proxy.host, proxy.port, failure.details["cause"],
        f"The proxy cannot be used. {failure.message}", type(failure),
    )  # fmt: skip


def open_tls(route: Route, tls: ClientTls) -> TlsSocket:
    """A verified TLS stream to the source. Raises CertificateRefused with the reason and the remedy."""
    asked_for = tls.server_name or route.host.strip("[]").rstrip(".")
    raw = route.open()
    sock: TlsSocket | None = None
    try:
        sock = _wrap(raw, tls.context, asked_for)
        if tls.pins:
            _check_pin(sock, route, tls.pins)
        return sock
    except OSError as error:
        caught = error
    except SourceUnreachable:
        if sock is not None:
            sock.close()
        raise
    finally:
        if sock is None:
            raw.close()
    refused = isinstance(caught, ssl.SSLCertVerificationError)
    chain = _look_again(route, asked_for) if refused else []
    raise _tls_failure(caught, route.host, route.port, asked_for, chain)


def handshake(route: Route, tls: ClientTls) -> TlsFacts:
    """Complete a TLS handshake with the source and close again: what it presented."""
    sock = open_tls(route, tls)
    try:
        cipher = sock.cipher()
        return facts(str(sock.version()), cipher[0] if cipher else "", _sent_chain(sock))
    finally:
        sock.close()


def _wrap(sock: socket.socket, context: ssl.SSLContext, server_name: str) -> TlsSocket:
    if isinstance(sock, ssl.SSLSocket):
        return SSLTransport(sock, context, server_hostname=server_name)
    return context.wrap_socket(sock, server_hostname=server_name)


def _check_pin(sock: TlsSocket, route: Route, pins: tuple[str, ...]) -> None:
    presented = sha256(_sent_chain(sock)[0])
    if presented not in pins:
        raise unreachable(
            "tls", route.host, route.port, "certificate pin mismatch",
            f"{route.host} presents the certificate with SHA-256 {presented}, which is not pinned. "
            "If it was renewed there, pin the new one; otherwise somebody else answers in its place.",
            CertificateRefused,
        )  # fmt: skip


def _look_again(route: Route, server_name: str) -> list[bytes]:
    """The chain of a server just refused, since the failed handshake keeps it; empty if it is gone."""
    try:
        raw = route.open()
    except (SourceUnreachable, OSError):
        return []
    try:
        return _sent_chain(_wrap(raw, unverified_context(), server_name))
    except OSError:
        return []
    finally:
        raw.close()


def _sent_chain(sock: TlsSocket) -> list[bytes]:
    """The certificates the server sent, DER, leaf first; only the leaf where Python hides the others."""
    inner: Any = sock.sslobj if isinstance(sock, SSLTransport) else sock._sslobj  # type: ignore[attr-defined]
    if hasattr(inner, "_sslobj"):
        inner = inner._sslobj
    if hasattr(inner, "get_unverified_chain"):  # public on the socket only from Python 3.13
        sent = inner.get_unverified_chain() or ()
        # 2: ENCODING_DER of the _ssl module
        return [bytes(item if isinstance(item, bytes) else item.public_bytes(2)) for item in sent]
    leaf = sock.getpeercert(binary_form=True)
    return [leaf] if isinstance(leaf, bytes) else []


def _tls_failure(
    error: OSError, host: str, port: int, asked_for: str, chain: Sequence[bytes]
) -> SourceUnreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = why_refused(error, asked_for, chain)
        return unreachable(
            "tls", host, port, error.verify_message, f"{host} cannot be trusted: {why}", CertificateRefused
        )
    cause, check = explain_tls(error)
    return unreachable(
        "tls", host, port, cause, f"No TLS connection with {host} port {port}: {cause}. {check}."
    )


def explain_tls(error: OSError) -> tuple[str, str]:
    """Cause and what to check, for a TLS failure that is not about the server's certificate."""
    if isinstance(error, TimeoutError):
        return "no answer during the TLS handshake", "Check that the port speaks TLS"
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        return "the port does not speak TLS", "Use http:// or the right port"
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason or "VERSION_TOO_LOW" in reason:
        return (
            "no TLS version in common",
            "An old system may need a lower minimum TLS version for this connection",
        )
    if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return (
            "it refused our client certificate or its absence",
            "Set the client certificate of this connection",
        )
    if "HANDSHAKE_FAILURE" in reason or "NO_SHARED_CIPHER" in reason:
        return "no agreement on a cipher, or a client certificate is needed", "Ask for the TLS settings there"
    if "DH_KEY_TOO_SMALL" in reason or "KEY_TOO_SMALL" in reason or "MD_TOO_WEAK" in reason:
        return "its keys are too weak", "Have its certificate renewed, or lower the minimum TLS version here"
    words = reason.replace("_", " ").lower() if reason else "connection closed during the TLS handshake"
    return words, "Check that the port speaks TLS"
