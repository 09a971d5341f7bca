"""The log of API requests, for those whose role may see what customers' systems said."""

import msgspec
from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.audit.request_log import RequestNotLogged
from appliance.users.roles import require

View = str | tuple[str, int] | AnyResponse

SHOWN = 50


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/requests", endpoint="requests")
    def show() -> View:
        require(g.session.account, "read_request_log")
        sought = request.args.get("id", "").strip()
        if sought:
            try:
                found = appliance.request_log.find(sought)
                return redirect(url_for("admin.request", request_id=found["request_id"]), 303)
            except RequestNotLogged:
                pass
        before = request.args.get("before", "")
        rows = appliance.request_log.recent(
            connection_id=request.args.get("connection") or None,
            failed="failed" in request.args,
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
            limit=SHOWN + 1,
        )
        return render_template(
            "requests.html",
            rows=rows[:SHOWN],
            following=rows[SHOWN - 1]["id"] if len(rows) > SHOWN else None,
            is_first=not before,
            sought=sought,
            failed="failed" in request.args,
            connection_id=request.args.get("connection", ""),
            names={one.id: one.name for one in appliance.connections.table.all()},
        ), 404 if sought else 200

    @pages.get("/requests/<request_id>", endpoint="request")
    def one(request_id: str) -> View:
        require(g.session.account, "read_request_log")
        found = appliance.request_log.find(request_id)
        names = {one.id: one.name for one in appliance.connections.table.all()}
        for half in (found["request"], found["response"]):
            half["shown"] = None if half["body"] is None else msgspec.json.encode(half["body"]).decode()
        return render_template("request.html", found=found, name=names.get(found["connection_id"]))
