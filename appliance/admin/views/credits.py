"""Credits: how many there are, what connections cost, who took what."""

from flask import Blueprint, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.credits.entitlement import MAX_BYTES, describe
from appliance.credits.errors import EntitlementRejected
from appliance.credits.tariff import CLOUD_CREDITS, price
from appliance.errors import ApplianceError

View = str | tuple[str, int] | AnyResponse

PER_PAGE = 50


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/credits", endpoint="credits")
    def show() -> View:
        return page()

    @pages.post("/credits/entitlement", endpoint="import_entitlement")
    def import_entitlement() -> View:
        """Import an uploaded entitlement file; a refused one is explained on the same page."""
        sent = request.files.get("file")
        content = b"" if sent is None else sent.stream.read(MAX_BYTES + 1)
        try:
            if not content:
                raise EntitlementRejected("Choose the entitlement file first.")
            appliance.entitlements.import_file(content)
        except ApplianceError as refused:
            return page(problem=refused.message), 422
        return redirect(url_for("admin.credits", imported=1), 303)

    def page(problem: str | None = None) -> str:
        before = request.args.get("before", "")
        start = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
        entries = appliance.ledger.entries(limit=PER_PAGE + 1, before=start)
        return render_template(
            "credits.html",
            balance=appliance.ledger.balance(),
            tariff=[(tier, price(tier, "cloud"), price(tier, "on_premises")) for tier in CLOUD_CREDITS],
            entries=entries[:PER_PAGE],
            following=entries[PER_PAGE - 1]["id"] if len(entries) > PER_PAGE else None,
            is_first=start is None,
            entitlement=describe(appliance.entitlements.term()),
            problem=problem,
            imported="imported" in request.args,
        )
