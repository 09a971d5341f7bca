"""What the calls about schedules take and answer."""

from typing import Any

from appliance.sync.schedules.rule import DAYS, LONGEST_JITTER, MOST_WINDOWS

Schema = dict[str, Any]

_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_TIME_OF_DAY: Schema = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
_EVERY: Schema = {
    "type": "integer",
    "minimum": 1,
    "description": "Seconds, within the bounds of the connection.",
}
_CRON: Schema = {
    "type": "string",
    "maxLength": 200,
    "description": "Five fields, such as `30 2 * * *`, in place of every_seconds.",
}
_PATTERN: Schema = {
    "type": "object",
    "properties": {"every_seconds": _EVERY, "cron": _CRON},
    "additionalProperties": False,
}
_WINDOW: Schema = {
    "type": "object",
    "required": ["from", "to"],
    "properties": {
        "days": {
            "type": "array",
            "minItems": 1,
            "items": {"enum": list(DAYS)},
            "description": "On which it begins; left out: all.",
        },
        "from": _TIME_OF_DAY,
        "to": {**_TIME_OF_DAY, "description": "At or before `from`: on the day after."},
    },
    "additionalProperties": False,
}
RULE: Schema = {
    "type": "object",
    "properties": {
        "every_seconds": _EVERY,
        "cron": _CRON,
        "time_zone": {"type": "string", "description": "IANA name, such as Europe/Berlin; UTC without one."},
        "quiet": {
            "type": "array",
            "maxItems": MOST_WINDOWS,
            "items": _WINDOW,
            "description": "Hours in which nothing begins by itself; it is due after them.",
        },
        "jitter_seconds": {
            "type": "integer",
            "minimum": 0,
            "maximum": LONGEST_JITTER,
            "description": "How far due times are spread: over the whole interval without it, and cron not at all.",
        },
        "paused": {
            "oneOf": [{"type": "boolean"}, {"type": "string", "format": "date-time"}],
            "description": "True until it is resumed, or the time until when.",
        },
        "reconcile": {
            "oneOf": [{"const": False}, _PATTERN],
            "description": "When the keys of the whole list are compared, for what was deleted; false is never.",
        },
    },
    "additionalProperties": False,
}
_RULES: Schema = {
    "rule": {**RULE, "description": "Of the connection; what it leaves open is as the settings say."},
    "entity_rules": {
        "type": "object",
        "additionalProperties": RULE,
        "description": "By entity; what they leave open is as for the connection.",
    },
}
CHANGE: Schema = {"type": "object", "properties": _RULES, "additionalProperties": False}
SCHEDULE: Schema = {
    "type": "object",
    "properties": {
        "connection_id": {"type": "string"},
        "status": {"type": "string"},
        **_RULES,
        "changed_at": _MOMENT,
        "changed_by": {"type": ["string", "null"]},
        "shortest_seconds": {"type": "integer"},
        "longest_seconds": {"type": "integer"},
        "entities": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "entity": {"type": "string"},
                    "in_force": RULE,
                    "next_due_at": _MOMENT,
                    "next_reconcile_at": _MOMENT,
                    "last_success_at": _MOMENT,
                    "why_not_now": {
                        "type": "object",
                        "properties": {
                            "reason": {
                                "enum": [
                                    *("connection", "running", "disk", "ceiling", "queued"),
                                    *("paused", "backoff", "quiet", "not_due"),
                                ]
                            },
                            "message": {"type": "string"},
                            "until": _MOMENT,
                        },
                    },
                },
            },
        },
    },
}
