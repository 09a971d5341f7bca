"""Connect a system: choose it, fill in its form, and get the token."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.forms import Filled, given_fields, refill, whole_number
from appliance.admin.guide import render_guide
from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import token_page
from appliance.app import Appliance
from appliance.errors import ApplianceError
from appliance.runtime.definition import Definition

View = str | tuple[str, int] | AnyResponse

SHOWN = 200


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    @pages.get("/connect", endpoint="catalogue")
    def catalogue() -> View:
        """Every system with what it costs; `q` narrows by name, vendor and entity."""
        sought = request.args.get("q", "").strip()[:100]
        found = [one for one in appliance.catalog.definitions() if _matches(one, sought.lower())]
        return render_template(
            "catalogue.html",
            systems=[(one, _prices(appliance, one)) for one in found[:SHOWN]],
            sought=sought,
            broken=appliance.catalog.broken(),
        )

    @pages.get("/connect/<system>", endpoint="connect")
    def ask(system: str) -> View:
        definition = appliance.catalog.folder(system).definition
        defaults = {one.name: one.default for one in definition.form if one.default is not None}
        days = appliance.settings.sync_historical_days
        return form_page(system, Filled({**defaults, "name": definition.name, "historical_days": days}))

    @pages.post("/connect/<system>", endpoint="do_connect")
    def connect(system: str) -> View:
        """Connect; the token is on the page answered, once. A form sent twice connects once."""
        definition = appliance.catalog.folder(system).definition
        if not tickets.take(request.form.get(FIELD, "")):
            return render_template("sent_before.html"), 409
        try:
            made = appliance.connections.connect(
                system=system,
                name=request.form.get("name", ""),
                fields=given_fields(definition, request.form),
                hosting=request.form.get("hosting"),
                historical_days=whole_number(request.form.get("historical_days", ""), "historical_days"),
            )
        except ApplianceError as refused:
            return form_page(system, refill(definition, request.form, refused)), 422
        return token_page(appliance, made, renewed=False)

    def form_page(system: str, filled: Filled) -> str:
        folder = appliance.catalog.folder(system)
        return render_template(
            "connect.html",
            definition=folder.definition,
            guide=render_guide(folder.guide),
            filled=filled,
            prices=_prices(appliance, folder.definition),
            balance=appliance.ledger.balance(),
            ticket=tickets.issue(),
        )


def _prices(appliance: Appliance, definition: Definition) -> dict[str, int]:
    """Hosting to credits, for each place the system can be installed in."""
    places = ("cloud", "on_premises") if definition.hosting == "either" else (definition.hosting,)
    return {place: appliance.connections.quote(definition.system, place)[1] for place in places}


def _matches(definition: Definition, sought: str) -> bool:
    text = " ".join((definition.name, definition.vendor, definition.summary, *definition.entities))
    return all(word in text.lower() for word in sought.split())
