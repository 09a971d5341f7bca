"""Sample data for test events: members and values as those of real events have them."""

import hashlib
from typing import Any, NamedTuple

from appliance.clock import iso
from appliance.model.entity import Entity
from appliance.webhooks.events import Events, about_records

SAMPLE_KEYS = 2
MINUTE_MS = 60_000
DAY_MS = 24 * 3600 * 1000


class Sample(NamedTuple):
    data: dict[str, Any]
    keys: list[str]


def sample_of(events: Events, name: str, part: str, now: int) -> Sample:
    """What a test event of that name tells; `name` is one of the catalogue.

    `part` is the connection's part of its keys, six hexadecimal digits; `now` in milliseconds.
    """
    entity = events.entity_of(name)
    if entity is None or entity.path is None:
        return Sample({**_others(now)[name], "test": True}, [])
    keys = [_key(entity, part, number) for number in range(SAMPLE_KEYS)]
    about = about_records(entity.name, entity.path, name.rpartition(".")[2], len(keys))
    return Sample({**about, "test": True}, keys)


def _key(entity: Entity, part: str, number: int) -> str:
    digest = hashlib.md5(f'["SAMPLE-{number}"]'.encode(), usedforsecurity=False).hexdigest()
    return f"{entity.prefix}{part}{digest}"


def _others(now: int) -> dict[str, dict[str, Any]]:
    connection = {"name": "Sample plant", "system": "sandbox"}
    refused = "The source rejects user or password. Reauthorize the connection."
    run = {
        "run_id": "run_0123456789abcdef",
        "mode": "incremental",
        "trigger": "schedule",
        "started_at": iso(now - MINUTE_MS),
        "finished_at": iso(now),
    }
    counts = {"fetched": 120, "inserted": 3, "updated": 7, "unchanged": 110, "rejected": 0}
    went_well = {"entity": "WorkOrder", "state": "completed", **counts}
    went_wrong = {
        "entity": "Asset",
        "state": "failed",
        **dict.fromkeys(counts, 0),
        "error_code": "SOURCE_UNREACHABLE",
        "error_message": "The source does not answer.",
    }
    no_error = {"error_code": None, "error_message": None}
    expiry = {"expires_at": iso(now + 14 * DAY_MS), "days_left": 14}
    return {
        "sync.completed": {**run, "state": "completed", "entities": [{**went_well, **no_error}]},
        "sync.failed": {
            **run,
            "state": "partially_failed",
            "entities": [{**went_well, **no_error}, went_wrong],
        },
        "connection.status_changed": {
            **connection,
            "status": "offline",
            "previous_status": "connected",
            "reason": "The source does not answer.",
        },
        "connection.reauthorization_required": {
            **connection,
            "status": "reauthorization_required",
            "previous_status": "connected",
            "reason": refused,
        },
        "credential.expiring": {
            "code": "API_KEY_EXPIRING",
            "what": "The account key of the planning program",
            "message": "The account key of the planning program ends soon.",
            **expiry,
        },
        "certificate.expiring": {
            "code": "SOURCE_CERTIFICATE_EXPIRING",
            "what": "The certificate of CN=erp.plant.example",
            "message": "The certificate of CN=erp.plant.example ends soon.",
            **expiry,
        },
        "system.error": {"code": "INTERNAL_ERROR", "message": "An unexpected error ended a run."},
    }
