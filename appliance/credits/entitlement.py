"""Signed offline entitlement files: how many credits the pool holds, without any call home.

A file is JSON: `{"entitlement": "<base64 of JSON>", "signature": "<base64 Ed25519>"}`. The signature is over the
decoded bytes, so nothing depends on how JSON is written. The JSON inside: `id`, `customer`, `credits`,
`issued_at`, and perhaps `expires_at` (ISO-8601).
"""

import base64
import binascii
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.clock import Clock
from appliance.credits.errors import EntitlementRejected
from appliance.credits.ledger import EVALUATION, Ledger
from appliance.store.database import Database

MAX_BYTES = 64 * 1024


class Entitlement(msgspec.Struct, frozen=True):
    id: str
    customer: str
    credits: int
    issued_at: datetime
    expires_at: datetime | None = None


class _Signed(msgspec.Struct, frozen=True):
    entitlement: str
    signature: str


class Entitlements:
    """`public_key_pem` is the issuer's key; `evaluation_credits` the pool while no entitlement was imported."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        *,
        public_key_pem: bytes,
        evaluation_credits: int,
    ) -> None:
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

        Importing the same file again changes nothing. Raises EntitlementRejected; changes nothing then.
        """
        entitlement = self._verify(content)
        now = self._clock.now()
        if entitlement.expires_at is not None and entitlement.expires_at <= now:
            raise EntitlementRejected(
                f"The entitlement {entitlement.id} ended on {entitlement.expires_at:%Y-%m-%d}. Ask for a new one."
            )
        held = self.current()
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
        return entitlement

    def open_pool(self) -> None:
        """At start: without an entitlement the evaluation pool is what the settings say."""
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
        if entitlement.credits < 0 or entitlement.issued_at.tzinfo is None:
            raise EntitlementRejected("The entitlement is signed but its values are not valid.")
        return entitlement


def bundled_public_key() -> bytes:
    """The issuer's key that comes with the program, PEM."""
    return Path(__file__).with_name("issuer.pem").read_bytes()


def describe(entitlement: Entitlement | None) -> dict[str, object]:
    """Plain data for pages and the command line."""
    if entitlement is None:
        return {"kind": EVALUATION}
    ends = entitlement.expires_at
    return {
        "kind": "entitlement",
        "id": entitlement.id,
        "customer": entitlement.customer,
        "credits": entitlement.credits,
        "issued_at": entitlement.issued_at.astimezone(UTC).isoformat(),
        "expires_at": None if ends is None else ends.astimezone(UTC).isoformat(),
    }
