"""Backups: where they go, what came of the last one, and one more on demand."""

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.errors import ApplianceError
from appliance.users.roles import may, require

View = str | tuple[str, int] | AnyResponse

SHOWN = 50


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/backups", endpoint="backups")
    def show() -> View:
        return _page(None)

    @pages.post("/backups", endpoint="make_backup")
    def make() -> View:
        """Have the engine make one; what waits already is not asked for twice."""
        account = g.session.account
        require(account, "make_backup")
        try:
            appliance.backups.ask(account.name)
        except ApplianceError as refused:
            return _page(refused), 422
        return redirect(url_for("admin.backups"), 303)

    def _page(refused: ApplianceError | None) -> str:
        return render_template(
            "backups.html",
            **appliance.backups.describe(),
            backups=[one.as_dict() for one in appliance.backups.table.recent(SHOWN)],
            waiting=appliance.backups.table.waiting(),
            may_make=may(g.session.account, "make_backup"),
            refused=refused,
        )
