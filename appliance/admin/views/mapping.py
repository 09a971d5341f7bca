"""Mappings of a connection: seen beside the fields of the source, changed field by field, taken back."""

from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.mapping_form import FieldForm, of_expression, of_request
from appliance.admin.views.records import TELLING
from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.errors import InvalidInput
from appliance.mappings.errors import MappingInvalid, MappingUnknown
from appliance.mappings.expressions import Part
from appliance.model.entity import Entity
from appliance.users.roles import may, require

View = str | tuple[str, int] | AnyResponse

VERSIONS_SHOWN = 30
FINDINGS_SHOWN = 100


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    views = _Views(appliance)
    at = "/connections/<connection_id>/mapping"
    for path, endpoint, view, method in (
        (at, "mappings", views.overview, "GET"),
        (f"{at}/<entity>", "mapping", views.entity, "GET"),
        (f"{at}/<entity>/progress.json", "mapping_progress", views.progress, "GET"),
        (f"{at}/<entity>/change", "mapping_change", views.ask, "GET"),
        (f"{at}/<entity>/change", "try_mapping", views.preview, "POST"),
        (f"{at}/<entity>/save", "save_mapping", views.save, "POST"),
        (f"{at}/<entity>/rollback", "roll_back_mapping", views.roll_back, "POST"),
    ):
        pages.add_url_rule(path, endpoint, view, methods=[method])


class _Views:
    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._mappings = appliance.mappings

    def overview(self, connection_id: str) -> View:
        """Every entity, with a mark where its mapping was changed."""
        connection = self._appliance.connections.get(connection_id)
        counts = self._appliance.records.counts(connection.id)
        table = self._mappings.table
        entities = [
            {
                **one,
                "records": counts.get(one["entity"], 0),
                "version": next(iter(table.versions(connection.id, one["entity"])), None)
                if one["changed"]
                else None,
            }
            for one in self._mappings.overview(connection.id)
        ]
        return render_template(
            "mappings.html",
            connection=connection,
            entities=entities,
            findings=self._findings(connection),
            may_change=connection.is_open and may(g.session.account, "change_mapping"),
        )

    def entity(self, connection_id: str, entity: str) -> View:
        """The unified fields with their expressions, the fields of the source beside, the versions below."""
        connection = self._appliance.connections.get(connection_id)
        shown = self._mappings.show(connection.id, entity)
        return render_template(
            "mapping.html",
            connection=connection,
            entity=self._appliance.model.entities[entity],
            shown=shown,
            versions=shown["versions"][:VERSIONS_SHOWN],
            custom=_custom_fields(shown),
            progress=self._progress(connection, entity),
            findings=self._findings(connection, entity),
            saved=request.args.get("saved", ""),
            may_change=connection.is_open and may(g.session.account, "change_mapping"),
        )

    def progress(self, connection_id: str, entity: str) -> Response:
        connection = self._appliance.connections.get(connection_id)
        return jsonify(self._progress(connection, entity))

    def ask(self, connection_id: str, entity: str) -> View:
        """The form for a field of the model (`field`), for a custom field (`custom`), or for a new one (`custom=`)."""
        require(g.session.account, "change_mapping")
        connection, shown, model = self._shown(connection_id, entity)
        name = request.args.get("field", "")
        if name and name not in shown["map"]:
            raise MappingUnknown(f"{entity} has no field {name[:60]!r}.")
        part: Part = "map" if name else "custom"
        name = name or request.args.get("custom", "")
        if not name:
            return self._form(connection, shown, model, FieldForm("custom", "", adds=True))
        now = (shown["map"] if part == "map" else _expressions(shown)).get(name)
        taken_out = name in shown["changed"][part] and shown["changed"][part][name] is None
        return self._form(connection, shown, model, of_expression(part, name, now, taken_out=taken_out))

    def preview(self, connection_id: str, entity: str) -> View:
        """The form again, with records as they are and as they would be, or with what is wrong at its field."""
        require(g.session.account, "change_mapping")
        connection, shown, model = self._shown(connection_id, entity)
        form = self._sent(shown)
        try:
            tried = self._mappings.preview(connection.id, entity, form.change(shown["changed"]))
        except MappingInvalid as failure:
            return self._form(connection, shown, model, form, failure=failure), 422
        return self._form(connection, shown, model, form, tried=[_compared(one) for one in tried])

    def save(self, connection_id: str, entity: str) -> View:
        """Put the change in force, on top of whatever else is by then."""
        require(g.session.account, "change_mapping")
        connection, shown, model = self._shown(connection_id, entity)
        form = self._sent(shown)
        try:
            version = self._mappings.change(
                connection.id,
                entity,
                form.change(shown["changed"]),
                note=request.form.get("note", "").strip(),
                author=g.session.account.name,
            )
        except MappingInvalid as failure:
            return self._form(connection, shown, model, form, failure=failure), 422
        return self._saved(connection, entity, version.number)

    def roll_back(self, connection_id: str, entity: str) -> View:
        """Put an earlier version in force again, as a new one; 0 is the connector's own mapping."""
        require(g.session.account, "change_mapping")
        connection = self._appliance.connections.get(connection_id)
        number = request.form.get("version", "")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise InvalidInput("The version is a number, 0 for the connector's own mapping.")
        author = g.session.account.name
        version = self._mappings.roll_back(connection.id, entity, int(number), author=author)
        return self._saved(connection, entity, version.number)

    def _saved(self, connection: Connection, entity: str, number: int) -> View:
        return redirect(
            url_for("admin.mapping", connection_id=connection.id, entity=entity, saved=number), 303
        )

    def _sent(self, shown: dict[str, Any]) -> FieldForm:
        form = of_request(request.form)
        if form.part == "map" and form.name not in shown["map"]:
            raise MappingUnknown(f"{shown['entity']} has no field {form.name[:60]!r}.")
        return form

    def _shown(self, connection_id: str, entity: str) -> tuple[Connection, dict[str, Any], Entity]:
        connection = self._appliance.connections.get(connection_id)
        shown = self._mappings.show(connection.id, entity)
        return connection, shown, self._appliance.model.entities[entity]

    def _form(
        self,
        connection: Connection,
        shown: dict[str, Any],
        model: Entity,
        form: FieldForm,
        *,
        failure: MappingInvalid | None = None,
        tried: list[dict[str, Any]] | None = None,
    ) -> str:
        own = self._appliance.catalog.definition(connection.system, connection.fields)
        mapped = own.entities[model.name].map
        paths = [one["path"] for one in shown["source_fields"]]
        return render_template(
            "mapping_change.html",
            connection=connection,
            entity=model,
            shown=shown,
            form=form,
            field=model.fields.get(form.name) if form.part == "map" else None,
            own=mapped.get(form.name) if form.part == "map" else _members(mapped).get(form.name),
            is_changed=form.name in shown["changed"][form.part],
            # What stands in a list is reached by an expression with `each`.
            paths=[path for path in paths if "[]" not in path],
            is_unknown_path=form.how == "path" and bool(form.path) and bool(paths) and form.path not in paths,
            problems={} if failure is None else {form.place(failure): failure.message},
            tried=tried,
        )

    def _findings(self, connection: Connection, entity: str | None = None) -> list[dict[str, Any]]:
        """Changes in the fields of the source, with what they fill."""
        found = self._appliance.findings.page(connection.id, entity=entity, limit=FINDINGS_SHOWN)
        return self._mappings.with_fills(connection.id, found)

    def _progress(self, connection: Connection, entity: str) -> dict[str, Any] | None:
        """Of mapping the records anew; `total` is how many there are."""
        going = self._mappings.progress(connection.id, entity)
        if going is None:
            return None
        total = self._appliance.records.counts(connection.id).get(entity, 0)
        return {**going, "done": min(going["mapped"] + going["rejected"], total), "total": total}


def _members(mapping: dict[str, Any]) -> dict[str, Any]:
    """The expressions below `customFields` that have a name of their own."""
    expression = mapping.get("customFields")
    members = expression.get("fields") if isinstance(expression, dict) else None
    return members if isinstance(members, dict) else {}


def _expressions(shown: dict[str, Any]) -> dict[str, Any]:
    return {**_members(shown["map"]), **shown["changed"]["custom"]}


def _custom_fields(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, expression (None: taken out) and whether it was changed, of every custom field with a name."""
    changed = shown["changed"]["custom"]
    return [
        {"name": name, "expression": expression, "changed": name in changed}
        for name, expression in _expressions(shown).items()
    ]


def _compared(one: dict[str, Any]) -> dict[str, Any]:
    """A record of the preview with what differs, custom fields one by one."""
    if "rejected" in one:
        return {"key": one["key"], "title": one["key"], "rejected": one["rejected"], "differences": []}
    now, then = one["now"], one["then"]
    differences: list[tuple[str, Any, Any]] = []
    for name in one["changed"]:
        before, after = now.get(name), then[name]
        if name == "customFields" and isinstance(after or {}, dict) and isinstance(before or {}, dict):
            before, after = before or {}, after or {}
            inside = [*after, *(inner for inner in before if inner not in after)]
            differences += [
                (f"customFields.{inner}", before.get(inner), after.get(inner))
                for inner in inside
                if before.get(inner) != after.get(inner)
            ]
        else:
            differences.append((name, before, after))
    title = next((str(now[name]) for name in TELLING if now.get(name) not in (None, "")), one["key"])
    return {"key": one["key"], "title": title[:80], "rejected": None, "differences": differences}
