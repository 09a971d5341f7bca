"""What calls about webhooks take and answer, the same for the account and for a connection."""

from appliance.api.openapi.schemas import Schema, many, one
from appliance.webhooks.address import LONGEST_ADDRESS
from appliance.webhooks.endpoints import LONGEST_NAME, LONGEST_ROTATION_HOURS
from appliance.webhooks.events import MOST_CHOICES
from appliance.webhooks.history import REPLAYABLE, STATES

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_NUMBER: Schema = {"type": "integer"}
_SWITCH: Schema = {"type": "boolean"}

_MEMBERS: dict[str, Schema] = {
    "url": {
        **_TEXT,
        "maxLength": LONGEST_ADDRESS,
        "description": "https; http to the appliance's own machine for whoever may set that.",
    },
    "events": {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_CHOICES,
        "items": _TEXT,
        "description": "Names such as work-orders.updated, or assets.*, *.deleted, *.",
    },
    "name": {**_TEXT, "maxLength": LONGEST_NAME},
    "enabled": _SWITCH,
    "disable_on_gone": {**_SWITCH, "description": "Whether an answer of 410 turns the endpoint off."},
}
_OWNER: dict[str, Schema] = {
    "connection_id": {**_MAYBE, "description": "Whose events; of all connections when left out."},
    "application_id": {**_MAYBE, "description": "Events of the connections that this application made."},
}
_ENDPOINT: Schema = {
    "type": "object",
    "required": ["id", "url", "events", "state", "enabled"],
    "properties": {
        "id": _TEXT,
        **_MEMBERS,
        **_OWNER,
        "state": {"enum": ["active", "resting", "disabled"]},
        "disabled_reason": _MAYBE,
        "secret_hint": _TEXT,
        "former_secret_until": _TIME,
        "failures_in_a_row": _NUMBER,
        "rests_until": _TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
    },
}
_WITH_SECRET: Schema = {
    **_ENDPOINT,
    "required": [*_ENDPOINT["required"], "secret"],
    "properties": {**_ENDPOINT["properties"], "secret": {**_TEXT, "description": "Answered this once."}},
}
_DELIVERY: Schema = {
    "type": "object",
    "required": ["id", "event", "state", "attempts"],
    "properties": {
        "id": {**_TEXT, "description": "That of the event, the same at every attempt and replay."},
        "event": _TEXT,
        "connection_id": _MAYBE,
        "is_test": _SWITCH,
        "state": {"enum": list(STATES)},
        "attempts": _NUMBER,
        "status": {"type": ["integer", "null"], "description": "HTTP status of the latest attempt."},
        "error": _MAYBE,
        **dict.fromkeys(("created_at", "last_attempt_at", "finished_at", "give_up_at"), _TIME),
    },
}
_ATTEMPT: Schema = {
    "type": "object",
    "properties": {
        "at": _TIME,
        "milliseconds": _NUMBER,
        "status": {"type": ["integer", "null"]},
        "error": _MAYBE,
        "answer": {**_MAYBE, "description": "How the answer began; for the account only."},
    },
}
_WITH_LOG: Schema = {
    **_DELIVERY,
    "properties": {
        **_DELIVERY["properties"],
        "body": {**_TEXT, "description": "The exact text that is sent."},
        "log": {"type": "array", "items": _ATTEMPT},
    },
}
_REPLAY: dict[str, Schema] = {
    "state": {"type": ["string", "null"], "enum": [*REPLAYABLE, None]},
    "event": _MAYBE,
    "since": _TIME,
    "until": _TIME,
}


def _body(members: dict[str, Schema], *required: str) -> Schema:
    demanded = {"required": list(required)} if required else {}
    return {"type": "object", **demanded, "properties": members, "additionalProperties": False}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


BODIES: dict[tuple[str, str], Schema] = {}
ANSWERS: dict[tuple[str, str], tuple[int, Schema]] = {}
QUERY: dict[tuple[str, str], list[Schema]] = {}

for _at in ("/api/system/webhooks", "/api/v1/webhooks"):
    _one, _delivery = f"{_at}/{{webhook_id}}", f"{_at}/{{webhook_id}}/deliveries/{{event_id}}"
    _owner = _OWNER if _at == "/api/system/webhooks" else {}
    BODIES |= {
        ("POST", _at): _body({**_MEMBERS, **_owner}, "url", "events"),
        ("PUT", _one): _body(_MEMBERS),
        ("POST", f"{_one}/rotate"): _body(
            {
                "hours": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": LONGEST_ROTATION_HOURS,
                    "description": "For how long the former secret signs as well; 24 when left out.",
                }
            }
        ),
        ("POST", f"{_one}/test"): _body({"event": _TEXT}, "event"),
        ("POST", f"{_one}/replay"): _body(_REPLAY),
        ("POST", f"{_delivery}/replay"): _body({}),
    }
    ANSWERS |= {
        ("GET", _at): (200, many(_ENDPOINT)),
        ("POST", _at): (201, one(_WITH_SECRET)),
        ("GET", f"{_at}/events"): (
            200,
            many({"type": "object", "properties": {"event": _TEXT, "about": _TEXT}}),
        ),
        ("GET", _one): (200, one(_ENDPOINT)),
        ("PUT", _one): (200, one(_ENDPOINT)),
        ("DELETE", _one): (200, one({"type": "object", "properties": {"id": _TEXT, "deleted": _SWITCH}})),
        ("POST", f"{_one}/rotate"): (200, one(_WITH_SECRET)),
        ("POST", f"{_one}/test"): (200, one(_WITH_LOG)),
        ("POST", f"{_one}/replay"): (200, one({"type": "object", "properties": {"replayed": _NUMBER}})),
        ("GET", f"{_one}/deliveries"): (200, many(_DELIVERY)),
        ("GET", _delivery): (200, one(_WITH_LOG)),
        ("POST", f"{_delivery}/replay"): (200, one(_WITH_LOG)),
    }
    QUERY["GET", f"{_one}/deliveries"] = [
        _query("state", {"type": "string", "enum": list(STATES)}, "Only what is in this state."),
        _query("event", _TEXT, "Only events of this name."),
        _query("cursor", _TEXT, "`next_cursor` of the page before."),
        _query("per_page", {"type": "integer", "minimum": 1, "maximum": 10_000}, "Deliveries a page."),
    ]
