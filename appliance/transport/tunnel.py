"""The CONNECT conversation with a forward proxy."""

import re
import socket

from appliance.errors import SourceUnreachable
from appliance.transport.errors import ProxyRefused, unreachable
from appliance.transport.proxy import Proxy

_MAX_PROXY_HEAD = 65_536


def tunnel(sock: socket.socket, host: str, port: int, proxy: Proxy) -> None:
    """Ask the proxy at the other end of `sock` for a CONNECT to `host:port`."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers().items()]
    try:
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        head = _read_head(sock)
    except OSError as error:
        head = b""
        cause = "no answer" if isinstance(error, TimeoutError) else error.strerror or "connection broken"
    else:
        cause = "no HTTP answer"
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if status is None:
        raise unreachable(
            "proxy", host, port, cause,
            f"The proxy {proxy.origin} does not answer as a proxy ({cause}). Check its address and port.",
        )  # fmt: skip
    code = int(status[1])
    if code != 200:
        raise _proxy_refusal(code, head, host, port, proxy)


def _read_head(sock: socket.socket) -> bytes:
    """Up to the empty line, byte by byte: what follows belongs to the TLS handshake."""
    head, byte = bytearray(), bytearray(1)
    while not head.endswith(b"\r\n\r\n") and len(head) < _MAX_PROXY_HEAD:
        if sock.recv_into(byte) == 0:
            break
        head += byte
    return bytes(head)


def _proxy_refusal(code: int, head: bytes, host: str, port: int, proxy: Proxy) -> SourceUnreachable:
    cause = f"proxy answered {code}"
    if code == 407:
        offered = re.findall(rb"(?im)^proxy-authenticate:[ \t]*([A-Za-z]+)", head)
        schemes = ", ".join(sorted({scheme.decode("ascii") for scheme in offered})) or "none named"
        hint = f"It wants a sign-in (offered: {schemes}; Basic is supported). Check proxy user and password."
    elif code == 403:
        hint = f"It does not permit {host}:{port}. Have it permitted there, or add the host to no_proxy."
    elif code in (502, 503, 504):
        hint = "It does not reach the system. Check that the proxy can resolve and reach it."
        return unreachable(
            "proxy", host, port, cause, f"The proxy {proxy.origin} answered {code} for {host}:{port}. {hint}"
        )
    else:
        hint = "Check that it is a forward proxy that permits CONNECT."
    message = f"The proxy {proxy.origin} answered {code} for {host}:{port}. {hint}"
    return unreachable("proxy", host, port, cause, message, ProxyRefused)
