from appliance.errors import AuthenticationFailed, Conflict, InvalidInput, NotFound, SourceError


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


class GrantInvalid(InvalidInput):
    """The code or refresh token is unknown, used, expired, or of another application or address."""

    code = "GRANT_INVALID"


class IssueNotFound(NotFound):
    """There is no issue with that id."""

    code = "ISSUE_NOT_FOUND"
