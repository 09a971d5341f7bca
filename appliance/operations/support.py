"""The support bundle: what the maker needs to help, in one file, without payload and without secrets. It is never sent.

versions.json     program, libraries, machine          runs.json        the last runs with their counts, no rows
settings.json     effective settings, secrets masked   issues.json      what is open
doctor.json       every finding                        statistics.json  schema, sizes, numbers of rows
log.txt           the last lines of the service        metrics.txt      a scrape
connections.json  system and status of each, no forms  MANIFEST.json    every file, its digest, what was masked in it
"""

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, NamedTuple

from cryptography.hazmat.backends.openssl import backend

from appliance import __version__
from appliance.clock import Clock, iso
from appliance.connections.condition.issues import Issues
from appliance.errors import ApplianceError
from appliance.operations.checks.machine import UNIT, output_of
from appliance.operations.secret_search import SecretSearch
from appliance.settings import Settings, options
from appliance.store.database import Database
from appliance.vault.keyring import Keyring
from appliance.vault.secrets import SecretStore

LOG_LINES = 5000
RUNS = 500
MOST_ISSUES = 500
# Counting these would read large files; how many records there are is kept as a sum.
_NOT_COUNTED = ("record", "pass_met", "record_link", "record_missed")


class BundleUnsafe(ApplianceError):
    """A secret stood in the bundle after redaction, so it was not written."""

    code = "SUPPORT_BUNDLE_UNSAFE"


class Member(NamedTuple):
    """One file of the bundle, redacted; `masked` places in it were."""

    name: str
    content: bytes
    masked: int


@dataclass(frozen=True, slots=True)
class Bundle:
    members: Sequence[Member]

    def as_zip(self) -> bytes:
        """Reproducible but for the contents: members carry the oldest time that a ZIP file knows."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
            for member in self.members:
                file.writestr(zipfile.ZipInfo(f"support/{member.name}"), member.content, zipfile.ZIP_DEFLATED)
        return made.getvalue()


def known_secrets(
    settings: Settings, keyring: Keyring, database: Database, secrets: SecretStore
) -> list[str]:
    """Every secret of this installation in plain. Owners whose secrets do not open are left out: nobody has them."""
    found = [
        str(value)
        for option in options()
        if option.secret and (value := getattr(settings, option.attribute)) is not None
    ]
    found.append(keyring.database_key.hex())
    found += [keyring.kek(kek_id).hex() for kek_id in keyring.kek_ids]
    for (owner,) in database.tuples("SELECT owner FROM data_key"):
        try:
            found += secrets.get(owner).values()
        except ApplianceError:
            continue
    found += [row[0] for row in database.tuples("SELECT csrf FROM session")]
    return found


def collect(
    settings: Settings,
    database: Database,
    issues: Issues,
    clock: Clock,
    search: SecretSearch,
    *,
    findings: Sequence[Mapping[str, str]],
    metrics: str,
    log_text: str,
) -> Bundle:
    """All members, redacted, and looked through once more. Raises BundleUnsafe.

    `findings` are those of the doctor, `log_text` the last lines of the service.
    """
    plain: dict[str, str] = {
        "versions.json": _json(_versions(clock)),
        "settings.json": _json([shown._asdict() for shown in settings.effective()]),
        "doctor.json": _json(findings),
        "connections.json": _json(_connections(database)),
        "runs.json": _json(_runs(database)),
        "issues.json": _json([one.as_dict() for one in issues.page(None, "open", limit=MOST_ISSUES)]),
        "statistics.json": _json(_statistics(database)),
        "metrics.txt": metrics,
        "log.txt": log_text,
    }
    members = []
    for name, text in plain.items():
        redacted = search.redact(text)
        if search.holds(redacted.text):
            raise BundleUnsafe(f"A secret is left in {name}, so the bundle was not written. Report this.")
        members.append(Member(name, redacted.text.encode(), redacted.places))
    return Bundle((*members, Member("MANIFEST.json", _json(_manifest(members)).encode(), 0)))


def last_log_lines(lines: int = LOG_LINES) -> str:
    """Of the service, from the journal; a line that says so where there is none to read."""
    found = output_of("journalctl", f"--unit={UNIT}", f"--lines={lines}", "--no-pager", "--output=short-iso")
    return found or f"The journal of {UNIT} cannot be read here. Name a file with --log FILE.\n"


def _versions(clock: Clock) -> dict[str, Any]:
    packages = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}
    return {
        "appliance": __version__,
        "python": platform.python_version(),
        "openssl": backend.openssl_version_text(),
        "system": platform.platform(),
        "libc": " ".join(platform.libc_ver()),
        "made_at": iso(clock.now_ms()),
        "packages": dict(sorted(packages.items(), key=lambda one: one[0].lower())),
    }


def _connections(database: Database) -> list[dict[str, Any]]:
    rows = database.rows(
        "SELECT c.id, c.system, c.hosting, c.status, c.status_at, c.created_at, c.historical_days,"
        " (SELECT json_group_array(json_object('entity', s.entity, 'next_due_at', s.next_due_at, 'last_success_at',"
        " s.last_success_at, 'failures', s.failures)) FROM schedule s WHERE s.connection_id = c.id) AS entities"
        " FROM connection c ORDER BY c.created_at"
    )
    return [{**_told(row), "entities": [_told(one) for one in json.loads(row["entities"])]} for row in rows]


def _runs(database: Database) -> list[dict[str, Any]]:
    runs = database.rows(
        "SELECT id, connection_id, mode, trigger, state, created_at, started_at, finished_at, attempts"
        " FROM run ORDER BY created_at DESC LIMIT ?",
        (RUNS,),
    )
    parts: dict[str, list[dict[str, Any]]] = {}
    # What a source said of a failure may quote a row; its code and our run id are enough to find it.
    for row in database.rows(
        "SELECT run_id, entity, state, kind, fetched, inserted, updated, unchanged, deleted, rejected, pages, requests,"
        " bytes, waited_ms, started_at, finished_at, error_code FROM run_entity"
        " WHERE run_id IN (SELECT id FROM run ORDER BY created_at DESC LIMIT ?) ORDER BY position",
        (RUNS,),
    ):
        parts.setdefault(row.pop("run_id"), []).append(_told(row))
    return [{**_told(run), "entities": parts.get(run["id"], [])} for run in runs]


def _statistics(database: Database) -> dict[str, Any]:
    tables = [
        row[0]
        for row in database.tuples("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        if not row[0].startswith("sqlite_")
    ]
    return {
        "schema": database.value("PRAGMA user_version"),
        "sizes": database.sizes()._asdict(),
        "records": database.value("SELECT coalesce(sum(live), 0) FROM stream"),
        "rows": {
            name: database.value(f'SELECT count(*) FROM "{name}"')
            for name in tables
            if name not in _NOT_COUNTED
        },
        "definitions": [
            row[0]
            for row in database.tuples(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
            )
        ],
    }


def _manifest(members: Iterable[Member]) -> list[dict[str, Any]]:
    return [
        {
            "name": member.name,
            "bytes": len(member.content),
            "sha256": hashlib.sha256(member.content).hexdigest(),
            "masked": member.masked,
        }
        for member in members
    ]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times as people read them."""
    return {name: iso(value) if name.endswith("_at") else value for name, value in row.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"


def file_name(clock: Clock) -> str:
    """Of a bundle made now."""
    moment = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    return f"appliance-support-{moment:%Y%m%d-%H%M%S}.zip"
