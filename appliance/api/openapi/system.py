"""What calls that are not about entities take and answer."""

from typing import Any

from appliance.api.openapi import health, webhooks
from appliance.api.openapi.schedules import CHANGE, SCHEDULE
from appliance.api.openapi.schemas import Schema, many, one, reference

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_PAIRS: Schema = {
    "type": "array",
    "maxItems": 100,
    "items": {
        "type": "object",
        "required": ["key", "value"],
        "properties": {"key": {"type": "string", "minLength": 1, "maxLength": 1000}, "value": _TEXT},
        "additionalProperties": False,
    },
}
_SCOPE: dict[str, Schema] = {
    name: {"type": "array", "minItems": 1, "items": {"type": "string"}}
    for name in ("entities", "verbs", "networks")
}
_SYNC: Schema = {
    "type": "object",
    "properties": {
        "entities": {"type": "array", "minItems": 1, "items": _TEXT},
        "mode": {"type": "string", "enum": ["incremental", "full", "reconcile"]},
    },
    "additionalProperties": False,
}
_CONNECT: Schema = {
    "type": "object",
    "required": ["provider", "name", "credentials"],
    "properties": {
        "provider": {**_TEXT, "description": "`provider` of a platform."},
        "name": _TEXT,
        "email": _MAYBE,
        "credentials": {"type": "object", "description": "The fields of the platform's form."},
        "hosting": {"type": ["string", "null"], "enum": ["cloud", "on_premises", None]},
        "historical_days": {"type": ["integer", "null"], "minimum": 1},
    },
    "additionalProperties": False,
}
_TOKEN_REQUEST: Schema = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"enum": ["client_credentials", "authorization_code", "refresh_token"]},
        **dict.fromkeys(
            ("client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token"), _TEXT
        ),
    },
}
_TOKENS: Schema = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in"],
    "properties": {
        "access_token": _TEXT,
        "refresh_token": _TEXT,
        "token_type": {"const": "bearer"},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "expires_at": {"type": "string", "format": "date-time"},
        "connection_id": _TEXT,
    },
}
_ENDED = one(
    {
        "type": "object",
        "properties": {"id": _TEXT, "status": _TEXT, "credits_returned": {"type": "integer"}},
    }
)
_METADATA = "/api/system/connections/{connection_id}/metadata"
_PUSH = "/api/v1/connections/{connection_id}/push"
_PUSH_STATE = one(
    {
        "type": "object",
        "required": ["supported", "enabled", "waiting", "recent"],
        "properties": {
            "supported": {"type": "boolean"},
            "enabled": {"type": "boolean"},
            "address_hint": _MAYBE,
            "verification": {"type": ["string", "null"], "enum": ["hmac", "token", "address", None]},
            "signing_keys": {"type": "integer"},
            "signing_keys_from": {"type": ["string", "null"], "enum": ["appliance", "source", None]},
            "entities": {"type": "array", "items": _TEXT},
            "deliveries": {"type": "integer"},
            "ignored_events": {"type": "integer"},
            "waiting": {"type": "integer"},
            "failed": {"type": "integer"},
            "recent": {"type": "array", "maxItems": 50, "items": {"type": "object"}},
            "url": {**_TEXT, "description": "Only when it was made just now."},
            "signing_key": {**_MAYBE, "description": "Only when it was made just now."},
        },
    }
)
_ISSUE: Schema = {
    "type": "object",
    "properties": {"expires_in": {"type": "integer", "minimum": 1, "maximum": 2_592_000}, **_SCOPE},
    "additionalProperties": False,
}
_IDS: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 500,
    "items": {"type": "integer", "minimum": 1},
}
_REJECTED: Schema = {
    "type": "object",
    "required": ["id", "entity", "reason", "count"],
    "properties": {
        "id": {"type": "integer"},
        "entity": _TEXT,
        "key": {**_MAYBE, "description": "Of its record; null where the row has no key that can be read."},
        "reason": _TEXT,
        "count": {"type": "integer", "description": "How often it came."},
        "first_at": _TEXT,
        "last_at": _TEXT,
        "run_id": _MAYBE,
        "stale_since": {
            **_MAYBE,
            "description": "Since when the record of this key is older than its source.",
        },
        "dismissed_at": _MAYBE,
        "dismissed_by": _MAYBE,
        "dismissed_why": _MAYBE,
        "raw": {"description": "The source's row, where one row is asked for."},
    },
}
_FINDING: Schema = {
    "type": "object",
    "required": ["id", "entity", "path", "kind", "before", "after", "fills"],
    "properties": {
        "id": {"type": "integer"},
        "entity": _TEXT,
        "path": {
            **_TEXT,
            "description": "Of the field in the source's rows; items of a list as `lines[].price`.",
        },
        "kind": {"type": "string", "enum": ["new", "retyped", "missing"]},
        "before": {**_TEXT, "description": "Kinds of its values; empty for a new field."},
        "after": {**_TEXT, "description": "Kinds of its values; empty for a missing field."},
        "fills": {
            "type": "array",
            "items": _TEXT,
            "description": "Unified fields that are taken from there.",
        },
        "noticed_at": _TEXT,
        "run_id": _TEXT,
        "acknowledged_at": _MAYBE,
        "acknowledged_by": _MAYBE,
    },
}
_BACKUP: Schema = {
    "type": "object",
    "required": ["id", "state", "asked_at"],
    "properties": {
        **dict.fromkeys(("id", "target", "asked_by", "asked_at"), _TEXT),
        **dict.fromkeys(("name", "started_at", "ended_at", "sha256"), _MAYBE),
        "state": {"enum": ["waiting", "running", "verified", "failed", "removed"]},
        "bytes": {"type": ["integer", "null"]},
        "error": {"type": ["object", "null"], "properties": dict.fromkeys(("code", "message"), _TEXT)},
    },
}
_AT_CONNECTION = "/api/v1/connections/{connection_id}"

BODIES: dict[tuple[str, str], Schema] = {
    **webhooks.BODIES,
    ("POST", "/api/system/backups"): {"type": "object", "properties": {}, "additionalProperties": False},
    ("POST", "/api/system/connections"): _CONNECT,
    ("POST", _METADATA): _PAIRS,
    ("POST", "/api/system/connections/{connection_id}/token"): _ISSUE,
    ("POST", "/api/system/connections/{connection_id}/reauthorize"): {
        "type": "object",
        "required": ["credentials"],
        "properties": {"credentials": {"type": "object"}},
        "additionalProperties": False,
    },
    ("POST", "/api/v1/sync"): _SYNC,
    ("POST", "/api/v1/connections/{connection_id}/sync"): _SYNC,
    ("POST", f"{_AT_CONNECTION}/quarantine/retry"): {
        "type": "object",
        "properties": {
            "ids": {**_IDS, "description": "These rows; left out: all that are not dismissed."},
            "entity": {**_TEXT, "description": "In place of ids: all of this entity."},
        },
        "additionalProperties": False,
    },
    ("POST", f"{_AT_CONNECTION}/quarantine/dismiss"): {
        "type": "object",
        "required": ["ids", "why"],
        "properties": {"ids": _IDS, "why": {"type": "string", "minLength": 1, "maxLength": 500}},
        "additionalProperties": False,
    },
    ("POST", f"{_AT_CONNECTION}/drift/acknowledge"): {
        "type": "object",
        "required": ["ids"],
        "properties": {"ids": _IDS},
        "additionalProperties": False,
    },
    ("PUT", "/api/v1/connections/{connection_id}/history"): {
        "type": "object",
        "required": ["days"],
        "properties": {"days": {"type": "integer", "minimum": 1, "maximum": 36_500}},
        "additionalProperties": False,
    },
    ("POST", _PUSH): {"type": "object", "properties": {}, "additionalProperties": False},
    ("PUT", _PUSH): {
        "type": "object",
        "required": ["signing_keys"],
        "properties": {"signing_keys": {"type": "array", "maxItems": 50, "items": _TEXT}},
        "additionalProperties": False,
    },
    ("PUT", "/api/v1/connections/{connection_id}/schedule"): CHANGE,
    ("POST", "/link/token"): _TOKEN_REQUEST,
    ("POST", "/link/oauth/token"): _TOKEN_REQUEST,
    ("POST", "/link/revoke"): {
        "type": "object",
        "required": ["token"],
        "properties": dict.fromkeys(("token", "client_id", "client_secret"), _TEXT),
    },
    **health.BODIES,
}
"""Request bodies, by method and path."""

ANSWERS: dict[tuple[str, str], tuple[int, Schema]] = {
    **webhooks.ANSWERS,
    ("GET", "/api/system/backups"): (200, many(_BACKUP)),
    ("POST", "/api/system/backups"): (202, one(_BACKUP)),
    ("GET", "/api/system/platforms"): (200, many({"type": "object"})),
    ("GET", "/api/system/client"): (200, one(reference("Client"))),
    ("GET", "/api/system/connections"): (200, many(reference("Connection"))),
    ("POST", "/api/system/connections"): (201, one(reference("ConnectionStore"))),
    ("DELETE", "/api/system/connections/{connection_id}"): (200, _ENDED),
    ("GET", _METADATA): (200, many(reference("ConnectionMetadata"))),
    ("POST", _METADATA): (200, one(reference("ConnectionMetadata"))),
    ("POST", "/api/system/connections/{connection_id}/token"): (201, one({"type": "object"})),
    ("POST", "/api/system/connections/{connection_id}/reauthorize"): (
        200,
        one(reference("ConnectionStore")),
    ),
    ("GET", "/api/integrations/current"): (200, one(reference("Integration"))),
    ("DELETE", "/api/integrations/current"): (200, _ENDED),
    ("POST", "/api/v1/sync"): (202, one({"type": "object"})),
    ("POST", "/api/v1/connections/{connection_id}/sync"): (202, one({"type": "object"})),
    ("GET", f"{_AT_CONNECTION}/quarantine"): (200, many(_REJECTED)),
    ("GET", f"{_AT_CONNECTION}/quarantine/{{row_id}}"): (200, one(_REJECTED)),
    ("POST", f"{_AT_CONNECTION}/quarantine/retry"): (200, one({"type": "object"})),
    ("POST", f"{_AT_CONNECTION}/quarantine/dismiss"): (200, one({"type": "object"})),
    ("GET", f"{_AT_CONNECTION}/drift"): (200, many(_FINDING)),
    ("POST", f"{_AT_CONNECTION}/drift/acknowledge"): (200, one({"type": "object"})),
    ("GET", "/api/v1/sync"): (200, many({"type": "object"})),
    ("GET", "/api/v1/connections/{connection_id}/sync"): (200, many({"type": "object"})),
    ("GET", "/api/v1/connections/{connection_id}/deletions"): (200, many({"type": "object"})),
    ("POST", "/api/v1/connections/{connection_id}/deletions/{hold_id}/approve"): (
        202,
        one({"type": "object"}),
    ),
    ("GET", _PUSH): (200, _PUSH_STATE),
    ("POST", _PUSH): (201, _PUSH_STATE),
    ("PUT", _PUSH): (200, _PUSH_STATE),
    ("DELETE", _PUSH): (200, _PUSH_STATE),
    ("GET", "/api/v1/schedule"): (200, one(SCHEDULE)),
    ("GET", "/api/v1/connections/{connection_id}/schedule"): (200, one(SCHEDULE)),
    ("PUT", "/api/v1/connections/{connection_id}/schedule"): (200, one(SCHEDULE)),
    ("POST", "/link/token"): (200, _TOKENS),
    ("POST", "/link/oauth/token"): (200, _TOKENS),
    ("POST", "/link/revoke"): (200, {"type": "object"}),
    **health.ANSWERS,
}
"""Status and body of success, by method and path; others answer 200 with a `data` member."""

QUERY: dict[tuple[str, str], list[Schema]] = {**health.QUERY, **webhooks.QUERY}
"""Parameters of the query, by method and path."""

OAUTH_ERROR: Schema = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        name: {"type": "string"} for name in ("error", "error_description", "error_uri", "code", "request_id")
    },
}

WITHOUT_TOKEN = ("/link/token", "/link/oauth/token", "/link/revoke", "/api/openapi.json", "/api/postman.json")


def answer_of(method: str, path: str) -> tuple[int, Any]:
    return ANSWERS.get((method, path), (200, {"type": "object"}))
