"""The admin page: everything under `/admin/`."""

from typing import NoReturn

from flask import Blueprint, g, render_template

from appliance.admin import rendering
from appliance.admin.access import Access
from appliance.admin.once import Tickets
from appliance.admin.views import (
    api_keys,
    applications,
    backups,
    capabilities,
    connect,
    connections,
    credits,
    issues,
    maintenance,
    mapping,
    passthrough,
    push,
    quarantine,
    records,
    requests,
    runs,
    schedule,
    sign_in,
    storage,
    webhooks,
    writes,
)
from appliance.app import Appliance
from appliance.errors import NotFound


class PageNotFound(NotFound):
    code = "PAGE_NOT_FOUND"


_TITLES = {
    400: "That request cannot be understood",
    403: "That is not allowed",
    404: "There is no such page",
    405: "That is not possible here",
    409: "That is not possible now",
    413: "That is too large",
    429: "Please wait a little",
    500: "Something went wrong on our side",
    502: "The source system refused",
    503: "The source system does not answer",
    507: "The disk is full",
}


def blueprint(appliance: Appliance) -> Blueprint:
    """All pages. Without a session they lead to the sign-in."""
    pages = Blueprint("admin", __name__, url_prefix="/admin")
    access = Access(appliance)
    tickets = Tickets()
    pages.before_request(access.guard)
    pages.after_request(access.keep_visitor)
    rendering.install(pages, appliance.clock)
    sign_in.add_views(pages, appliance, access)
    connections.add_views(pages, appliance, tickets)
    connect.add_views(pages, appliance, tickets)
    runs.add_views(pages, appliance)
    records.add_views(pages, appliance)
    schedule.add_views(pages, appliance)
    mapping.add_views(pages, appliance)
    quarantine.add_views(pages, appliance)
    capabilities.add_views(pages, appliance)
    writes.add_views(pages, appliance)
    passthrough.add_views(pages, appliance)
    push.add_views(pages, appliance, tickets)
    credits.add_views(pages, appliance)
    api_keys.add_views(pages, appliance, tickets)
    applications.add_views(pages, appliance, tickets)
    webhooks.add_views(pages, appliance, tickets)
    requests.add_views(pages, appliance)
    issues.add_views(pages, appliance)
    storage.add_views(pages, appliance)
    backups.add_views(pages, appliance)
    maintenance.add_views(pages, appliance)
    # Without this the guard would not see unknown addresses, and their error page not the session.
    pages.add_url_rule("/<path:unknown>", "unknown", _unknown)
    return pages


def _unknown(unknown: str) -> NoReturn:
    raise PageNotFound(f"There is nothing at /admin/{unknown[:100]}.")


def error_page(status: int, code: str, message: str) -> tuple[str, int]:
    """An error as a page with the request's id."""
    return (
        render_template(
            "error.html",
            title=_TITLES.get(status, "That did not work"),
            status=status,
            code=code,
            message=message,
            request_id=g.get("request_id", ""),
        ),
        status,
    )
