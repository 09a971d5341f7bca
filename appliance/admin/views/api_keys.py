"""Keys of the account, for `/api/system`."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import base_url
from appliance.app import Appliance
from appliance.errors import InvalidInput

View = str | tuple[str, int] | AnyResponse

SHOWN = 200


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    @pages.get("/api-keys", endpoint="api_keys")
    def show() -> View:
        return page()

    @pages.post("/api-keys", endpoint="create_api_key")
    def create() -> View:
        """Make a key; it is on the page answered, once."""
        if not tickets.take(request.form.get(FIELD, "")):
            return page(
                notice="That form was sent before, and its key made then. No other key was made."
            ), 409
        name = request.form.get("name", "")
        try:
            key = appliance.api_keys.create(name)
        except InvalidInput as refused:
            return page(name=name, problem=refused.message), 422
        return render_template(
            "api_key.html",
            name=name.strip(),
            key=key,
            example=f"{base_url(appliance)}/api/system/connections",
        )

    @pages.post("/api-keys/<key_id>/revoke", endpoint="revoke_api_key")
    def revoke(key_id: str) -> View:
        appliance.api_keys.revoke(key_id)
        return redirect(url_for("admin.api_keys"), 303)

    def page(name: str = "", problem: str | None = None, notice: str | None = None) -> str:
        keys = appliance.api_keys.list()
        return render_template(
            "api_keys.html",
            keys=sorted(keys, key=lambda key: key["revoked_at"] is not None)[:SHOWN],
            left_out=max(0, len(keys) - SHOWN),
            name=name,
            problem=problem,
            notice_text=notice,
            ticket=tickets.issue(),
        )
