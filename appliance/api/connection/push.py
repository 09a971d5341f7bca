"""`/api/v1/connections/ID/push`: whether a connection takes deliveries of its source, and where."""

from flask import Blueprint, Response, g

from appliance.api.bearer import current_account
from appliance.api.bodies import answer, read_body
from appliance.app import Appliance
from appliance.errors import InvalidInput


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("push", __name__)
    pushes = appliance.pushes
    at = "/api/v1/connections/<connection_id>/push"

    @routes.get(at)
    def show(connection_id: str) -> Response:
        """How deliveries of the source stand: what is taken, what waits, and the newest events."""
        current_account()
        return answer(pushes.show(connection_id))

    @routes.post(at)
    def make(connection_id: str) -> Response:
        """A new secret address, answered once; a former one is void at once."""
        current_account()
        read_body()
        opened = pushes.open_address(connection_id)
        shown = {"url": hook_url(g.base_url, opened.secret), "signing_key": opened.signing_key}
        return answer({**shown, **pushes.show(connection_id)}, 201)

    @routes.put(at)
    def set_keys(connection_id: str) -> Response:
        """The signing keys that the source made; an empty list takes them away."""
        current_account()
        keys = read_body("signing_keys").get("signing_keys")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise InvalidInput(
                "Send `signing_keys`, a list of texts.",
                details={"fields": {"signing_keys": "a list of texts"}},
            )
        pushes.set_signing_keys(connection_id, keys)
        return answer(pushes.show(connection_id))

    @routes.delete(at)
    def switch_off(connection_id: str) -> Response:
        """Take no more deliveries; what was named and is not read yet is forgotten."""
        current_account()
        appliance.connections.get(connection_id)
        pushes.close(connection_id)
        return answer(pushes.show(connection_id))

    return routes


def hook_url(base_url: str, secret: str) -> str:
    """The address that a source sends to."""
    return f"{base_url}/hooks/{secret}"
