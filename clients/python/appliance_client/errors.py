"""What can go wrong, by the `type` of the error. Branch on the class or on `code`; the message is for people.

ApiError
 ├── InvalidRequestError     validation
 ├── AuthenticationError     authentication
 ├── PermissionDeniedError   permission
 ├── NotFoundError           not_found
 ├── ConflictError           conflict
 ├── RateLimitError          rate_limit   the appliance's own limit
 ├── SourceFailedError       source, connection   the connected system
 └── UnreachableError        no answer of the appliance itself
"""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """`retry_after` is in seconds, None where the answer named no time. `status` is 0 without an answer."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        kind: str = "",
        status: int = 0,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.message = message
        self.code = code
        self.type = kind
        self.status = status
        self.request_id = request_id
        self.details = dict(details or {})
        self.retry_after = retry_after


class InvalidRequestError(ApiError):
    pass


class AuthenticationError(ApiError):
    pass


class PermissionDeniedError(ApiError):
    pass


class NotFoundError(ApiError):
    pass


class ConflictError(ApiError):
    pass


class RateLimitError(ApiError):
    pass


class SourceFailedError(ApiError):
    pass


class UnreachableError(ApiError):
    pass


CLASSES: Mapping[str, type[ApiError]] = {
    "validation": InvalidRequestError,
    "authentication": AuthenticationError,
    "permission": PermissionDeniedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "rate_limit": RateLimitError,
    "source": SourceFailedError,
    "connection": SourceFailedError,
}
