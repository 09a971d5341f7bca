"""`/hooks/SECRET`: where sources send what has changed. The secret address stands in place of a token.

Nothing of a delivery is logged but that it came: its address, its query and its body hold secrets of the source.
"""

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from appliance.api.bodies import answer
from appliance.api.limits import Limits
from appliance.app import Appliance
from appliance.runtime.push import Delivery
from appliance.sync.errors import PushAddressUnknown, PushRefused

LARGEST_DELIVERY = 1024 * 1024
LONGEST_SECRET = 100


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("hooks", __name__)
    pushes, settings = appliance.pushes, appliance.settings
    limits = Limits(
        appliance.clock,
        per_token=settings.limits_token_per_minute,
        per_account=0,
        per_address=settings.limits_address_per_minute,
    )

    @routes.get("/hooks/<secret>")
    @routes.post("/hooks/<secret>", endpoint="deliver")
    def deliver(secret: str) -> Response:
        """A delivery of a source, or its question whether the address is right."""
        try:
            address = pushes.find(secret[:LONGEST_SECRET])
            g.connection_id = address.connection.id
            limits.take(address.connection.id)
            asked = address.reader.handshake(request.method, request.args)
            if asked is not None:
                return Response(asked, mimetype="text/plain")
            if request.method == "GET":
                raise PushAddressUnknown("There is no such address for deliveries.")
            content = pushes.take(address, _delivery())
        except (PushAddressUnknown, PushRefused):
            # Guesses of addresses and of signatures count for who makes them, not for the connection.
            limits.take_unknown(g.get("address") or "")
            raise
        status = address.reader.push.status
        if status == 204:
            return Response(status=status)
        return answer({"named": len(content.named), "ignored": content.ignored}, status)

    return routes


def _delivery() -> Delivery:
    """What came. Raises RequestEntityTooLarge."""
    request.max_content_length = LARGEST_DELIVERY
    if (request.content_length or 0) > LARGEST_DELIVERY:
        raise RequestEntityTooLarge
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Delivery(request.get_data(), headers, request.args.to_dict())
