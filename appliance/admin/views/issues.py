"""What is wrong, of everything: the page of issues, and how many are open beside every page."""

from collections.abc import Callable

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.connections.condition.issues import STATES, State
from appliance.users.roles import may, require

View = str | AnyResponse

SHOWN = 50
DEEPEST = 10_000


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/issues", endpoint="issues")
    def show() -> View:
        """The open ones, or those of another `state`; `page` from 1."""
        state: State = next((one for one in STATES if one == request.args.get("state")), "open")
        given = request.args.get("page", "")
        page = min(int(given), DEEPEST) if given.isascii() and given.isdigit() and len(given) < 9 else 1
        page = max(1, page)
        found = appliance.issues.page(None, state, limit=SHOWN + 1, offset=(page - 1) * SHOWN)
        return render_template(
            "issues.html",
            issues=[one.as_dict() for one in found[:SHOWN]],
            more=len(found) > SHOWN,
            page=page,
            state=state,
            counts={one: appliance.issues.count(None, one) for one in STATES},
            may_dismiss=may(g.session.account, "dismiss_issue"),
        )

    @pages.post("/issues/<issue_id>/dismiss", endpoint="dismiss_issue")
    def dismiss(issue_id: str) -> View:
        account = g.session.account
        require(account, "dismiss_issue")
        appliance.issues.dismiss(issue_id, request.form.get("note", ""), by=account.name)
        return redirect(url_for("admin.issues"), 303)

    def counted() -> dict[str, Callable[[], int]]:
        # Called by the navigation alone: one query over the index of what is not resolved.
        return {"count_open_issues": appliance.issues.count}

    pages.app_context_processor(counted)
