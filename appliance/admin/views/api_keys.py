"""Keys of the account: for `/api/system`, and for reading what their limits allow."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.limits import given_end, given_scope
from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import base_url
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.scopes import VERBS

View = str | tuple[str, int] | AnyResponse

SHOWN = 200


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    entities = sorted(name for name, entity in appliance.model.entities.items() if entity.path)

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
            scope = given_scope(request.form, appliance.model.entities)
            key = appliance.api_keys.create(name, scope, given_end(request.form, appliance.clock.now_ms()))
        except InvalidInput as refused:
            return page(refused), 422
        return render_template(
            "api_key.html",
            name=name.strip(),
            key=key,
            scope=scope.as_dict(),
            example=f"{base_url(appliance)}/api/system/connections",
        )

    @pages.post("/api-keys/<key_id>/revoke", endpoint="revoke_api_key")
    def revoke(key_id: str) -> View:
        appliance.api_keys.revoke(key_id)
        return redirect(url_for("admin.api_keys"), 303)

    def page(refused: InvalidInput | None = None, notice: str | None = None) -> str:
        keys = appliance.api_keys.list()
        fields = {} if refused is None else refused.details.get("fields", {})
        return render_template(
            "api_keys.html",
            keys=sorted(keys, key=lambda key: key["revoked_at"] is not None)[:SHOWN],
            left_out=max(0, len(keys) - SHOWN),
            name=request.form.get("name", ""),
            problem=refused.message if refused is not None and not fields else None,
            problems=fields,
            filled=request.form,
            verbs=VERBS,
            entities=entities,
            notice_text=notice,
            ticket=tickets.issue(),
        )
