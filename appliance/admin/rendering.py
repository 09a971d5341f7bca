"""How values look on a page: moments, counts, states, JSON. Registered as template filters."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, g
from flask.blueprints import BlueprintSetupState
from jinja2 import StrictUndefined
from markupsafe import Markup, escape

from appliance.clock import Clock, iso, to_ms
from appliance.mappings.expressions import as_text
from appliance.model.entity import Field

LONGEST_JSON = 200_000
LONGEST_CELL = 160
_HIDDEN = ("session", "form_token")


class Label(NamedTuple):
    """`tone` is a CSS class; the words carry the meaning."""

    tone: str
    text: str


STATES = {
    "connected": Label("good", "Connected"),
    "offline": Label("warning", "Offline"),
    "reauthorization_required": Label("bad", "Reauthorization required"),
    "disconnected": Label("quiet", "Disconnected"),
    "queued": Label("quiet", "Queued"),
    "running": Label("live", "Running"),
    "interrupted": Label("warning", "Interrupted"),
    "completed": Label("good", "Completed"),
    "partially_failed": Label("warning", "Partially failed"),
    "failed": Label("bad", "Failed"),
    "cancelled": Label("quiet", "Canceled"),
    "passed": Label("good", "Passed"),
    "warning": Label("warning", "Warning"),
    "done": Label("good", "Done"),
    "unknown": Label("warning", "Outcome unknown"),
    "proven": Label("good", "Proven"),
    "failing": Label("bad", "Failing"),
    "unproven": Label("quiet", "Not known yet"),
    "critical": Label("bad", "Critical"),
    "info": Label("live", "Notice"),
    "dismissed": Label("quiet", "Dismissed"),
    "resolved": Label("good", "Resolved"),
    "active": Label("good", "Active"),
    "resting": Label("warning", "Failing"),
    "waiting": Label("live", "Waiting"),
    "delivered": Label("good", "Delivered"),
    "undelivered": Label("bad", "Undelivered"),
    "revoked": Label("quiet", "Revoked"),
    "expired": Label("quiet", "Expired"),
    "verified": Label("good", "Verified"),
}
WORDS = {
    "cloud": "Cloud",
    "on_premises": "On premises",
    "full": "Full",
    "incremental": "Incremental",
    "initial": "First sync",
    "schedule": "Schedule",
    "manual": "Manual",
    "reauthorization": "Reauthorization",
    "grant": "Granted",
    "revoke": "Withdrawn",
    "take": "Taken",
    "return": "Returned",
    "plant_admin": "Who runs the appliance",
    "source_admin": "Who runs the connected system",
    "integrator": "Who programs against the API",
    "vendor": "The maker of the appliance",
    "verified": "Verified against the real system",
    "contract": "Built to the published contract",
    "facts": "Built from published facts",
}

OPERATIONS = {
    "update": "Change",
    "status": "Set the status",
    "inventory": "Set the stock",
    "delivered": "Mark as delivered",
    "add-material": "Add material",
    "change-material": "Change material",
}


def label(state: str) -> Label:
    return STATES.get(state, Label("quiet", state.replace("_", " ").capitalize()))


STAGES = {"resolve": "Find the host", "connect": "Reach it", "tls": "TLS", "authenticate": "Sign in"}


def stage_words(name: str) -> str:
    """What a stage of a connection test did, such as `Read work order`."""
    if name.startswith("read "):
        entity = entity_words(name.removeprefix("read "))
        return f"Read {entity if entity[:2].isupper() else entity[:1].lower() + entity[1:]}"
    return STAGES.get(name, words(name))


def words(name: str) -> str:
    return WORDS.get(name, name.replace("_", " ").capitalize())


def operation_words(kind: str) -> str:
    """What a write does, such as `Change`."""
    return OPERATIONS.get(kind, words(kind))


def size(count_of_bytes: int) -> str:
    """Such as `12.5 MiB`: three digits are enough to look at."""
    value, unit = float(count_of_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{value:.3g} {unit}"


def count(number: int | float | None) -> str:
    """12345 as `12,345`; a dash for None."""
    return "–" if number is None else f"{number:,.0f}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def duration_between(started: str | None, finished: str | None) -> str:
    """Of two ISO-8601 times; a dash while one is missing."""
    if not started or not finished:
        return "–"
    return duration((_milliseconds(finished) - _milliseconds(started)) / 1000)


def entity_words(name: str) -> str:
    """`PurchaseOrder` as `Purchase order`, `BOMLineItem` as `BOM line item`."""
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+", name)
    if not parts:
        return name
    rest = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts[1:]]
    return " ".join([parts[0][:1].upper() + parts[0][1:], *rest])


def column_words(field: str) -> str:
    """A unified field as a column's head: `orderNo` as `Order no`, `statusKey` as `Status`, `dueAt` as `Due`."""
    return entity_words(re.sub(r"(?<=[a-z])(Key|At)$", "", field[:1].upper() + field[1:]))


def relative(ms: int, now_ms: int) -> str:
    """`5 min ago`, `in 2 h`; the date when it is more than two weeks away."""
    seconds = (ms - now_ms) / 1000
    size = abs(seconds)
    if size < 45:
        return "just now" if seconds <= 0 else "in a moment"
    if size < 90 * 60:
        amount = f"{max(1, round(size / 60))} min"
    elif size < 36 * 3600:
        amount = f"{round(size / 3600)} h"
    elif size < 14 * 86400:
        amount = f"{round(size / 86400)} days"
    else:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
    return f"{amount} ago" if seconds < 0 else f"in {amount}"


def type_words(field: Field) -> str:
    """The type of a unified field: `text`, `key of Vendor`, `list of LineItem`."""
    match field.type:
        case "string":
            return "text"
        case "key" | "keys":
            return f"{field.type} of {field.to}" if field.to else field.type
        case "object" | "list":
            return f"{field.type} of {field.of}"
        case "any":
            return "free content"
        case kind:
            return "time" if kind == "datetime" else kind


def short(value: Any) -> str:
    """A value of a record in a cell of a table."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + " …"


def pretty_json(text: str | bytes) -> Markup:
    """JSON text indented, escaped, its keys and kinds of values marked; cut where it is very long."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    try:
        shown = msgspec.json.format(shown, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return escape(shown[:LONGEST_JSON])
    cut = len(shown) > LONGEST_JSON
    marked = Markup().join(_marked(match) for match in _JSON_TOKEN.finditer(shown[:LONGEST_JSON]))
    return marked + Markup("\n<em>… longer than is shown here; read it by the API.</em>") if cut else marked


_JSON_TOKEN = re.compile(
    r'(?P<name>"(?:\\.|[^"\\])*")(?=\s*:)|(?P<text>"(?:\\.|[^"\\])*")|(?P<word>[\w.+-]+)|.', re.S
)


def _marked(match: re.Match[str]) -> Markup:
    kind = match.lastgroup
    if kind is None:
        return escape(match.group())
    return Markup('<span class="json-{}">{}</span>').format(kind, match.group())


def moment(value: int | str | None, clock: Clock) -> Markup:
    """A time (milliseconds since 1970, or ISO-8601) as `5 min ago`, the exact UTC time beside it."""
    if value is None:
        return Markup("–")
    ms = value if isinstance(value, int) else _milliseconds(value)
    exact = f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(ms), exact, relative(ms, clock.now_ms())
    )


def ago(value: str | None, clock: Clock) -> str | None:
    """An ISO-8601 time as `5 min ago`, None for None."""
    return None if value is None else relative(_milliseconds(value), clock.now_ms())


def _milliseconds(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def install(pages: Blueprint, clock: Clock) -> None:
    """Give the templates their filters, and make a misspelled name in one an error."""

    def configure(state: BlueprintSetupState) -> None:
        environment = state.app.jinja_env
        environment.undefined = StrictUndefined
        environment.trim_blocks = environment.lstrip_blocks = True
        environment.filters.update(
            label=label,
            stage_words=stage_words,
            words=words,
            operation_words=operation_words,
            count=count,
            duration=duration,
            entity_words=entity_words,
            column_words=column_words,
            pretty_json=pretty_json,
            type_words=type_words,
            short=short,
            as_text=as_text,
            moment=lambda value: moment(value, clock),
            size=size,
        )
        environment.globals["duration_between"] = duration_between

    def signed_in() -> dict[str, Any]:
        return {name: g.get(name) for name in _HIDDEN}

    pages.record_once(configure)
    pages.app_context_processor(signed_in)
