"""The documentation that the appliance serves itself, at `/docs`: plain pages, no scripts, open to everybody."""

from flask import Blueprint, render_template

from appliance.api.error_codes import FAMILIES, error_codes
from appliance.app import Appliance


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("reference", __name__, template_folder="templates")

    @routes.get("/docs/errors")
    def errors() -> str:
        return render_template("docs_errors.html", families=FAMILIES, codes=error_codes())

    return routes
