"""A live outside system: a definition, the connection's fields, and the way to it. Everything asked of it goes here."""

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.runtime.auth import Authenticator, authenticator
from appliance.runtime.definition import Definition
from appliance.runtime.errors import raise_for
from appliance.runtime.form import sealed_values
from appliance.runtime.select import decode, dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.files import Folder
from appliance.transport.http import HttpClient, Request, Response

if TYPE_CHECKING:
    from appliance.transport.sql.database import Database

T = TypeVar("T")


class Source:
    """One connection's outside system.

    `fields` are the values of the connect form, secrets included; one of `client`, `database` and
    `folder` is the way to the system, the others are None. Close it when done.
    """

    def __init__(
        self,
        definition: Definition,
        fields: Mapping[str, Any],
        client: HttpClient | None,
        clock: Clock,
        *,
        created_at: int,
        database: "Database | None" = None,
        folder: Folder | None = None,
    ) -> None:
        self.definition = definition
        self.clock = clock
        self.database = database
        self.folder = folder
        self.fields = dict(fields)
        self.created_at = created_at
        self.client = client
        self._secrets = sealed_values(definition, self.fields)
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

    def send(self, request: Request, *, resuming: bool = False, interactive: bool = False) -> Response:
        """Send an authenticated request and judge the answer.

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
        raise_for(response, self.definition.errors, resuming=resuming, secrets=self._secrets)
        return response

    def answer(self, response: Response, path: str) -> Any:
        """The value at a path of a JSON answer. Raises SourceAnswerInvalid when it is no JSON."""
        answer = decode(response.body)
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
        for way in (self.client, self.database, self.folder):
            if way is not None:
                way.close()
