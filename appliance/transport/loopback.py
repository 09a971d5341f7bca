"""Asking this appliance itself, by its own address on this machine: whether it answers, and what."""

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

LARGEST_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """Where an appliance on this machine listens. `certificate` is the one it serves with, None without TLS."""

    host: str
    port: int
    certificate: Path | None

    @classmethod
    def of(cls, host: str, port: int, certificate: Path | None) -> "OwnAddress":
        """`host` may be one that stands for all addresses."""
        return cls("127.0.0.1" if host in ("0.0.0.0", "::", "") else host, port, certificate)  # noqa: S104

    def get(
        self, path: str, headers: dict[str, str] | None = None, seconds: float = 5.0
    ) -> tuple[int, bytes]:
        """Status and body. Raises OSError when there is no answer, ssl.SSLError for another certificate."""
        connection = self._connection(seconds)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(LARGEST_ANSWER)
        except http.client.HTTPException as failure:
            raise OSError(f"{self.host}:{self.port} does not answer as it should: {failure!r}") from failure
        finally:
            connection.close()

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if self.certificate is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # The very certificate counts, whatever name of the plant stands in it and whoever signed it.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.certificate)
        return http.client.HTTPSConnection(self.host, self.port, timeout=seconds, context=context)


def spare_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as spare:
        spare.bind(("127.0.0.1", 0))
        port: int = spare.getsockname()[1]
        return port
