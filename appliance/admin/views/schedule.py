"""When a connection synchronizes: what is due, why not now, and the rules of the connection and of its entities."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.errors import InvalidInput
from appliance.sync.errors import ScheduleInvalid
from appliance.sync.schedules.rule import FOR_GOOD
from appliance.sync.schedules.text import (
    pattern_text,
    read_pattern,
    read_reconcile,
    read_window,
    reconcile_text,
    window_text,
)
from appliance.users.roles import may, require

View = str | tuple[str, int] | AnyResponse

FIELDS = ("often", "time_zone", "quiet", "jitter", "reconcile")
LONGEST_FIELD = 5000
PAUSES = {"hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000}
_FIELD_OF = {"every_seconds": "often", "cron": "often", "jitter_seconds": "jitter"}


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    views = _Views(appliance)
    at = "/connections/<connection_id>/schedule"
    pages.add_url_rule(at, "schedule", views.show)
    pages.add_url_rule(at, "set_schedule", views.change, methods=["POST"])
    pages.add_url_rule(f"{at}/pause", "pause", views.pause, methods=["POST"])
    pages.add_url_rule(f"{at}/resume", "resume", views.resume, methods=["POST"])


class _Views:
    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._schedules = appliance.schedules

    def show(self, connection_id: str) -> View:
        """With `entity`, the form is for that entity's own rule."""
        return self._page(self._appliance.connections.get(connection_id), request.args.get("entity", ""))

    def change(self, connection_id: str) -> View:
        """Set one rule; its pause stays."""
        connection, entity = self._asked(connection_id)
        form = {name: request.form.get(name, "")[:LONGEST_FIELD] for name in FIELDS}
        try:
            rule = self._schedules.read(connection.id, _document(form))
            held = self._schedules.rule(connection.id, entity)
            self._schedules.set_rule(connection.id, entity, rule.paused(held.paused_until), by=self._name())
        except ScheduleInvalid as refused:
            return self._page(connection, entity, filled=form, refused=refused), 422
        return self._back(connection, entity)

    def pause(self, connection_id: str) -> View:
        """Until it is resumed, or for an hour, a day or a week."""
        connection, entity = self._asked(connection_id)
        length = PAUSES.get(request.form.get("length", ""))
        until = FOR_GOOD if length is None else self._appliance.clock.now_ms() + length
        self._schedules.pause(connection.id, entity, until=until, by=self._name())
        return self._back(connection, entity)

    def resume(self, connection_id: str) -> View:
        connection, entity = self._asked(connection_id)
        self._schedules.resume(connection.id, entity, by=self._name())
        return self._back(connection, entity)

    def _asked(self, connection_id: str) -> tuple[Connection, str]:
        require(g.session.account, "change_schedule")
        return self._appliance.connections.get(connection_id), request.form.get("entity", "")

    def _name(self) -> str:
        name: str = g.session.account.name
        return name

    def _back(self, connection: Connection, entity: str) -> View:
        at = url_for("admin.schedule", connection_id=connection.id, entity=entity or None, saved=1)
        return redirect(at, 303)

    def _page(
        self,
        connection: Connection,
        entity: str,
        *,
        filled: Mapping[str, str] | None = None,
        refused: ScheduleInvalid | None = None,
    ) -> str:
        shown = self._schedules.describe(connection.id)
        if entity not in {"", *(row["entity"] for row in shown["entities"])}:
            entity = ""
        rule = shown["entity_rules"].get(entity, {}) if entity else shown["rule"]
        below = self._appliance.settings.sync_interval_seconds
        return render_template(
            "schedule.html",
            connection=connection,
            shown=shown,
            entity=entity,
            rule=rule,
            usual=pattern_text({"every_seconds": below}),
            filled=filled or _texts(rule),
            problems={} if refused is None else _problems(refused),
            often=pattern_text,
            may_change=connection.is_open and may(g.session.account, "change_schedule"),
            saved="saved" in request.args,
        )


def _document(form: Mapping[str, str]) -> dict[str, Any]:
    """The rule that the form says. Raises ScheduleInvalid."""
    document: dict[str, Any] = {}
    if form["often"].strip():
        document |= read_pattern(form["often"], "often")
    if form["time_zone"].strip():
        document["time_zone"] = form["time_zone"].strip()
    lines = [line for line in form["quiet"].splitlines() if line.strip()]
    if lines:
        document["quiet"] = [] if lines == ["none"] else [read_window(line, "quiet") for line in lines]
    if form["jitter"].strip():
        document["jitter_seconds"] = _whole(form["jitter"].strip())
    if form["reconcile"].strip():
        document["reconcile"] = read_reconcile(form["reconcile"], "reconcile")
    return document


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise ScheduleInvalid(
            "jitter is a number of seconds.", details={"fields": {"jitter": "a number of seconds"}}
        )
    return int(text)


def _texts(rule: Mapping[str, Any]) -> dict[str, str]:
    """A rule as its form shows it."""
    quiet = rule.get("quiet")
    return {
        "often": pattern_text(dict(rule)),
        "time_zone": rule.get("time_zone", ""),
        "quiet": "none" if quiet == [] else "\n".join(window_text(window) for window in quiet or ()),
        "jitter": str(rule.get("jitter_seconds", "")),
        "reconcile": reconcile_text(dict(rule)),
    }


def _problems(refused: InvalidInput) -> dict[str, str]:
    """What is wrong, by the field of the form."""
    problems = {}
    for where, allowed in refused.details.get("fields", {}).items():
        name = where.removeprefix("rule.").partition(".")[0].partition("[")[0]
        problems[_FIELD_OF.get(name, name)] = f"Expected: {allowed}."
    return problems
