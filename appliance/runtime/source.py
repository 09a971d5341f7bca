"""A live outside system: a definition, the connection's fields, and the way to it. Everything asked of it goes here."""

import logging
import threading
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from appliance.clock import Clock
from appliance.errors import ApplianceError, ConfigurationError
from appliance.runtime.auth import Authenticator, Credentials, authenticator
from appliance.runtime.definition import Definition, ErrorRule
from appliance.runtime.document import read_document
from appliance.runtime.errors import cleaned, raise_for, source_message
from appliance.runtime.form import sealed_values
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.files import Folder
from appliance.transport.http import Counters, Request, Response
from appliance.transport.trust import TlsOptions

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from appliance.transport.sql.database import Database

T = TypeVar("T")
Witness = Callable[[Request, Response], None]


class Client(Protocol):
    """The way to a source over HTTP: the transport's client, or a recording of what one was answered."""

    @property
    def counters(self) -> Counters: ...

    def send(
        self, request: Request, *, interactive: bool = False, stop: threading.Event | None = None
    ) -> Response: ...

    def close(self) -> None: ...


class Source:
    """One connection's outside system.

    `fields` are the values of the connect form, secrets included; one of `client`, `database` and `folder` is the
    way to the system, the others are None. `credentials` keeps secret fields the source changes, `tls` is how it is
    trusted, `host` is where it is, host:port. Close it when done.
    """

    def __init__(
        self,
        definition: Definition,
        fields: Mapping[str, Any],
        client: Client | None,
        clock: Clock,
        *,
        created_at: int,
        credentials: Credentials | None = None,
        tls: TlsOptions | None = None,
        database: "Database | None" = None,
        folder: Folder | None = None,
        host: str | None = None,
    ) -> None:
        self.host = host
        self.definition = definition
        self.clock = clock
        self.database = database
        self.folder = folder
        self.fields = dict(fields)
        self.created_at = created_at
        self.client = client
        self._secrets = sealed_values(definition, self.fields)
        self.tls = tls or TlsOptions()
        self.stop = threading.Event()
        # The Date header of the last answer and our time then, for the probe's look at the clocks.
        self.dated: tuple[str, datetime] | None = None
        # Told of every request as it was before the sign-in added to it, and of its answer; how a recording is made.
        self.witness: Witness | None = None
        self._learned: dict[Hashable, Any] = {}
        self._learning = threading.Lock()
        self._authenticator: Authenticator | None = None
        if definition.http is not None:
            self._authenticator = authenticator(definition, definition.http, self.fields, clock, credentials)

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
        response = self.exchange(request, interactive=interactive)
        if self.witness is not None:
            self.witness(request, response)
        date = response.header("Date")
        if date is not None:
            self.dated = (date, self.clock.now())
        self.judge(response, rules, resuming=resuming)
        return response

    def exchange(self, request: Request, *, interactive: bool = False) -> Response:
        """Send an authenticated request and give the answer whatever it means."""
        if self.client is None or self._authenticator is None:
            raise ConfigurationError(f"{self.definition.name} is not reached over HTTP.")
        return self._run(self._authenticator.flow(request), self.client, interactive, self.stop)

    def judge(self, response: Response, rules: Sequence[ErrorRule] = (), *, resuming: bool = False) -> None:
        """Raise the error that an answer means, also one that stands inside another, as in a batch."""
        raise_for(response, (*self.definition.errors, *rules), resuming=resuming, secrets=self._secrets)

    def said(self, response: Response) -> str:
        """The source's own words in an answer, without the connection's secrets; empty when it gave none."""
        return source_message(response, self._secrets)

    def cleaned(self, said: str) -> str:
        """Words of the source, found by a protocol in an answer of its own, without the connection's secrets."""
        return cleaned(said, self._secrets)

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
        """Break off waits, end the session at the source and close connections."""
        self.stop.set()
        for way in (self.database, self.folder):
            if way is not None:
                way.close()
        if self.client is None or self._authenticator is None:
            return
        try:
            self._run(self._authenticator.sign_off(), self.client, interactive=True, stop=None)
        except ApplianceError as failure:
            # The session ends by itself in the source; there is nothing to be done about it here.
            log.info("sign-off from %s failed: %s", self.definition.system, failure.message)
        finally:
            self.client.close()

    def _run(
        self,
        flow: Generator[Request, Response, T],
        client: Client,
        interactive: bool,
        stop: threading.Event | None,
    ) -> T:
        """Send what a flow yields until it returns."""
        try:
            outgoing = next(flow)
            while True:
                response = client.send(outgoing, interactive=interactive, stop=stop)
                outgoing = flow.send(response)
        except StopIteration as finished:
            return cast(T, finished.value)
        finally:
            flow.close()
