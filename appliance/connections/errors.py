from appliance.errors import AuthenticationFailed, Conflict, NotFound, SourceError


class ConnectionNotFound(NotFound):
    code = "CONNECTION_NOT_FOUND"


class ConnectionClosed(Conflict):
    code = "CONNECTION_DISCONNECTED"


class ProbeFailed(SourceError):
    """Connecting stopped at a stage; `details["stages"]` lists all that were passed and the one that was not."""

    code = "CONNECTION_TEST_FAILED"
    type = "connection"


class TokenUnknown(AuthenticationFailed):
    code = "TOKEN_INVALID"


class ReauthorizationRequired(AuthenticationFailed):
    code = "REAUTHORIZATION_REQUIRED"
