"""Signed offline entitlement files: how many credits the pool holds, without any call home.

A file is JSON: `{"entitlement": "<base64 of JSON>", "signature": "<base64 Ed25519>"}`. The signature is over the
decoded bytes, so nothing depends on how JSON is written. The JSON inside: `id`, `customer`, `credits`,
`issued_at`, and perhaps `expires_at` (ISO-8601), `grace_days` after it, and `installation`, the only one it is for.

What ends is the making of new connections, some days of grace after `expires_at`. Nothing here ever ends a connection.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.clock import Clock
from appliance.connections.condition.issues import Condition
from appliance.credits.errors import EntitlementEnded, EntitlementRejected
from appliance.credits.installation import Installation
from appliance.credits.ledger import EVALUATION, Ledger
from appliance.store.database import Database

MAX_BYTES = 64 * 1024
LONGEST_GRACE_DAYS = 3650

Phase = Literal["evaluation", "valid", "grace", "ended"]
"""`grace`: it has expired and new connections can still be made; `ended`: they cannot."""


class Entitlement(msgspec.Struct, frozen=True):
    id: str
    customer: str
    credits: int
    issued_at: datetime
    expires_at: datetime | None = None
    grace_days: int | None = None
    installation: str | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """How the entitlement in force stands. `grace_until` is when its grace ends, None where it never expires."""

    phase: Phase
    installation: str
    entitlement: Entitlement | None = None
    grace_until: datetime | None = None


class _Signed(msgspec.Struct, frozen=True):
    entitlement: str
    signature: str


class Entitlements:
    """`public_key_pem` is the issuer's key; `evaluation_credits` the pool while no entitlement was imported.

    `grace_days` holds for entitlements that do not say it themselves.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        installation: Installation,
        clock: Clock,
        *,
        public_key_pem: bytes,
        evaluation_credits: int,
        grace_days: int,
    ) -> None:
        self.installation = installation
        self._grace_days = grace_days
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._public_key_pem = public_key_pem
        self._evaluation_credits = evaluation_credits

    def current(self) -> Entitlement | None:
        """The entitlement issued last of those imported, or None."""
        documents = self._database.tuples("SELECT document FROM entitlement ORDER BY imported_at, rowid")
        # Not by the time of import: the clock of this machine may have been set back between two.
        found = sorted(
            (msgspec.json.decode(document, type=Entitlement) for (document,) in documents),
            key=lambda entitlement: entitlement.issued_at,
        )
        return found[-1] if found else None

    def import_file(self, content: bytes) -> Entitlement:
        """Verify and import a file; its credits replace those granted before.

        Importing the same file again changes nothing, and one within its grace is taken, as after a restore. Raises
        EntitlementRejected; changes nothing then.
        """
        entitlement = self._verify(content)
        own = self.installation.id
        if entitlement.installation not in (None, own):
            raise EntitlementRejected(
                f"The entitlement {entitlement.id} was issued for the installation {entitlement.installation}; this "
                f"one is {own}. Send that id to the issuer and ask for a file for it. A restored backup keeps its id.",
                details={"installation": own, "issued_for": entitlement.installation},
            )
        held = self.current()
        is_news = held is None or held.issued_at < entitlement.issued_at
        # A new file proves that its day has come, and that of no later one: the clock may have been wrong before.
        today = max(self._clock.now(), entitlement.issued_at) if is_news else self.installation.latest()
        grace_until = self._grace_until(entitlement)
        if entitlement.expires_at is not None and grace_until is not None and grace_until <= today:
            raise EntitlementRejected(
                f"The entitlement {entitlement.id} ended on {entitlement.expires_at:%Y-%m-%d}, and its grace on "
                f"{grace_until:%Y-%m-%d}. Ask for a new one."
            )
        if held is not None and held.issued_at > entitlement.issued_at:
            raise EntitlementRejected(
                f"The entitlement {entitlement.id} is older than {held.id}, which is in force. Import the newest file."
            )
        with self._database.write():
            self._database.run(
                "INSERT INTO entitlement (id, document, imported_at) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET document = excluded.document, imported_at = excluded.imported_at",
                (entitlement.id, msgspec.json.encode(entitlement).decode(), self._clock.now_ms()),
            )
            for source in self._ledger.sources():
                if source != entitlement.id:
                    self._ledger.set_pool(source, 0, f"replaced by entitlement {entitlement.id}")
            self._ledger.set_pool(entitlement.id, entitlement.credits, f"entitlement {entitlement.id}")
            if is_news:
                self.installation.begin_anew_at(entitlement.issued_at)
        return entitlement

    def term(self) -> Term:
        """How the entitlement in force stands, by the latest time this installation has seen."""
        entitlement, installation = self.current(), self.installation.id
        if entitlement is None:
            return Term("evaluation", installation)
        grace_until = self._grace_until(entitlement)
        if entitlement.expires_at is None or grace_until is None:
            return Term("valid", installation, entitlement)
        today = self.installation.latest()
        phase: Phase = "ended"
        if today < entitlement.expires_at:
            phase = "valid"
        elif today < grace_until:
            phase = "grace"
        return Term(phase, installation, entitlement, grace_until)

    def require_term(self) -> None:
        """Before a new connection is made. Raises EntitlementEnded."""
        term = self.term()
        if term.phase == "ended":
            raise EntitlementEnded(
                f"{_told(term)} Connections that are there go on. For new ones ask the issuer for a new entitlement, "
                f"for the installation {term.installation}, and import it under Credits.",
                details={"installation": term.installation},
            )

    def expired(self) -> list[Condition]:
        """The entitlement in force when it has expired, as an issue is told of it; notes the time as well."""
        self.installation.note()
        term = self.term()
        return [Condition(_told(term))] if term.phase in ("grace", "ended") else []

    def open_pool(self) -> None:
        """At start: without an entitlement the evaluation pool is what the settings say."""
        self.installation.begin()
        self.installation.note()
        if self.current() is None:
            self._ledger.set_pool(EVALUATION, self._evaluation_credits, "evaluation pool from settings")

    def _verify(self, content: bytes) -> Entitlement:
        if len(content) > MAX_BYTES:
            raise EntitlementRejected("The file is too large to be an entitlement.")
        try:
            signed = msgspec.json.decode(content, type=_Signed)
            document = base64.b64decode(signed.entitlement, validate=True)
            signature = base64.b64decode(signed.signature, validate=True)
        except (msgspec.DecodeError, binascii.Error, ValueError):
            raise EntitlementRejected(
                "The file is not an entitlement. Import the file as it was delivered, unchanged."
            ) from None
        key = load_pem_public_key(self._public_key_pem)
        if not isinstance(key, Ed25519PublicKey):
            raise EntitlementRejected("The configured entitlement key is not an Ed25519 public key.")
        try:
            key.verify(signature, document)
        except InvalidSignature:
            raise EntitlementRejected(
                "The entitlement's signature does not match: the file was changed, or is not for this product."
            ) from None
        try:
            entitlement = msgspec.json.decode(document, type=Entitlement)
        except msgspec.DecodeError as failure:
            raise EntitlementRejected(f"The entitlement is signed but not readable: {failure}") from None
        ends = entitlement.expires_at
        if (
            entitlement.credits < 0
            or entitlement.issued_at.tzinfo is None
            or (ends is not None and ends.tzinfo is None)
            or not 0 <= (entitlement.grace_days or 0) <= LONGEST_GRACE_DAYS
        ):
            raise EntitlementRejected("The entitlement is signed but its values are not valid.")
        return entitlement

    def _grace_until(self, entitlement: Entitlement) -> datetime | None:
        if entitlement.expires_at is None:
            return None
        days = self._grace_days if entitlement.grace_days is None else entitlement.grace_days
        try:
            return entitlement.expires_at + timedelta(days=days)
        except OverflowError:
            # It expires at the end of what a calendar can say.
            return datetime.max.replace(tzinfo=UTC)


def bundled_public_key() -> bytes:
    """The issuer's key that comes with the program, PEM."""
    return Path(__file__).with_name("issuer.pem").read_bytes()


def describe(term: Term) -> dict[str, object]:
    """Plain data for pages and the command line."""
    entitlement = term.entitlement
    if entitlement is None:
        return {"kind": EVALUATION, "installation": term.installation}
    return {
        "kind": "entitlement",
        "installation": term.installation,
        "id": entitlement.id,
        "customer": entitlement.customer,
        "credits": entitlement.credits,
        "issued_at": entitlement.issued_at.astimezone(UTC).isoformat(),
        "expires_at": _iso(entitlement.expires_at),
        "grace_until": _iso(term.grace_until),
        "phase": term.phase,
        "bound": entitlement.installation is not None,
    }


def _told(term: Term) -> str:
    """What an expired entitlement means, in a sentence or two."""
    assert term.entitlement is not None and term.entitlement.expires_at is not None
    assert term.grace_until is not None
    ended = f"The entitlement {term.entitlement.id} ended on {term.entitlement.expires_at:%Y-%m-%d}"
    if term.phase == "grace":
        return f"{ended}. New connections can be made until {term.grace_until:%Y-%m-%d %H:%M} UTC."
    return f"{ended}, and its grace on {term.grace_until:%Y-%m-%d}: no new connections can be made."


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
