"""Rejected rows of a connection: why they are no records, tried again or put aside; and changed fields put away."""

from typing import cast

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.errors import ApplianceError, InvalidInput
from appliance.sync.rejections.rejected_rows import LONGEST_WHY, State
from appliance.sync.rejections.second_try import Tried
from appliance.users.roles import may, require

View = str | tuple[str, int] | AnyResponse

SHOWN = 50
STATES = ("open", "dismissed")
MOST_CHOSEN = 500
LONGEST_NUMBER = 12


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    views = _Views(appliance)
    at = "/connections/<connection_id>/rejected"
    pages.add_url_rule(at, "rejected", views.listed)
    pages.add_url_rule(f"{at}/<row_id>", "rejected_row", views.one)
    pages.add_url_rule(f"{at}/retry", "retry_rejected", views.retry, methods=["POST"])
    pages.add_url_rule(f"{at}/dismiss", "dismiss_rejected", views.dismiss, methods=["POST"])
    pages.add_url_rule(
        "/connections/<connection_id>/drift", "acknowledge_drift", views.acknowledge, methods=["POST"]
    )


class _Views:
    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._rows = appliance.rejected_rows

    def listed(self, connection_id: str) -> View:
        """The newest first; `entity` and `state` narrow, `page` goes on."""
        connection = self._appliance.connections.get(connection_id)
        overview = self._rows.overview(connection.id)
        entities = [one["entity"] for one in overview]
        entity = request.args.get("entity") if request.args.get("entity") in entities else None
        state = cast(State, request.args.get("state") if request.args.get("state") in STATES else "open")
        page = max(1, _number(request.args.get("page", "1"), "page"))
        rows = self._rows.page(
            connection.id, entity=entity, state=state, offset=(page - 1) * SHOWN, limit=SHOWN + 1
        )
        return render_template(
            "rejected.html",
            connection=connection,
            overview=overview,
            rows=rows[:SHOWN],
            more=len(rows) > SHOWN,
            entity=entity,
            state=state,
            page=page,
            dismissed=sum(one["dismissed"] for one in overview),
            not_kept=sum(one["not_kept"] for one in overview),
            retrying=any(one["retry"] for one in overview),
            tried=_tried(),
            may_change=connection.is_open and may(g.session.account, "change_mapping"),
        )

    def one(self, connection_id: str, row_id: str) -> View:
        known = row_id.isascii() and row_id.isdigit() and len(row_id) <= LONGEST_NUMBER
        return self._page(connection_id, int(row_id) if known else 0)

    def retry(self, connection_id: str) -> View:
        """Map the chosen rows again (`row`), or those of an entity, or all."""
        require(g.session.account, "change_mapping")
        connection = self._appliance.connections.get(connection_id)
        chosen, entity = _chosen("row"), request.form.get("entity") or None
        again = self._appliance.second_try
        tried = again.chosen(connection.id, chosen) if chosen else again.all(connection.id, entity)
        return redirect(
            url_for(
                "admin.rejected",
                connection_id=connection.id,
                entity=entity,
                accepted=tried.accepted,
                rejected=tried.rejected,
                waiting=int(tried.waiting),
            ),
            303,
        )

    def dismiss(self, connection_id: str) -> View:
        """Put a row aside, with a reason."""
        require(g.session.account, "change_mapping")
        connection = self._appliance.connections.get(connection_id)
        chosen, why = _chosen("row"), request.form.get("why", "").strip()
        if len(chosen) != 1:
            raise InvalidInput("Choose the row that is to be dismissed.")
        if not why:
            return self._page(connection.id, chosen[0], problem="Say why, for those who come later."), 422
        by, now = g.session.account.name, self._appliance.clock.now_ms()
        self._rows.dismiss(connection.id, chosen, by=by, why=why, now=now)
        return redirect(url_for("admin.rejected", connection_id=connection.id), 303)

    def acknowledge(self, connection_id: str) -> View:
        """Put away findings of changed fields (`finding`), and go back to the mapping."""
        require(g.session.account, "change_mapping")
        connection = self._appliance.connections.get(connection_id)
        by, now = g.session.account.name, self._appliance.clock.now_ms()
        self._appliance.findings.acknowledge(connection.id, _chosen("finding"), by=by, now=now)
        return redirect(url_for("admin.mappings", connection_id=connection.id), 303)

    def _page(self, connection_id: str, row_id: int, *, problem: str = "") -> str:
        connection = self._appliance.connections.get(connection_id)
        row = self._rows.one(connection.id, row_id)
        return render_template(
            "rejected_row.html",
            connection=connection,
            row=row,
            raw=None if row["raw"] is None else row["raw"].encode(),
            problem=problem,
            longest_why=LONGEST_WHY,
            may_change=connection.is_open and may(g.session.account, "change_mapping"),
        )


def _chosen(name: str) -> list[int]:
    given = request.form.getlist(name)
    if len(given) > MOST_CHOSEN:
        raise InvalidInput(f"Choose {MOST_CHOSEN} at most.")
    return [_number(one, name) for one in dict.fromkeys(given)]


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_NUMBER:
        raise InvalidInput(f"{name} is a number.")
    return int(text)


def _tried() -> Tried | None:
    """What the retry that led here did, by the address it leads to."""
    try:
        accepted, rejected = (_number(request.args.get(name, ""), name) for name in ("accepted", "rejected"))
    except ApplianceError:
        return None
    return Tried(accepted, rejected, request.args.get("waiting") == "1")
