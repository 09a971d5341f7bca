from appliance.errors import AuthenticationFailed, Conflict, LimitExceeded, NotFound, PermissionDenied


class SignInRefused(AuthenticationFailed):
    code = "SIGN_IN_REFUSED"


class AccountLocked(LimitExceeded):
    code = "ACCOUNT_LOCKED"


class AlreadySetUp(Conflict):
    code = "ALREADY_SET_UP"


class BootstrapRefused(PermissionDenied):
    code = "BOOTSTRAP_TOKEN_REFUSED"


class ApiKeyUnknown(AuthenticationFailed):
    code = "API_KEY_INVALID"


class ScopeExceeded(PermissionDenied):
    """The key or token is limited to other entities, verbs, connections or addresses."""

    code = "SCOPE_EXCEEDED"


class ApplicationNotFound(NotFound):
    """There is no application with that id."""

    code = "APPLICATION_NOT_FOUND"


class ClientRejected(AuthenticationFailed):
    """Client id or client secret is wrong, or the application was revoked."""

    code = "CLIENT_INVALID"
