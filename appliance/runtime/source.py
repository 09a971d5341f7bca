"""A live outside system: a definition, the connection's fields and an HTTP client. Everything asked of it goes here."""

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar, cast

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.runtime.auth import Authenticator, authenticator
from appliance.runtime.definition import Definition, ErrorRule
from appliance.runtime.document import read_document
from appliance.runtime.errors import raise_for
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.http import HttpClient, Request, Response

T = TypeVar("T")


class Source:
    """One connection's outside system.

    `fields` are the values of the connect form, secrets included; `client` is None for a system that is not
    reached over HTTP. Close it when done.
    """

    def __init__(
        self,
        definition: Definition,
        fields: Mapping[str, Any],
        client: HttpClient | None,
        clock: Clock,
        *,
        created_at: int,
    ) -> None:
        self.definition = definition
        self.fields = dict(fields)
        self.created_at = created_at
        self.client = client
        self.stop = threading.Event()
        self._learned: dict[Hashable, Any] = {}
        self._learning = threading.Lock()
        self._authenticator: Authenticator | None = None
        if definition.http is not None:
            self._authenticator = authenticator(definition, definition.http, self.fields, clock)

    @property
    def base_url(self) -> str:
        """The rendered base address. Raises ConfigurationError for a system without one."""
        if self.definition.http is None:
            raise ConfigurationError(f"{self.definition.name} is not reached over HTTP.")
        return str(compile_template(self.definition.http.base_url, where="base_url")(self.fields))

    def send(
        self,
        request: Request,
        *,
        resuming: bool = False,
        interactive: bool = False,
        rules: Sequence[ErrorRule] = (),
    ) -> Response:
        """Send an authenticated request and judge the answer, by `rules` of the protocol after the connector's own.

        Raises the SourceError that the answer means (see runtime.errors), SourceUnreachable when there is none.
        """
        if self.client is None or self._authenticator is None:
            raise ConfigurationError(f"{self.definition.name} is not reached over HTTP.")
        flow = self._authenticator.flow(request)
        try:
            outgoing = next(flow)
            while True:
                response = self.client.send(outgoing, interactive=interactive, stop=self.stop)
                outgoing = flow.send(response)
        except StopIteration as finished:
            response = cast(Response, finished.value)
        finally:
            flow.close()
        raise_for(response, (*self.definition.errors, *rules), resuming=resuming)
        return response

    def answer(self, response: Response, path: str) -> Any:
        """The value at a path of a JSON, XML or XML-RPC answer. Raises SourceAnswerInvalid when it is none."""
        answer = read_document(response.body)
        return dig(answer, steps(path)) if path else answer

    def learned(self, name: Hashable, load: Callable[[], T]) -> T:
        """What was learned of the source once, such as its metadata; `load` is called the first time."""
        with self._learning:
            if name not in self._learned:
                self._learned[name] = load()
            return cast(T, self._learned[name])

    def close(self) -> None:
        """Break off waits and close connections."""
        self.stop.set()
        if self.client is not None:
            self.client.close()
