"""Changes that the source of a connection sends by itself: the secret address, and what came to it."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.guide import render_guide
from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import base_url
from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError
from appliance.runtime.catalog import UnknownSystem
from appliance.sync.pushes.service import Opened
from appliance.users.roles import may, require

LONGEST_FORM = 50_000

View = str | tuple[str, int] | AnyResponse


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    pushes = appliance.pushes

    def page(connection: Connection, *, opened: Opened | None = None, problem: str = "") -> str:
        return render_template(
            "push.html",
            connection=connection,
            push=pushes.show(connection.id),
            address=None if opened is None else f"{base_url(appliance)}/hooks/{opened.secret}",
            signing_key=None if opened is None else opened.signing_key,
            guide=guide_of(appliance, connection),
            may_change=connection.is_open and may(g.session.account, "change_push"),
            ticket=tickets.issue(),
            problem=problem,
            saved="saved" in request.args,
        )

    @pages.get("/connections/<connection_id>/push", endpoint="push")
    def show(connection_id: str) -> View:
        return page(appliance.connections.get(connection_id))

    @pages.post("/connections/<connection_id>/push", endpoint="make_push_address")
    def make(connection_id: str) -> View:
        """A new address, shown on the page answered, once."""
        require(g.session.account, "change_push")
        connection = appliance.connections.get(connection_id)
        if not tickets.take(request.form.get(FIELD, "")):
            return page(connection, problem="That form was sent before. Nothing was done this time."), 409
        return attempt(connection, lambda: page(connection, opened=pushes.open_address(connection.id)))

    @pages.post("/connections/<connection_id>/push/keys", endpoint="set_push_keys")
    def set_keys(connection_id: str) -> View:
        """The signing keys that the source made, one a line."""
        require(g.session.account, "change_push")
        connection = appliance.connections.get(connection_id)
        lines = request.form.get("signing_keys", "")[:LONGEST_FORM].splitlines()

        def change() -> AnyResponse:
            pushes.set_signing_keys(connection.id, [line for line in lines if line.strip()])
            return redirect(url_for("admin.push", connection_id=connection.id, saved=1), 303)

        return attempt(connection, change)

    @pages.post("/connections/<connection_id>/push/off", endpoint="end_push")
    def switch_off(connection_id: str) -> View:
        require(g.session.account, "change_push")
        pushes.close(appliance.connections.get(connection_id).id)
        return redirect(url_for("admin.push", connection_id=connection_id, saved=1), 303)

    def attempt(connection: Connection, change: Any) -> View:
        try:
            done: View = change()
        except ApplianceError as refused:
            return page(connection, problem=refused.message), 422
        return done


def guide_of(appliance: Appliance, connection: Connection) -> Any:
    """The section of the system's guide that is about this, as HTML; None where there is none."""
    try:
        text = appliance.catalog.folder(connection.system).guide
    except UnknownSystem:
        return None
    _, found, rest = text.partition("## Changes at once\n")
    section = rest.partition("\n## ")[0].partition("\nSources: ")[0]
    return render_guide(section) if found else None
