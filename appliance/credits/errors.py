from appliance.errors import ConfigurationError, Conflict


class InsufficientCredits(Conflict):
    code = "INSUFFICIENT_CREDITS"


class EntitlementRejected(ConfigurationError):
    code = "ENTITLEMENT_REJECTED"


class EntitlementEnded(Conflict):
    """The entitlement and its days of grace are over: existing connections go on, new ones need a new entitlement."""

    code = "ENTITLEMENT_ENDED"
