"""Typed client of the appliance's API."""

from appliance_client.client import Client, Page, Run
from appliance_client.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SourceFailedError,
    UnreachableError,
)

__all__ = [
    "ApiError",
    "AuthenticationError",
    "Client",
    "ConflictError",
    "InvalidRequestError",
    "NotFoundError",
    "Page",
    "PermissionDeniedError",
    "RateLimitError",
    "Run",
    "SourceFailedError",
    "UnreachableError",
]
