"""What the gateway refuses, as one exception that carries the HTTP status and the OData V2 error."""

from collections.abc import Sequence
from typing import NamedTuple


class Detail(NamedTuple):
    """One entry of `innererror.errordetails`."""

    code: str
    message: str
    propertyref: str = ""
    severity: str = "error"


class GatewayError(Exception):
    """Answered as the V2 error body. `headers` are added to the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Detail] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = headers or {}


class PlainRefusal(Exception):
    """Answered below OData, by the web server of the system: HTML or plain text even when JSON was asked
    for.
    """

    def __init__(
        self,
        status: int,
        body: str,
        *,
        content_type: str = "text/html",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers or {}


def bad_request(message: str, code: str = "/IWBEP/CM_MGW_RT/022") -> GatewayError:
    """400: the request is not valid OData for this service."""
    return GatewayError(400, code, message)


def not_found(message: str, code: str = "/IWBEP/CM_MGW_RT/020") -> GatewayError:
    """404: no such segment, or no entity with this key."""
    return GatewayError(404, code, message)


def business_error(details: Sequence[Detail]) -> GatewayError:
    """400 as application code raises it: the top message says nothing, the reasons are in the details.

    The framework appends its own generic entry, which a client must not show as the reason.
    """
    generic = Detail("/IWBEP/CX_MGW_BUSI_EXCEPTION", "An exception was raised")
    return GatewayError(
        400, "/IWBEP/CX_MGW_BUSI_EXCEPTION", "An exception was raised", details=[*details, generic]
    )
