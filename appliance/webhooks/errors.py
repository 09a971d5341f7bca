"""Errors of webhooks.

NotFound
 ├── WebhookNotFound            no such endpoint for this caller
 └── DeliveryNotFound           the endpoint has no delivery of that event
InvalidInput
 └── WebhookInvalid             an address, a name or a choice of events that cannot be taken
Conflict
 ├── WebhookDisabled            nothing is sent to an endpoint that is off
 └── TooManyWebhooks            the owner has as many endpoints as one may have
"""

from appliance.errors import Conflict, InvalidInput, NotFound


class WebhookNotFound(NotFound):
    """There is no webhook endpoint with that id."""

    code = "WEBHOOK_NOT_FOUND"


class DeliveryNotFound(NotFound):
    """The webhook endpoint has no delivery of that event."""

    code = "WEBHOOK_DELIVERY_NOT_FOUND"


class WebhookInvalid(InvalidInput):
    """The address, the name or the events of a webhook endpoint cannot be taken; the message says why."""

    code = "WEBHOOK_INVALID"


class WebhookDisabled(Conflict):
    """The webhook endpoint is off; enable it first."""

    code = "WEBHOOK_DISABLED"


class TooManyWebhooks(Conflict):
    """There are as many webhook endpoints as one connection, application or account may have."""

    code = "WEBHOOK_LIMIT_REACHED"
