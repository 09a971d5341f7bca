"""Applications of integrators: client id and client secret, and where the link flow may return to."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.admin.limits import given_scope
from appliance.admin.once import FIELD, Tickets
from appliance.admin.views.token import base_url
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.applications import Application
from appliance.users.scopes import VERBS

View = str | tuple[str, int] | AnyResponse


def add_views(pages: Blueprint, appliance: Appliance, tickets: Tickets) -> None:
    applications = appliance.applications
    entities = sorted(name for name, entity in appliance.model.entities.items() if entity.path)

    @pages.get("/applications", endpoint="applications")
    def show() -> View:
        return page()

    @pages.post("/applications", endpoint="create_application")
    def create() -> View:
        """Make an application; its secret is on the page answered, once."""
        if not tickets.take(request.form.get(FIELD, "")):
            return page(
                notice="That form was sent before, and its application made then. No other was made."
            ), 409
        try:
            made, secret = applications.create(
                request.form.get("name", ""),
                redirects=request.form.get("redirects", "").split(),
                scope=given_scope(request.form, appliance.model.entities),
            )
        except InvalidInput as refused:
            return page(refused), 422
        return _secret_page(made, secret, renewed=False)

    @pages.post("/applications/<application_id>/secret", endpoint="renew_application_secret")
    def renew(application_id: str) -> View:
        """Another secret in place of the former one; it is on the page answered, once."""
        if not tickets.take(request.form.get(FIELD, "")):
            return page(notice="That form was sent before. The secret was not changed again."), 409
        secret = applications.new_secret(application_id)
        return _secret_page(applications.get(application_id), secret, renewed=True)

    @pages.post("/applications/<application_id>/revoke", endpoint="revoke_application")
    def revoke(application_id: str) -> View:
        applications.revoke(application_id)
        return redirect(url_for("admin.applications"), 303)

    def page(refused: InvalidInput | None = None, notice: str | None = None) -> str:
        found = applications.list()
        return render_template(
            "applications.html",
            applications=sorted(found, key=lambda one: one["revoked_at"] is not None),
            problems={} if refused is None else refused.details.get("fields", {"name": refused.message}),
            filled=request.form,
            verbs=VERBS,
            entities=entities,
            notice_text=notice,
            ticket=tickets.issue(),
            tickets={one["id"]: tickets.issue() for one in found if one["revoked_at"] is None},
        )

    def _secret_page(application: Application, secret: str, *, renewed: bool) -> str:
        return render_template(
            "application.html",
            application=application,
            secret=secret,
            renewed=renewed,
            example=f"{base_url(appliance)}/link/token",
        )
