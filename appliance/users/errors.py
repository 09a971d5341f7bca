from appliance.errors import AuthenticationFailed, Conflict, LimitExceeded, PermissionDenied


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
