"""SOAP by WSDL: zeep builds and reads the messages, and every byte of it goes through the callables given here."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceError
from appliance.transport.messages import Response

Fetch = Callable[[str], bytes]
"""Reads the document at an address a WSDL names."""

Clean = Callable[[str], str]
"""Takes secrets out of words that may repeat what the source was sent."""

Post = Callable[[str, bytes, Mapping[str, str]], Response]
"""Sends a message to an address with headers."""


class SoapClient:
    """The operations of one port of a WSDL. Loading reads the WSDL and what it imports.

    Raises what `fetch` and `post` raise; ConfigurationError for names and arguments that the WSDL does not know;
    SourceAnswerInvalid for a WSDL or an answer that is not right.
    """

    def __init__(self, wsdl: str, *, service: str, port: str, fetch: Fetch, post: Post, clean: Clean) -> None:
        # Loaded here, since most installations never speak SOAP and the library takes long to load.
        import zeep
        from lxml.etree import LxmlError

        self._clean = clean
        try:
            client = zeep.Client(  # type: ignore[no-untyped-call]
                wsdl,
                transport=_Carrier(fetch, post),
                settings=zeep.Settings(strict=False, forbid_dtd=True, forbid_entities=True),
            )
        except (zeep.exceptions.Error, LxmlError, KeyError, ValueError) as failure:
            raise SourceAnswerInvalid(f"The WSDL cannot be read: {clean(str(failure))}") from None
        try:
            self._port = client.bind(service or None, port or None)
        except ValueError as failure:
            raise ConfigurationError(f"The WSDL has no such service or port: {failure}") from None
        if self._port is None:
            raise SourceAnswerInvalid("The WSDL describes no service.")

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """The result of an operation as plain data: mappings, lists, texts, numbers, dates."""
        import zeep
        from zeep.helpers import serialize_object

        try:
            result = self._port[operation](**arguments)
        except AttributeError:
            raise ConfigurationError(f"The WSDL has no operation {operation!r}.") from None
        except (zeep.exceptions.ValidationError, TypeError) as failure:
            raise ConfigurationError(
                f"The arguments do not fit the operation {operation}: {self._clean(str(failure))}"
            ) from None
        except zeep.exceptions.Fault as fault:
            said = self._clean(str(fault.message))
            raise SourceError(
                f"The source refused the request. It said: {said}", details={"source_message": said}
            ) from None
        except (zeep.exceptions.Error, ValueError) as failure:
            raise SourceAnswerInvalid(
                f"The answer to {operation} does not fit the WSDL: {self._clean(str(failure))}"
            ) from None
        return serialize_object(result, dict)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Carried:
    """What zeep asks of an answer."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    encoding: str | None = None


class _Carrier:
    """What zeep calls a transport."""

    def __init__(self, fetch: Fetch, post: Post) -> None:
        self.load = fetch
        self._post = post

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> _Carried:
        from zeep.wsdl.utils import etree_to_string

        message: bytes = etree_to_string(envelope)  # type: ignore[no-untyped-call]
        return self.post(address, message, headers)

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> _Carried:
        response = self._post(address, message, headers)
        return _Carried(response.status, response.body, response.headers)

    @contextlib.contextmanager
    def settings(self, timeout: float | None = None) -> Iterator[None]:
        """The time-out is that of the connection, whatever a caller of zeep wishes."""
        yield
