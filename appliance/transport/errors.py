"""Errors of the way out.

PermissionDenied
 └── EgressRefused         our own policy forbids the destination
SourceUnreachable          details: stage (resolve | connect | proxy | tls | read), host, port, cause
 ├── CertificateRefused    the certificate is not to be trusted; trying again does not help
 ├── ProxyRefused          the proxy answered, and said no; trying again does not help
 └── CircuitOpen           not tried: the host failed too often just now; `retry_after` seconds
SourceError
 └── RequestStopped        the caller's stop event ended a wait or a download
"""

from appliance.errors import PermissionDenied, SourceError, SourceUnreachable


class EgressRefused(PermissionDenied):
    code = "EGRESS_REFUSED"


class CertificateRefused(SourceUnreachable):
    code = "SOURCE_CERTIFICATE_REFUSED"
    retryable = False


class ProxyRefused(SourceUnreachable):
    code = "PROXY_REFUSED"
    retryable = False


class CircuitOpen(SourceUnreachable):
    code = "SOURCE_CIRCUIT_OPEN"

    def __init__(self, host: str, failures: int, retry_after: float) -> None:
        super().__init__(
            f"{host} did not answer {failures} times in a row and is left alone for {retry_after:.0f} s. "
            "Check that the system is up, then test the connection.",
            details={"stage": "connect", "host": host, "cause": "circuit open", "retry_after": retry_after},
        )
        self.retry_after = retry_after


class RequestStopped(SourceError):
    code = "REQUEST_STOPPED"
    retryable = True


def unreachable(
    stage: str,
    host: str,
    port: int,
    cause: str,
    message: str,
    kind: type[SourceUnreachable] = SourceUnreachable,
) -> SourceUnreachable:
    """A SourceUnreachable (or the subclass `kind`) with the details every caller relies on."""
    return kind(message, details={"stage": stage, "host": host, "port": port, "cause": cause})
