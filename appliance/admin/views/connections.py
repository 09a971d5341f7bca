"""Connections: the list, one of them, and what can be done with it."""

from typing import Any, cast

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.forms import Filled, changed_fields, refill
from appliance.admin.guide import render_guide
from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import token_page
from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError, InvalidInput, NotFound
from appliance.runtime.definition import Definition
from appliance.sync.runs.overview import Overview, overview
from appliance.sync.runs.tables import Mode
from appliance.users.roles import may

SHOWN = 200
RUNS_SHOWN = 15

View = str | tuple[str, int] | AnyResponse


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    views = _Views(appliance, tickets)
    rules = (
        ("/", "home", views.home, "GET"),
        ("/connections/<connection_id>", "connection", views.detail, "GET"),
        ("/connections/<connection_id>/sync", "sync", views.sync, "POST"),
        ("/connections/<connection_id>/test", "test", views.test, "POST"),
        ("/connections/<connection_id>/reauthorize", "reauthorize", views.ask_credentials, "GET"),
        ("/connections/<connection_id>/reauthorize", "do_reauthorize", views.reauthorize, "POST"),
        ("/connections/<connection_id>/disconnect", "disconnect", views.ask_disconnect, "GET"),
        ("/connections/<connection_id>/disconnect", "do_disconnect", views.disconnect, "POST"),
    )
    for path, endpoint, view, method in rules:
        pages.add_url_rule(path, endpoint, view, methods=[method])


class _Views:
    def __init__(self, appliance: Appliance, tickets: Tickets) -> None:
        self._appliance = appliance
        self._connections = appliance.connections
        self._tickets = tickets

    def home(self) -> View:
        """All connections; those that were disconnected at the end."""
        sought = request.args.get("q", "").strip()[:100]
        found = [
            one
            for one in self._connections.table.all()
            if sought.lower() in one.name.lower() or sought.lower() in one.system.lower()
        ]
        shown = found[:SHOWN]
        definitions = self._appliance.catalog.definitions()
        left = self._connections.table.find(request.args.get("disconnected", ""))
        return render_template(
            "home.html",
            open_ones=[one for one in shown if one.is_open],
            closed_ones=[one for one in shown if not one.is_open],
            overviews=overview(self._appliance.database, [one.id for one in shown]),
            nothing_yet=Overview(),
            systems={one.system: one.name for one in definitions},
            sandbox=next((one for one in definitions if one.free and _needs_nothing(one)), None),
            ticket=self._tickets.issue(),
            sought=sought,
            left_out=len(found) - len(shown),
            disconnected=left if left is not None and not left.is_open else None,
            balance=self._appliance.ledger.balance(),
        )

    def detail(self, connection_id: str) -> View:
        return self._page(self._connections.get(connection_id))

    def sync(self, connection_id: str) -> View:
        """Queue a run and go to it. Without entities: all."""
        connection = self._connections.get(connection_id)
        mode = request.form.get("mode", "incremental")
        try:
            if mode not in ("full", "incremental", "reconcile"):
                raise InvalidInput("The mode is full, incremental or reconcile.")
            run_id = self._appliance.planner.request_run(
                connection.id, entities=request.form.getlist("entity") or None, mode=cast(Mode, mode)
            )
        except ApplianceError as refused:
            return self._page(connection, failure=refused), 409
        return redirect(url_for("admin.run", run_id=run_id), 303)

    def test(self, connection_id: str) -> View:
        """Probe now, and show the stages on the connection's page."""
        connection = self._connections.get(connection_id)
        try:
            report = self._connections.test(connection_id)
        except ApplianceError as refused:
            return self._page(connection, failure=refused), 409
        tested = {"stages": report.as_dicts(), "failure": report.failure}
        return self._page(self._connections.get(connection_id), tested=tested)

    def ask_credentials(self, connection_id: str) -> View:
        connection = self._connections.get(connection_id)
        return self._credentials_form(connection, Filled(connection.fields))

    def reauthorize(self, connection_id: str) -> View:
        """Replace the credentials; the new token is on the page answered, once."""
        connection = self._connections.get(connection_id)
        definition = self._appliance.catalog.folder(connection.system).definition
        if not self._tickets.take(request.form.get(FIELD, "")):
            return self._page(connection, sent_before=True), 409
        try:
            made = self._connections.reauthorize(connection_id, changed_fields(definition, request.form))
        except ApplianceError as refused:
            return self._credentials_form(connection, refill(definition, request.form, refused)), 422
        return token_page(self._appliance, made, renewed=True)

    def ask_disconnect(self, connection_id: str) -> View:
        connection = self._connections.get(connection_id)
        if not connection.is_open:
            return redirect(url_for("admin.connection", connection_id=connection.id), 303)
        return render_template(
            "disconnect.html",
            connection=connection,
            system_name=self._system_name(connection),
            records=sum(self._appliance.records.counts(connection.id).values()),
        )

    def disconnect(self, connection_id: str) -> View:
        self._connections.disconnect(connection_id)
        return redirect(url_for("admin.home", disconnected=connection_id), 303)

    def _credentials_form(self, connection: Connection, filled: Filled) -> str:
        folder = self._appliance.catalog.folder(connection.system)
        return render_template(
            "reauthorize.html",
            connection=connection,
            definition=folder.definition,
            guide=render_guide(folder.guide),
            filled=filled,
            ticket=self._tickets.issue(),
        )

    def _page(
        self,
        connection: Connection,
        *,
        failure: ApplianceError | None = None,
        tested: dict[str, Any] | None = None,
        sent_before: bool = False,
    ) -> str:
        planner = self._appliance.planner
        counts = self._appliance.records.counts(connection.id)
        entities = planner.schedules.of_connection(connection.id)
        known = overview(self._appliance.database, [connection.id])
        return render_template(
            "connection.html",
            connection=connection,
            system_name=self._system_name(connection),
            hint=self._connections.tokens.hint(connection.id) if connection.is_open else None,
            overview=known.get(connection.id, Overview()),
            entities=[{**row, "records": counts.get(row["entity"], 0)} for row in entities],
            runs=planner.runs.recent(connection.id, RUNS_SHOWN),
            holds=[hold for hold in self._appliance.removals.held(connection.id) if hold["state"] == "open"],
            notices=planner.runs.notices(connection.id),
            health=self._appliance.standing.describe(connection),
            may_dismiss=may(g.session.account, "dismiss_issue"),
            failure=failure,
            tested=tested,
            sent_before=sent_before,
        )

    def _system_name(self, connection: Connection) -> str:
        try:
            return self._appliance.catalog.folder(connection.system).definition.name
        except NotFound:
            # The connector's folder was taken away; the connection is still there to be disconnected.
            return connection.system


def _needs_nothing(definition: Definition) -> bool:
    return all(not one.required or one.default is not None for one in definition.form)
