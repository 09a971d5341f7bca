"""Base of every error the appliance raises on purpose.

    ApplianceError
     ├── InvalidInput             validation    what the caller sent is wrong, and how to mend it
     ├── AuthenticationFailed     authentication  who are you
     ├── PermissionDenied         permission    you may not
     ├── NotFound                 not_found
     ├── Conflict                 conflict      not in this state, or not twice
     ├── LimitExceeded            rate_limit    later; `retry_after` seconds
     ├── SourceError              source        the outside system refused or failed
     │    ├── SourceUnreachable        connection    no answer: name, network, TLS, time-out
     │    ├── SourceCredentialsRejected  authentication
     │    ├── SourceAccessDenied       permission
     │    ├── SourceThrottled          source        the source's own limit, never ours
     │    └── SourceAnswerInvalid      source        an answer we cannot read
     ├── ConfigurationError       configuration  settings, keys, files on this machine
     └── InternalError            internal      our own fault

Domains derive their own errors from these in their `errors.py`. An error is rendered once:
`api/problems.py` for HTTP, `cli/` for the terminal. Messages say what to do next and never
hold a secret.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ApplianceError(Exception):
    """An expected failure.

    `code` is stable and for programs, `type` is the family, `message` is for people and says what
    to do. `retryable` tells whether the same call may work later. `details` is plain data.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    type: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})


class InvalidInput(ApplianceError):
    code = "INVALID_REQUEST"
    type = "validation"


class AuthenticationFailed(ApplianceError):
    code = "AUTHENTICATION_FAILED"
    type = "authentication"


class PermissionDenied(ApplianceError):
    code = "PERMISSION_DENIED"
    type = "permission"


class NotFound(ApplianceError):
    code = "NOT_FOUND"
    type = "not_found"


class Conflict(ApplianceError):
    code = "CONFLICT"
    type = "conflict"


class LimitExceeded(ApplianceError):
    code = "RATE_LIMIT_EXCEEDED"
    type = "rate_limit"
    retryable = True

    def __init__(self, message: str, *, retry_after: float, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class SourceError(ApplianceError):
    code = "SOURCE_ERROR"
    type = "source"


class SourceUnreachable(SourceError):
    code = "SOURCE_UNREACHABLE"
    type = "connection"
    retryable = True


class SourceCredentialsRejected(SourceError):
    code = "SOURCE_CREDENTIALS_REJECTED"
    type = "authentication"


class SourceAccessDenied(SourceError):
    code = "SOURCE_ACCESS_DENIED"
    type = "permission"


class SourceThrottled(SourceError):
    """The source asked us to slow down; `retry_after` is in seconds, None when it did not say.

    Its type is not `rate_limit`: a caller that sees that one has to slow down itself.
    """

    code = "SOURCE_THROTTLED"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class SourceAnswerInvalid(SourceError):
    code = "SOURCE_ANSWER_INVALID"


class ConfigurationError(ApplianceError):
    code = "CONFIGURATION_ERROR"
    type = "configuration"


class InternalError(ApplianceError):
    code = "INTERNAL_ERROR"
    type = "internal"
