"""What an authenticator is: a generator that yields a request, is sent its response, and may yield again."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Protocol

from appliance.transport.http import Request, Response

Flow = Generator[Request, Response, Response]
SignOff = Generator[Request, Response, None]


class Authenticator(Protocol):
    """One object serves a connection and all its threads. No caller knows which scheme it has."""

    def flow(self, request: Request) -> Flow:
        """Yield requests, receive their responses, return the response to `request`."""
        ...

    def sign_off(self) -> SignOff:
        """Yield what ends the session at the source, if anything."""
        ...


class Credentials(Protocol):
    """Where the secret form fields of a connection are kept. Given from above: this floor knows no vault."""

    def read(self, name: str) -> str | None:
        """The value as it is kept now; another process may have replaced it."""
        ...

    def keep(self, name: str, value: str) -> None:
        """Store a new value durably before returning."""
        ...


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def nothing_to_sign_off() -> SignOff:
    yield from ()
