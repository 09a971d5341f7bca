"""A connector whose source is a recording: the suite without a network."""

import base64
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime

import msgspec

from appliance.clock import Clock, to_ms
from appliance.errors import InvalidInput
from appliance.model.entity import Model
from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.recording import Recorded, Said, sent_text
from appliance.runtime.connector import Connector
from appliance.runtime.definition import NoAuth
from appliance.runtime.source import Source
from appliance.transport.certificates import TlsFacts
from appliance.transport.http import Counters, Request, Response
from appliance.transport.trust import TlsOptions


class NotRecorded(InvalidInput):
    """The suite asks what was not asked when the recording was made."""

    code = "NOT_RECORDED"


def replayed(
    model: Model,
    catalog: Catalog,
    system: str,
    recorded: Recorded,
    exchanges: Iterable[Said],
    clock: Clock,
    *,
    part: str,
) -> tuple[Connector, Clock]:
    """The connector, and the clock that stands at the time of the recording.

    Raises InvalidInput for a recording of another system. Nothing signs in: a recording begins after that.
    """
    if recorded.system != system:
        raise InvalidInput(f"The recording is one of {recorded.system}, not of {system}.")
    folder = catalog.folder(system)
    definition = catalog.definition(system, recorded.fields)
    signed_in = msgspec.structs.replace(definition, auth=NoAuth())
    then = RecordedClock(recorded.at, clock)
    fields = {**{form_field.name: None for form_field in definition.form}, **recorded.fields}
    source = Source(signed_in, fields, Replay(exchanges), then, created_at=then.now_ms())
    return Connector(model, folder, definition, source, part), then


class Replay:
    """Answers from a recording, in place of an HTTP client. What was asked several times is answered in order."""

    def __init__(self, exchanges: Iterable[Said]) -> None:
        self._answers: dict[tuple[str, str, str], deque[Said]] = defaultdict(deque)
        self._taking = threading.Lock()
        self._counters = Counters()
        for said in exchanges:
            self._answers[(said.method, said.url, said.sent)].append(said)

    @property
    def counters(self) -> Counters:
        return self._counters

    def send(
        self, request: Request, *, interactive: bool = False, stop: threading.Event | None = None
    ) -> Response:
        """Raises NotRecorded."""
        asked = (request.method, request.full_url(), sent_text(request))
        with self._taking:
            answers = self._answers.get(asked)
            if not answers:
                raise NotRecorded(
                    f"The recording holds no answer to {request.method} {request.full_url()[:200]}. The connector "
                    "asks differently now: record again."
                )
            said = answers.popleft() if len(answers) > 1 else answers[0]
            self._counters.requests += 1
        body = base64.b64decode(said.answer) if said.base64 else said.answer.encode()
        return Response(said.status, said.headers, body, asked[1], 0.0)

    def close(self) -> None:
        """There is nothing to close."""


class NoReach:
    """The way to a source that is a recording: no step applies."""

    encrypted = True
    certificate: TlsFacts | None = None

    def __init__(self, base_url: str, tls: TlsOptions) -> None:
        pass

    def resolve(self) -> None:
        return None

    proxy = connect = tls = resolve


class RecordedClock:
    """Stands at the time of the recording, so that requests with a time in them are the same again."""

    def __init__(self, at: datetime, clock: Clock) -> None:
        self._at = at
        self.monotonic = clock.monotonic
        self.wait = clock.wait

    def now(self) -> datetime:
        return self._at

    def now_ms(self) -> int:
        return to_ms(self._at)
