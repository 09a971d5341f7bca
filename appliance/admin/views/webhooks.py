"""Webhooks: the endpoints, one of them with its log of deliveries, one delivery; test events, rotation, replay."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.once import FIELD, Tickets
from appliance.app import Appliance
from appliance.errors import ApplianceError
from appliance.users.roles import require
from appliance.webhooks.endpoints import Made, Owner
from appliance.webhooks.history import STATES
from appliance.webhooks.tables import Endpoint

View = str | tuple[str, int] | AnyResponse

SHOWN = 50
ENDPOINTS_SHOWN = 200
ROTATION_HOURS = (24, 0, 72, 168)


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    views = _Views(appliance, tickets)
    one, delivery = "/webhooks/<webhook_id>", "/webhooks/<webhook_id>/deliveries/<event_id>"
    rules = (
        ("/webhooks", "webhooks", views.all, "GET"),
        ("/webhooks", "create_webhook", views.create, "POST"),
        (one, "webhook", views.show, "GET"),
        (one, "change_webhook", views.change, "POST"),
        (f"{one}/rotate", "rotate_webhook", views.rotate, "POST"),
        (f"{one}/test", "test_webhook", views.test, "POST"),
        (f"{one}/replay", "replay_webhook", views.replay_all, "POST"),
        (f"{one}/delete", "delete_webhook", views.delete, "POST"),
        (delivery, "webhook_delivery", views.delivery, "GET"),
        (f"{delivery}/replay", "replay_webhook_delivery", views.replay, "POST"),
    )
    for path, endpoint, view, method in rules:
        pages.add_url_rule(path, endpoint, view, methods=[method])


class _Views:
    def __init__(self, appliance: Appliance, tickets: Tickets) -> None:
        self._appliance = appliance
        self._webhooks = appliance.webhooks
        self._tickets = tickets

    def all(self) -> View:
        """Every endpoint, or those that are of one connection alone."""
        _allow()
        return self._list()

    def create(self) -> View:
        """Make an endpoint; its secret is on the page answered, once."""
        _allow()
        if not self._tickets.take(request.form.get(FIELD, "")):
            return self._list(
                notice="That form was sent before, and its webhook made then. No other was made."
            ), 409
        try:
            connection_id = request.form.get("connection_id") or None
            application_id = request.form.get("application_id") or None
            if connection_id is not None:
                self._appliance.connections.get_open(connection_id)
                application_id = None
            elif application_id is not None:
                self._appliance.applications.get(application_id)
            made = self._webhooks.create(_given(), Owner(connection_id, application_id), may_be_here=True)
        except ApplianceError as refused:
            return self._list(refused), 422
        return _secret(made, renewed=False)

    def show(self, webhook_id: str) -> View:
        _allow()
        return self._page(self._webhooks.get(webhook_id))

    def change(self, webhook_id: str) -> View:
        """Name, address, events and switches as the form has them."""
        _allow()
        switches = {name: name in request.form for name in ("enabled", "disable_on_gone")}
        try:
            self._webhooks.change(webhook_id, {**_given(), **switches}, may_be_here=True)
        except ApplianceError as refused:
            return self._page(self._webhooks.get(webhook_id), refused=refused), 422
        return redirect(url_for("admin.webhook", webhook_id=webhook_id, saved=1), 303)

    def rotate(self, webhook_id: str) -> View:
        """A new secret; it is on the page answered, once."""
        _allow()
        endpoint = self._webhooks.get(webhook_id)
        if not self._tickets.take(request.form.get(FIELD, "")):
            return self._page(
                endpoint, notice="That form was sent before. The secret was not changed again."
            ), 409
        hours = request.form.get("hours", "")
        chosen = int(hours) if hours in map(str, ROTATION_HOURS) else ROTATION_HOURS[0]
        return _secret(self._webhooks.rotate(endpoint.id, chosen), renewed=True)

    def test(self, webhook_id: str) -> View:
        """Send a test event, and show how it went."""
        _allow()
        try:
            sent = self._webhooks.test(webhook_id, request.form.get("event", ""))
        except ApplianceError as refused:
            return self._page(self._webhooks.get(webhook_id), refused=refused), 422
        return redirect(url_for("admin.webhook_delivery", webhook_id=webhook_id, event_id=sent["id"]), 303)

    def replay_all(self, webhook_id: str) -> View:
        """Send all that is undelivered again."""
        _allow()
        try:
            number = self._webhooks.history.replay_all(self._webhooks.get(webhook_id).id)
        except ApplianceError as refused:
            return self._page(self._webhooks.get(webhook_id), refused=refused), 409
        return redirect(url_for("admin.webhook", webhook_id=webhook_id, replayed=number), 303)

    def delete(self, webhook_id: str) -> View:
        _allow()
        self._webhooks.delete(webhook_id)
        return redirect(url_for("admin.webhooks"), 303)

    def delivery(self, webhook_id: str, event_id: str) -> View:
        _allow()
        return self._delivery(self._webhooks.get(webhook_id), event_id)

    def replay(self, webhook_id: str, event_id: str) -> View:
        """Send one event again."""
        _allow()
        endpoint = self._webhooks.get(webhook_id)
        try:
            self._webhooks.history.replay(endpoint.id, event_id)
        except ApplianceError as refused:
            return self._delivery(endpoint, event_id, refused), 409
        return redirect(url_for("admin.webhook_delivery", webhook_id=webhook_id, event_id=event_id), 303)

    def _list(self, refused: ApplianceError | None = None, notice: str | None = None) -> str:
        chosen = request.args.get("connection", "")
        table = self._webhooks.table
        found = table.of_connection(chosen) if chosen else table.all()
        now = self._appliance.clock.now_ms()
        connections = self._appliance.connections.table.all()
        applications = self._appliance.applications.list()
        return render_template(
            "webhooks.html",
            endpoints=[endpoint.as_dict(now) for endpoint in found[:ENDPOINTS_SHOWN]],
            left_out=max(0, len(found) - ENDPOINTS_SHOWN),
            connections=[one for one in connections if one.is_open],
            applications=[one for one in applications if one["revoked_at"] is None],
            connection_names={one.id: one.name for one in connections},
            application_names={one["id"]: one["name"] for one in applications},
            events=self._webhooks.events.sentences,
            filled=request.form or {"connection_id": chosen},
            chosen=chosen,
            refused=refused,
            problems={} if refused is None else refused.details.get("fields", {}),
            notice_text=notice,
            ticket=self._tickets.issue(),
        )

    def _page(
        self, endpoint: Endpoint, *, refused: ApplianceError | None = None, notice: str | None = None
    ) -> str:
        state = request.args.get("state", "")
        before = request.args.get("before") or None
        rows = self._webhooks.history.page(
            endpoint.id, SHOWN + 1, state=state if state in STATES else None, before=before
        )
        connection = self._appliance.connections.table.find(endpoint.connection_id or "")
        return render_template(
            "webhook.html",
            webhook=endpoint.as_dict(self._appliance.clock.now_ms()),
            counts=self._webhooks.history.counts(endpoint.id),
            connection=connection,
            application_id=endpoint.application_id,
            events=self._webhooks.events.sentences,
            filled=request.form if refused is not None and "url" in request.form else None,
            refused=refused,
            problems={} if refused is None else refused.details.get("fields", {}),
            notice_text=notice,
            saved="saved" in request.args,
            replayed=request.args.get("replayed", type=int),
            rows=rows[:SHOWN],
            following=rows[SHOWN - 1]["id"] if len(rows) > SHOWN else None,
            state=state,
            states=STATES,
            is_first=before is None,
            rotation_hours=ROTATION_HOURS,
            ticket=self._tickets.issue(),
        )

    def _delivery(self, endpoint: Endpoint, event_id: str, refused: ApplianceError | None = None) -> str:
        return render_template(
            "webhook_delivery.html",
            webhook=endpoint.as_dict(self._appliance.clock.now_ms()),
            found=self._webhooks.history.find(endpoint.id, event_id),
            refused=refused,
        )


def _allow() -> None:
    require(g.session.account, "manage_webhooks")


def _given() -> Mapping[str, Any]:
    form = request.form
    return {name: form.get(name, "") for name in ("url", "name")} | {"events": form.get("events", "").split()}


def _secret(made: Made, *, renewed: bool) -> str:
    return render_template("webhook_secret.html", webhook=made.endpoint, secret=made.secret, renewed=renewed)
