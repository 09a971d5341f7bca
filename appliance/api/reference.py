"""The documentation that the appliance serves itself: the OpenAPI document, what is made of it, and pages at `/docs`.

The pages are plain HTML without scripts, open to everybody; a connection's variant needs its token.
"""

import functools
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, g, render_template

from appliance.api import guide
from appliance.api.bearer import current_reader
from appliance.api.error_codes import FAMILIES, error_codes
from appliance.api.openapi.document import build
from appliance.api.openapi.postman import collection
from appliance.api.openapi.routes import operations_of, routes_of, served_by
from appliance.app import Appliance


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("reference", __name__, template_folder="templates")

    @functools.cache
    def document(app: Flask, base_url: str) -> dict[str, Any]:
        return build(appliance.model, operations_of(appliance), routes_of(app), base_url)

    def general() -> dict[str, Any]:
        # By the configured address only: one for each name that callers make up would fill the memory.
        base_url = appliance.settings.public_url or ""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return {**document(app, base_url), "servers": [{"url": g.base_url}]}

    @routes.get("/api/openapi.json")
    def openapi() -> Response:
        """This API as an OpenAPI 3.1 document."""
        return _json(general())

    @routes.get("/api/v1/openapi.json")
    def openapi_of_connection() -> Response:
        """The same for the token's connection: what its system serves and writes, with its custom fields."""
        connection = appliance.connections.get(current_reader(appliance.connections).connection_id)
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        served = served_by(appliance, connection)
        return _json(build(appliance.model, operations_of(appliance), routes_of(app), g.base_url, served))

    @routes.get("/api/postman.json")
    def postman() -> Response:
        """This API as a Postman collection."""
        response = _json(collection(general()))
        response.headers["Content-Disposition"] = 'attachment; filename="appliance.postman_collection.json"'
        return response

    @routes.get("/docs")
    def front() -> str:
        described = general()
        groups: dict[str, list[dict[str, Any]]] = {}
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                told = {"method": method.upper(), "path": path, **operation}
                groups.setdefault(operation["tags"][0], []).append(told)
        return render_template(
            "docs_api.html", groups=sorted(groups.items()), schemas=described["components"]["schemas"]
        )

    @routes.get("/docs/errors")
    def errors() -> str:
        return render_template("docs_errors.html", families=FAMILIES, codes=error_codes())

    @routes.get("/docs/guide")
    def guide_front() -> str:
        return render_template("docs_guide.html", pages=[guide.page(name) for name in guide.PAGES], page=None)

    @routes.get("/docs/guide/<name>")
    def guide_page(name: str) -> str:
        shown = guide.page(name)
        return render_template(
            "docs_guide.html", pages=[guide.page(each) for each in guide.PAGES], page=shown
        )

    return routes


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
