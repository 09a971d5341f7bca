"""What calls about health and issues answer."""

from typing import get_args

from appliance.api.openapi.schemas import Schema, many, one
from appliance.connections.condition.issues import State
from appliance.connections.condition.remedies import ASPECTS, SEVERITIES, Who

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}

ISSUE: Schema = {
    "type": "object",
    "required": ["id", "state", "severity", "code", "message", "fix", "who", "opened_at", "updated_at"],
    "properties": {
        **dict.fromkeys(("id", "code"), _TEXT),
        **dict.fromkeys(("connection_id", "connection_name", "entity", "dismissed_by", "note"), _MAYBE),
        "state": {"enum": list(get_args(State))},
        "severity": {"enum": list(SEVERITIES)},
        "aspect": {"enum": [*ASPECTS, None]},
        "message": {**_TEXT, "description": "What is wrong."},
        "fix": {**_TEXT, "description": "What to do."},
        "who": {"enum": list(get_args(Who)), "description": "Who can do it."},
        "detail": {"type": "object"},
        "count": {"type": "integer", "minimum": 1},
        **dict.fromkeys(("opened_at", "updated_at", "resolved_at", "dismissed_at"), _TIME),
    },
}

_ASPECT: Schema = {
    "type": "object",
    "required": ["state", "proven_at", "failed_at", "since", "code", "message"],
    "properties": {
        "state": {"enum": ["proven", "failing", "unknown"]},
        "proven_at": {**_TIME, "description": "The time of the last proof."},
        **dict.fromkeys(("failed_at", "since"), _TIME),
        **dict.fromkeys(("code", "message"), _MAYBE),
        "entities": {"type": "array", "items": {"type": "object"}},
    },
}

HEALTH: Schema = {
    "type": "object",
    "required": ["connection_id", "status", "aspects", "issues"],
    "properties": {
        "connection_id": _TEXT,
        "status": {"enum": ["connected", "offline", "reauthorization_required", "disconnected"]},
        "status_reason": _MAYBE,
        "status_since": _TIME,
        "aspects": {
            "type": "object",
            "required": list(ASPECTS),
            "properties": dict.fromkeys(ASPECTS, _ASPECT),
        },
        "next_probe_at": _TIME,
        "issues": {"type": "array", "items": ISSUE},
    },
}

_DISMISS = "/api/system/issues/{issue_id}/dismiss"

BODIES: dict[tuple[str, str], Schema] = {
    ("POST", _DISMISS): {
        "type": "object",
        "required": ["note"],
        "properties": {"note": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": r"\S"}},
        "additionalProperties": False,
    }
}
ANSWERS: dict[tuple[str, str], tuple[int, Schema]] = {
    ("GET", "/api/v1/health"): (200, one(HEALTH)),
    ("GET", "/api/v1/connections/{connection_id}/health"): (200, one(HEALTH)),
    ("GET", "/api/v1/connections/{connection_id}/issues"): (200, many(ISSUE)),
    ("GET", "/api/system/issues"): (200, many(ISSUE)),
    ("POST", _DISMISS): (200, one(ISSUE)),
}
QUERY: dict[tuple[str, str], list[Schema]] = {
    ("GET", path): [
        {
            "name": "state",
            "in": "query",
            "description": "Only issues in this state.",
            "schema": {"type": "string", "enum": list(get_args(State))},
        },
        {
            "name": "page",
            "in": "query",
            "description": "Number of the page, from 1.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        },
        {
            "name": "per_page",
            "in": "query",
            "description": "Issues a page; cut to 500.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 10_000},
        },
    ]
    for path in ("/api/v1/connections/{connection_id}/issues", "/api/system/issues")
}
