"""One run of a synchronization, live while it works."""

from typing import Any

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.rendering import ago, duration, label
from appliance.app import Appliance
from appliance.sync.runs.tables import ACTIVE
from appliance.users.roles import require

View = str | AnyResponse


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/runs/<run_id>", endpoint="run")
    def run(run_id: str) -> View:
        described = describe(appliance, run_id)
        connection = appliance.connections.get(described["connection_id"])
        return render_template("run.html", run=described, connection=connection)

    @pages.get("/runs/<run_id>.json", endpoint="run_json")
    def run_json(run_id: str) -> Response:
        return jsonify(describe(appliance, run_id))

    @pages.post("/runs/<run_id>/cancel", endpoint="cancel_run")
    def cancel(run_id: str) -> View:
        connection_id = appliance.planner.describe_run(run_id)["connection_id"]
        appliance.planner.cancel_run(run_id, connection_id)
        return redirect(url_for("admin.run", run_id=run_id), 303)

    @pages.post("/runs/<run_id>/undo-deletions", endpoint="undo_deletions")
    def undo(run_id: str) -> View:
        """Bring back what the run deleted, and say how many records that were."""
        require(g.session.account, "decide_deletions")
        described = describe(appliance, run_id)
        restored = appliance.removals.undo(described["connection_id"], run_id)
        connection = appliance.connections.get(described["connection_id"])
        return render_template("run.html", run=described, connection=connection, restored=restored)

    @pages.post("/connections/<connection_id>/deletions/<hold_id>", endpoint="decide_deletion")
    def decide(connection_id: str, hold_id: str) -> View:
        """Approve or dismiss a deletion that was held back."""
        account = g.session.account
        require(account, "decide_deletions")
        if request.form.get("decision") == "approve":
            run_id = appliance.removals.approve(connection_id, hold_id, by=account.name)
            return redirect(url_for("admin.run", run_id=run_id), 303)
        appliance.removals.dismiss(connection_id, hold_id, by=account.name)
        return redirect(url_for("admin.connection", connection_id=connection_id), 303)

    @pages.post("/connections/<connection_id>/history", endpoint="change_history")
    def change_history(connection_id: str) -> View:
        connection = appliance.connections.get_open(connection_id)
        given = request.form.get("days", "")
        run_id = appliance.history.change(
            connection, int(given) if given.isdecimal() and len(given) < 9 else given
        )
        if run_id is not None:
            return redirect(url_for("admin.run", run_id=run_id), 303)
        return redirect(url_for("admin.connection", connection_id=connection_id), 303)


def describe(appliance: Appliance, run_id: str) -> dict[str, Any]:
    """A run as page and script show it: with labels, sums, and whether it goes on. Raises RunNotFound."""
    run = appliance.planner.describe_run(run_id)
    entities = [
        {**entity, "label": label(entity["state"])._asdict(), "duration": duration(entity["seconds"])}
        for entity in run["entities"]
    ]
    names = (
        "fetched",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "rejected",
        "pages",
        "requests",
        "bytes",
    )
    return {
        **run,
        "label": label(run["state"])._asdict(),
        "started": ago(run["started_at"], appliance.clock),
        "active": run["state"] in ACTIVE,
        "entities": entities,
        "done": sum(entity["state"] not in ("queued", "running") for entity in entities),
        "sums": {name: sum(entity[name] for entity in entities) for name in names},
    }
