"""Certificates and credentials with a known end: an issue each, in good time, and more severe the nearer the end is.

A source's certificate is seen by the probe, at least once a day; the connection's client certificate is looked at on
that occasion. What is the appliance's own is looked at every six hours.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from appliance.clock import Clock, iso, to_ms
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.issues import Issues
from appliance.connections.condition.remedies import Severity
from appliance.connections.tables import Connection
from appliance.runtime.definition.tls import CLIENT_CERTIFICATE
from appliance.transport.certificates import TlsFacts

STEPS = (1, 7, 14, 30, 60)
"""Days before the end at which an issue is opened or says so again."""
DAY_MS = 86_400_000
LOOK_MS = 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class Ending:
    """Something of the appliance's own that ends at `ends_at`, milliseconds since 1970.

    `name` tells it from others of its code, such as the name of a key; `since` is when it began, where that is known.
    """

    code: str
    what: str
    ends_at: int
    name: str = ""
    since: int | None = None


class Endings:
    """`own` gives what the appliance itself has that ends. `announce` hears of an end that comes nearer."""

    def __init__(
        self,
        issues: Issues,
        clock: Clock,
        own: Callable[[], Iterable[Ending]],
        announce: Announce = unheard,
    ) -> None:
        self._issues = issues
        self._announce = announce
        self._clock = clock
        self._own = own
        self._looked_at: int | None = None

    def look(self) -> None:
        """Look at what is the appliance's own, unless that was done in the last six hours."""
        now = self._clock.now_ms()
        if self._looked_at is not None and 0 <= now - self._looked_at < LOOK_MS:
            return
        self._looked_at = now
        there = list(self._own())
        for ending in there:
            self._tell(ending, None)
        # What is not there any more, such as a revoked key, ends no longer.
        names = {(ending.code, ending.name) for ending in there}
        for issue in self._issues.own(("CERTIFICATE_EXPIRING", "API_KEY_EXPIRING", "ENTITLEMENT_EXPIRING")):
            if (issue["code"], issue["entity"]) not in names:
                self._issues.end([issue["id"]])

    def seen(self, connection: Connection, fields: Mapping[str, Any], certificate: TlsFacts | None) -> None:
        """A probe of the connection ended with this certificate of the source; `fields` are those of its form."""
        if certificate is not None:
            ends_at = to_ms(certificate.not_after)
            self._tell(
                Ending("SOURCE_CERTIFICATE_EXPIRING", f"The certificate of {certificate.subject}", ends_at),
                connection,
            )
        ends_at_of_ours = certificate_end(str(fields.get(CLIENT_CERTIFICATE) or ""))
        if ends_at_of_ours is not None:
            self._tell(
                Ending("CLIENT_CERTIFICATE_EXPIRING", "The client certificate", ends_at_of_ours), connection
            )

    def _tell(self, ending: Ending, connection: Connection | None) -> None:
        connection_id = None if connection is None else connection.id
        left = ending.ends_at - self._clock.now_ms()
        step = next((days for days in STEPS if left <= days * DAY_MS), None)
        if step is None or _is_short_lived(ending, step):
            self._issues.resolve(ending.code, connection_id=connection_id, entity=ending.name)
            return
        moment = f"{datetime.fromtimestamp(ending.ends_at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        verb = "ended" if left <= 0 else "ends"
        soon = "" if left <= 0 else f", in {'a day' if step == 1 else f'{step} days'} or less"
        message = f"{ending.what} {verb} on {moment}{soon}."
        news = self._issues.open(
            ending.code,
            message,
            connection_id=connection_id,
            entity=ending.name,
            severity=_severity(step),
            detail={"ends_at": iso(ending.ends_at)},
        )
        if news:
            self._announce(
                "certificate.expiring" if "CERTIFICATE" in ending.code else "credential.expiring",
                connection_id,
                lambda: {
                    "code": ending.code,
                    "what": ending.what,
                    "message": message,
                    "expires_at": iso(ending.ends_at),
                    "days_left": max(0, left // DAY_MS),
                },
            )


def certificate_end(pem: str) -> int | None:
    """When the first certificate of a PEM text ends, milliseconds since 1970; None where there is none to be read."""
    try:
        return to_ms(x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc)
    except ValueError:
        return None


def _severity(step: int) -> Severity:
    if step <= 1:
        return "critical"
    return "warning" if step <= 14 else "info"


def _is_short_lived(ending: Ending, step: int) -> bool:
    """Whether it never had more than twice that time to live: what is made for a month does not worry after a week."""
    return ending.since is not None and ending.ends_at - ending.since < 2 * step * DAY_MS
