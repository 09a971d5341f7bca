"""Maintenance: begin it, end it; a line on every page tells of it."""

from collections.abc import Callable

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.operations.upgrades.maintenance import Period
from appliance.users.roles import may, require


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    maintenance = appliance.maintenance

    @pages.get("/maintenance", endpoint="maintenance")
    def show() -> str:
        return render_template("maintenance.html", may_change=may(g.session.account, "maintain"))

    @pages.post("/maintenance", endpoint="switch_maintenance")
    def switch() -> AnyResponse:
        require(g.session.account, "maintain")
        if "begin" in request.form:
            maintenance.begin(g.session.account.name, request.form.get("why", ""))
        else:
            maintenance.end()
        return redirect(url_for("admin.maintenance"), 303)

    def told() -> dict[str, Callable[[], Period | None]]:
        return {"maintenance_period": maintenance.period}

    pages.app_context_processor(told)
