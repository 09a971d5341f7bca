"""Real servers on loopback: HTTP with or without TLS, one that misbehaves on demand, and a CONNECT proxy."""

import base64
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request as the server sees it; `reply` answers, `raw` writes bytes as they are."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def reply(self, status: int = 200, body: bytes = b"ok", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def raw(self, data: bytes, *, close: bool = True) -> None:
        self.wfile.write(data)
        self.close_connection = close

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.server.requests.append((self.command, self.path, dict(self.headers), self.body))
        self.server.answer(self)

    do_GET = do_POST = do_CONNECT = _serve  # noqa: N815 the names http.server looks up
    do_HEAD = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, *args: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.answer = answer
        self.context = context
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.port: int = self.server_address[1]
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            try:
                request.do_handshake()
            except OSError:
                # Closing with bytes unread would reset the connection and could overtake the alert.
                request.settimeout(0.2)
                with suppress(OSError):
                    while socket.socket.recv(request, 4096):
                        pass
                request.close()
                return
        super().finish_request(request, client_address)
        if self.context is not None:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, context)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def server_context(pair: tuple[Path, Path], *, clients: Path | None = None) -> ssl.SSLContext:
    """A server's TLS context; with `clients` it demands a certificate signed by that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


class ConnectProxy:
    """Tunnels every CONNECT to `target` whatever the name, like a proxy whose DNS knows the plant.

    Absolute-form plain requests are answered by the proxy itself. `asked` holds the request heads.
    """

    def __init__(
        self,
        target: int,
        *,
        login: str | None = None,
        status: int = 200,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._target = target
        self._login = login
        self._status = status
        self._context = context
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A close alone would let the thread inside accept take one more connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                part = sock.recv(4096)
                if not part:
                    return
                head += part
            text = head.decode("latin-1")
            self.asked.append(text)
            if self._login is not None:
                token = base64.b64encode(self._login.encode()).decode()
                if not re.search(rf"(?im)^proxy-authorization: basic {re.escape(token)}\r$", text):
                    offers = b"Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=x\r\n"
                    sock.sendall(b"HTTP/1.1 407 No\r\n" + offers + b"\r\n")
                    return
            if not text.startswith("CONNECT"):
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforwarded")
                return
            if self._status != 200:
                sock.sendall(f"HTTP/1.1 {self._status} No\r\n\r\n".encode())
                return
            with socket.create_connection(("127.0.0.1", self._target)) as onward:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                threading.Thread(target=relay, args=(onward, sock), daemon=True).start()
                relay(sock, onward)
        except OSError:
            return
        finally:
            sock.close()


def relay(source: socket.socket, sink: socket.socket) -> None:
    """Hand on what comes until one of both sides is gone."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
