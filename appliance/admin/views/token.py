"""The one page on which a connection's token stands."""

from flask import render_template, request

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected


def token_page(appliance: Appliance, made: Connected, *, renewed: bool) -> str:
    """Rendered as the answer to the form itself: a redirect would have to keep the token somewhere."""
    queued = appliance.planner.runs.recent(made.connection.id, 1)
    return render_template(
        "token.html",
        connection=made.connection,
        token=made.token,
        found=made.report.as_dicts(),
        example=f"{base_url(appliance)}{_first_list(appliance, made)}",
        own_certificate=appliance.settings.tls_mode == "self_signed",
        run=queued[0] if queued else None,
        renewed=renewed,
    )


def base_url(appliance: Appliance) -> str:
    """How others reach this machine, as set or as this browser does."""
    return (appliance.settings.public_url or request.host_url).rstrip("/")


def _first_list(appliance: Appliance, made: Connected) -> str:
    categories = appliance.catalog.folder(made.connection.system).definition.categories
    lists = {
        operation.entity: f"/api/{operation.category}/{operation.path}?per_page=5"
        for operation in appliance.model.operations
        if operation.kind == "list" and operation.category in categories
    }
    preferred = ("WorkOrder", "PurchaseOrder", "Asset", *made.report.readable)
    readable = [lists[name] for name in preferred if name in made.report.readable and name in lists]
    return readable[0] if readable else "/api/v1/sync-status"
