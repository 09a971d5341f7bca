"""The staged probe of a connection: name, proxy, network, TLS, sign-in, clock, and one small read an entity.

Each stage tells what it found or what to do. The first failed stage ends the probe, except that an entity the
user may not read is a warning as long as another one can be read.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from appliance.clock import Clock
from appliance.errors import ApplianceError, SourceAnswerInvalid
from appliance.runtime.connector import Connector
from appliance.runtime.definition import CodeRead, DeclaredRead
from appliance.runtime.mapping.projection import RowRejected
from appliance.runtime.protocols import EVERYTHING
from appliance.runtime.reading.learned import learned_values
from appliance.runtime.request import compile_request
from appliance.transport.certificates import TlsFacts
from appliance.transport.files import Folder
from appliance.transport.trust import TlsOptions

if TYPE_CHECKING:
    from appliance.transport.sql.database import Database

State = Literal["passed", "warning", "failed"]


class Reach(Protocol):
    """The way to an address, step by step. A step gives what it found, None when it does not apply, or raises.

    `certificate` is what the source presented, once `tls` has passed.
    """

    encrypted: bool
    certificate: TlsFacts | None

    def resolve(self) -> str | None: ...

    def proxy(self) -> str | None: ...

    def connect(self) -> str | None: ...

    def tls(self) -> str | None: ...


OpenReach = Callable[[str, TlsOptions], Reach]

_SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stage:
    """`message` says what was found, or what is wrong and what to do. `seconds` is how long it took."""

    name: str
    state: State
    message: str
    seconds: float
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    stages: tuple[Stage, ...]
    readable: tuple[str, ...]
    """Entities that can be read."""

    failure: ApplianceError | None
    """Why the connection cannot be made; None when it can."""

    certificate: TlsFacts | None = None
    """What the source presented, where it is spoken to over HTTPS."""

    def passed(self, *names: str) -> bool:
        """Whether one of these stages was passed; `read` stands for the read of any entity."""
        return any(stage.state == "passed" and stage.name.split(" ")[0] in names for stage in self.stages)

    def as_dicts(self) -> list[dict[str, Any]]:
        return [asdict(stage) for stage in self.stages]


def probe(connector: Connector, open_reach: OpenReach, clock: Clock, *, read: bool = True) -> Report:
    """Run the stages. With `read=False` it ends after the sign-in: enough to tell whether credentials are valid.

    Where no request is declared that proves the sign-in, it ends after the first entity that can be read.
    """
    return _Probe(connector, open_reach, clock).run(read)


class _Probe:
    def __init__(self, connector: Connector, open_reach: OpenReach, clock: Clock) -> None:
        self._connector = connector
        self._open_reach = open_reach
        self._clock = clock
        self._stages: list[Stage] = []
        self._readable: list[str] = []
        self._certificate: TlsFacts | None = None

    def run(self, read: bool) -> Report:
        source = self._connector.source
        if source.database is not None or source.folder is not None:
            failure = self._way(source.database or source.folder)
        else:
            failure = self._network() if self._connector.definition.http is not None else None
            failure = failure or self._sign_in()
            self._compare_clocks()
        if failure is None and read:
            failure = self._entities()
            self._compare_clocks()
        elif failure is None and self._lacks_sign_in():
            failure = self._first_entity()
            self._compare_clocks()
        return Report(tuple(self._stages), tuple(self._readable), failure, self._certificate)

    def _way(self, way: "Database | Folder | None") -> ApplianceError | None:
        """The steps of a way that is not HTTP, which ends with the sign-in."""
        assert way is not None
        for name, step in way.stages():
            failure = self._stage(name, step)
            if failure is not None:
                return failure
        if not way.encrypted:
            advice = "The connection is not encrypted: credentials and data can be read on the way."
            self._stages.append(Stage("tls", "warning", advice, 0.0))
        return None

    def _network(self) -> ApplianceError | None:
        source = self._connector.source
        try:
            reach = self._open_reach(source.base_url, source.tls)
        except ApplianceError as refused:
            self._stages.append(Stage("resolve", "failed", refused.message, 0.0, refused.code))
            return refused
        steps = (
            ("resolve", reach.resolve),
            ("proxy", reach.proxy),
            ("connect", reach.connect),
            ("tls", reach.tls),
        )
        for name, step in steps:
            failure = self._stage(name, step)
            if failure is not None:
                return failure
        self._certificate = reach.certificate
        if not reach.encrypted:
            advice = "The address is http: credentials and data can be read on the way. Prefer https."
            self._stages.append(Stage("tls", "warning", advice, 0.0))
        return None

    def _sign_in(self) -> ApplianceError | None:
        definition = self._connector.definition
        if definition.http is None:
            return None
        if definition.probe is not None:
            http, path = definition.http, definition.probe.path
            chosen = str(self._connector.source.fields.get(definition.probe.choose))
            template = definition.probe.ways.get(chosen, definition.probe.request)

            def ask() -> str:
                request = compile_request(template, http, where=f"{definition.system}.probe", safe=True)
                source = self._connector.source
                context = {**source.fields, "learned": learned_values(source, http)}
                response = source.send(request(context), interactive=True)
                if path and source.answer(response, path) is None:
                    raise SourceAnswerInvalid(
                        f"The answer to the sign-in test holds nothing at {path!r}. "
                        "Check that the address is that of the right system and version."
                    )
                return "The credentials are accepted."

            return self._stage("authenticate", ask)
        return None

    def _lacks_sign_in(self) -> bool:
        source = self._connector.source
        return self._connector.definition.probe is None and source.database is None and source.folder is None

    def _compare_clocks(self) -> None:
        """Our clock and the source's, once there is an answer with a date."""
        dated = self._connector.source.dated
        if dated is None or any(stage.name == "clock" for stage in self._stages):
            return
        ahead = seconds_ahead(*dated)
        if ahead is None:
            return
        state: State = "warning" if abs(ahead) >= _SKEW_SECONDS else "passed"
        self._stages.append(Stage("clock", state, _clock_message(ahead), 0.0))

    def _entities(self) -> ApplianceError | None:
        """One small read of each entity. Only when none can be read is that a failure."""
        first_failure: ApplianceError | None = None
        required_failure: ApplianceError | None = None
        for name, entity in self._connector.definition.entities.items():
            failure = self._stage(f"read {name}", partial(self._read, name), soften=not entity.required)
            if failure is None:
                self._readable.append(name)
                continue
            if failure.type in ("connection", "authentication"):
                return failure
            first_failure = first_failure or failure
            if entity.required:
                required_failure = required_failure or failure
        useful = [name for name in self._readable if not self._is_declared(name)]
        if required_failure is not None or useful:
            return required_failure
        return first_failure

    def _first_entity(self) -> ApplianceError | None:
        """Read until one entity can be read. What stands in the definition proves nothing of the source."""
        first_failure: ApplianceError | None = None
        for name, entity in self._connector.definition.entities.items():
            if isinstance(entity.read, DeclaredRead):
                continue
            failure = self._stage(f"read {name}", partial(self._read, name), soften=True)
            if failure is None:
                self._readable.append(name)
                return None
            if failure.type in ("connection", "authentication"):
                return failure
            first_failure = first_failure or failure
        return first_failure

    def _read(self, entity: str) -> str:
        pages = self._connector.pages(entity)
        projection = self._connector.projection(entity)
        page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
        noticed = "".join(f" {notice}" for notice in page.notices)
        if not page.rows:
            return f"Readable; there are no rows, or none the user may see.{noticed}"
        try:
            projection.key(page.rows[0])
            projection.record(page.rows[0])
        except RowRejected as rejected:
            return f"Readable, but its first row does not fit: {rejected.message}{noticed}"
        return f"Readable.{noticed}"

    def _is_declared(self, entity: str) -> bool:
        read = self._connector.definition.entities[entity].read
        only_declared = all(
            isinstance(e.read, DeclaredRead | CodeRead) for e in self._connector.definition.entities.values()
        )
        return isinstance(read, DeclaredRead) and not only_declared

    def _stage(
        self, name: str, step: Callable[[], str | None], *, soften: bool = False
    ) -> ApplianceError | None:
        started = self._clock.monotonic()
        try:
            message = step()
        except ApplianceError as failure:
            state: State = (
                "warning" if soften and failure.type not in ("connection", "authentication") else "failed"
            )
            self._stages.append(
                Stage(name, state, failure.message, round(self._clock.monotonic() - started, 3), failure.code)
            )
            return failure
        if message is not None:
            self._stages.append(Stage(name, "passed", message, round(self._clock.monotonic() - started, 3)))
        return None


def seconds_ahead(date: str, now: datetime) -> int | None:
    """How far the clock behind a Date header is ahead of ours; None when the header cannot be read."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # The header has whole seconds; half a second on average is cut off.
    return round((moment - now).total_seconds() + 0.5)


def _clock_message(ahead: int) -> str:
    if abs(ahead) < _SKEW_SECONDS:
        return "The source's clock agrees with ours."
    minutes, seconds = divmod(abs(ahead), 60)
    span = f"{minutes} min {seconds} s" if minutes < 120 else f"{minutes / 60:.1f} h"
    if ahead < 0:
        return (
            f"The source's clock is {span} behind ours. It stamps changes with times we have already asked about, "
            "so that a synchronization can miss them: set both clocks by the same time server, or make the "
            "overlap of synchronizations longer than this."
        )
    return (
        f"The source's clock is {span} ahead of ours. No change is missed, but rows are read again until our "
        "clock has caught up, and signed requests may be refused: set both clocks by the same time server."
    )
