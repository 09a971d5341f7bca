from appliance.errors import ConfigurationError, Conflict


class InsufficientCredits(Conflict):
    code = "INSUFFICIENT_CREDITS"


class EntitlementRejected(ConfigurationError):
    code = "ENTITLEMENT_REJECTED"
