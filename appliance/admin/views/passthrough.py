"""What a connection may hand on to its source as it is: closed, until an administrator opens it rule by rule."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.errors import InvalidInput
from appliance.passthrough.rules import METHODS
from appliance.users.roles import may, require

View = str | tuple[str, int] | AnyResponse

CALLS_SHOWN = 100
LONGEST_FORM = 50_000


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    service = appliance.passthrough

    def page(connection: Connection, *, written: str | None = None, problem: str = "") -> str:
        rules = service.table.rules(connection.id).texts
        return render_template(
            "passthrough.html",
            connection=connection,
            rules=[(text, explained(text)) for text in rules],
            written="\n".join(rules) if written is None else written,
            problem=problem,
            last_change=service.table.last_change(connection.id),
            calls=service.table.calls(connection.id, CALLS_SHOWN),
            may_open=connection.is_open and may(g.session.account, "open_passthrough"),
            saved="saved" in request.args,
        )

    @pages.get("/connections/<connection_id>/passthrough", endpoint="passthrough")
    def show(connection_id: str) -> View:
        require(g.session.account, "read_request_log")
        return page(appliance.connections.get(connection_id))

    @pages.post("/connections/<connection_id>/passthrough", endpoint="open_passthrough")
    def change(connection_id: str) -> View:
        """Set the rules, one a line; none closes it."""
        require(g.session.account, "open_passthrough")
        connection = appliance.connections.get(connection_id)
        written = request.form.get("allow", "")[:LONGEST_FORM]
        rules = [" ".join(line.split()) for line in written.splitlines() if line.strip()]
        try:
            service.open_for(connection.id, rules, by=g.session.account.name)
        except InvalidInput as refused:
            return page(connection, written=written, problem=refused.message), 422
        return redirect(url_for("admin.passthrough", connection_id=connection.id, saved=1), 303)


def explained(rule: str) -> str:
    """What a rule opens, in words."""
    if rule == "SQL":
        return "Queries of the database, up to 1,000 rows each"
    method, _, path = rule.partition(" ")
    does = {"GET": "Reading", "DELETE": "Deleting", "*": f"All methods ({', '.join(METHODS)}) on"}.get(
        method, f"Writing by {method} to"
    )
    if path.endswith("/**"):
        where = "everything below " + path.removesuffix("**") if path != "/**" else "every path"
    else:
        where = path
    stars = path.removesuffix("**").count("*")
    return f"{does} {where}" + (", where * is any one part of the path" if stars else "")
