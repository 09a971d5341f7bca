"""Creates and changes records in the source, as `write` of a definition says.

What is given has been checked against the model: `record` holds exact numbers, times in UTC, references as the parts
of the source's keys, statuses as their codes, and NULL where a field is to be emptied.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from appliance.errors import ConfigurationError, SourceError
from appliance.runtime.changeset import ChangeSet
from appliance.runtime.definition import (
    AlternativesRead,
    Change,
    ChangeSetStep,
    Find,
    Http,
    RfcStep,
    Step,
    Write,
)
from appliance.runtime.learned import learned_values
from appliance.runtime.protocols.alternatives import AlternativePages
from appliance.runtime.protocols.sap_rfc.envelope import RfcNode, raise_for_messages
from appliance.runtime.request import compile_request
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template, given, paths_of, plain_text, without_marks
from appliance.transport.http import Request, Response

if TYPE_CHECKING:
    from appliance.runtime.connector import Connector

# A gateway on the way gave up waiting; the source behind it may have gone on.
_PASSED_ON = (502, 504)


class OutcomeUnknown(SourceError):
    """The source was sent the write and did not answer: it may have been done or not."""

    code = "WRITE_OUTCOME_UNKNOWN"


class PartlyWritten(SourceError):
    """A later step of a write failed; `details` tell the source's key and which step."""

    code = "WRITE_PARTLY_DONE"


class WriteConflict(SourceError):
    """The record has changed in the source since it was read."""

    code = "WRITE_CONFLICT"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written. `reference` names this write, the same at every try; `retried` when there was one."""

    record: Mapping[str, Any] = field(default_factory=dict)
    key: Sequence[Any] = ()
    status: str | None = None
    reference: str = ""
    previous: Mapping[str, Any] | None = None
    retried: bool = False


class Writer:
    """One operation on one entity of a connector."""

    def __init__(self, connector: "Connector", entity: str, operation: Any) -> None:
        definition = connector.definition.entities[entity]
        if operation not in definition.write or connector.definition.http is None:
            raise ConfigurationError(f"{connector.definition.name} offers no {operation} of {entity}.")
        self._connector = connector
        self._entity = entity
        self._source = connector.source
        self._http: Http = connector.definition.http
        self._write: Write = definition.write[operation]
        self._where = f"{connector.definition.system}.{entity}.write.{operation}"
        self._read = definition.read

    def send(self, order: Order) -> list[Any]:
        """Do the write; the parts of the source's key of the record, empty when the source did not tell it.

        Raises SourceError as the source answers, OutcomeUnknown when it did not answer, PartlyWritten when a later
        step failed, WriteConflict when an ETag no longer holds.
        """
        context = self._context(order)
        if order.retried and self._write.find is not None:
            if not _holds(self._write.find.when, context):
                raise OutcomeUnknown(
                    "It is not known whether an earlier try of this write was carried out, and this source cannot be"
                    " asked. Look there before it is sent again."
                )
            found = self._find(self._write.find, context)
            if found:
                return found
        taken: dict[str, Any] = {}
        done = 0
        for number, step in enumerate(self._write.steps):
            if not self._applies(step, context, order):
                continue
            try:
                taken |= self._do(step, number, {**context, "taken": taken})
            except SourceError as failure:
                if done:
                    raise self._partly(order, taken, done, failure) from failure
                raise
            done += 1
        if not done:
            raise ConfigurationError(f"{self._where}: no step applies to these values.")
        return self._key(order, taken)

    def find(self, order: Order) -> list[Any]:
        """The key of the record that an earlier try made; empty when there is none or it cannot be looked for."""
        context = self._context(order)
        find = self._write.find
        return self._find(find, context) if find is not None and _holds(find.when, context) else []

    def _key(self, order: Order, taken: Mapping[str, Any]) -> list[Any]:
        key = [taken.get(name) for name in self._write.id]
        return key if key and None not in key else list(order.key)

    def _partly(
        self, order: Order, taken: Mapping[str, Any], done: int, failure: SourceError
    ) -> PartlyWritten:
        return PartlyWritten(
            f"Only the first part of the change was made in the source. The rest failed: {failure.message}",
            details={**failure.details, "source_key": self._key(order, taken), "steps_done": done},
        )

    def _context(self, order: Order) -> dict[str, Any]:
        context: dict[str, Any] = {
            **self._source.fields,
            "learned": learned_values(self._source, self._http),
            "record": order.record,
            "key": list(order.key),
            "status": order.status,
            "reference": order.reference[: self._write.reference],
            "previous": order.previous or {},
            "now": self._source.clock.now(),
            "way": self._way(),
        }
        values = {
            name: compile_template(template, where=f"{self._where}.vars.{name}", omit=True)(context)
            for name, template in self._write.vars.items()
        }
        return {**context, **{name: value if given(value) else None for name, value in values.items()}}

    def _way(self) -> str:
        """Which of several alternative sets is read, and so written; the empty text where there is one way."""
        if not isinstance(self._read, AlternativesRead):
            return ""
        pages = self._connector.pages(self._entity)
        assert isinstance(pages, AlternativePages)
        return str(pages.usable())

    def _applies(self, step: Step, context: Mapping[str, Any], order: Order) -> bool:
        return _holds(step.when, context) and (
            not step.given or any(name in order.record for name in step.given)
        )

    def _do(self, step: Step, number: int, context: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{self._where}.steps[{number}]"
        if isinstance(step, RfcStep):
            return self._call(step, where, context)
        if isinstance(step, ChangeSetStep):
            self._change(step, where, context)
            return {}
        request = compile_request(step.request, self._http, where=where, safe=False, omit=True)(context)
        if step.etag:
            request = replace(request, headers={**request.headers, "If-Match": self._etag(request)})
        with _outcome_known(), _unchanged(step.etag):
            response = self._source.send(request, interactive=True)
        return {name: self._taken(response, path) for name, path in step.take.items()}

    def _change(self, step: ChangeSetStep, where: str, context: Mapping[str, Any]) -> None:
        changes = ChangeSet(self._source, self._http, step, where=where)
        prepared = changes.prepare(context)
        with _outcome_known(), _unchanged(step.etag):
            changes.send(prepared)

    def _etag(self, request: Request) -> str:
        asked = replace(request, method="GET", body=None, safe=True)
        return self._source.send(asked, interactive=True).header("ETag") or "*"

    def _taken(self, response: Response, path: str) -> Any:
        if path == "$location":
            last = urlsplit(response.header("Location") or "").path.rstrip("/").rsplit("/", 1)[-1]
            return unquote(last) or None
        return self._source.answer(response, path)

    def _call(self, step: RfcStep, where: str, context: Mapping[str, Any]) -> dict[str, Any]:
        function = str(compile_template(step.function, where=f"{where}.function")(context))
        parameters = compile_template(step.parameters, where=f"{where}.parameters", omit=True)(context)
        sent = {**{name: [] for name in step.tables}, **without_marks(parameters)}
        node = RfcNode(self._source, self._http, step.path, where=where)
        with _outcome_known():
            answer = node.call(function, sent, safe=False)
        raise_for_messages(answer.get(step.messages))
        return {name: dig(answer, steps(path)) for name, path in step.take.items()}

    def _find(self, find: Find, context: Mapping[str, Any]) -> list[Any]:
        prepare = compile_request(find.request, self._http, where=f"{self._where}.find", safe=True)
        rows = str(compile_template(find.rows, where=f"{self._where}.find.rows")(context))
        found = self._source.answer(self._source.send(prepare(context), interactive=True), rows)
        row = found[0] if isinstance(found, list) and found else found
        key = [dig(row, steps(path)) for path in find.id] if isinstance(row, dict) else []
        return key if None not in key else []


def _holds(when: Mapping[str, tuple[str, ...]], context: Mapping[str, Any]) -> bool:
    return all(
        plain_text(context.get(name)) in values if values else context.get(name) not in (None, "")
        for name, values in when.items()
    )


@contextmanager
def _outcome_known() -> Iterator[None]:
    """Raises OutcomeUnknown where the source may have got the request."""
    try:
        yield
    except SourceError as failure:
        if failure.details.get("stage") != "read" and failure.details.get("status") not in _PASSED_ON:
            raise
        raise OutcomeUnknown(
            "The source was sent the change and did not answer in time. It may have been made: look before it is sent"
            " again.",
            details=failure.details,
        ) from failure


@contextmanager
def _unchanged(guarded: bool) -> Iterator[None]:
    """Raises WriteConflict where an ETag was sent that no longer holds."""
    try:
        yield
    except SourceError as failure:
        if guarded and failure.details.get("status") == 412:
            raise WriteConflict(
                "The record was changed in the source at the same moment. Read it and write again.",
                details=failure.details,
            ) from failure
        raise


def accepted(write: Write) -> dict[str, frozenset[str]]:
    """The fields of the unified record that a write looks at, each with those below it (of lists and objects)."""
    looked = paths_of([_told(step) for step in write.steps] + [write.vars])
    fields: dict[str, set[str]] = {}
    for path in looked:
        if path[0] == "record" and len(path) > 1:
            below = fields.setdefault(path[1], set())
            if len(path) > 2 and not path[2].isdigit():
                below.add(path[2])
    return {name: frozenset(below) for name, below in fields.items()}


def statuses(write: Write) -> tuple[str, ...]:
    """The codes that a status change takes; empty when all there are."""
    if write.statuses:
        return write.statuses
    named = [step.when.get("status") for step in write.steps]
    if any(codes is None for codes in named):
        return ()
    return tuple(dict.fromkeys(code for codes in named for code in codes or ()))


def _told(step: Step) -> Any:
    if isinstance(step, RfcStep):
        return step.parameters
    if isinstance(step, ChangeSetStep):
        return [_told_change(change) for change in step.changes]
    request = step.request
    rpc = list(request.xmlrpc.params) if request.xmlrpc else None
    return [request.path, dict(request.query), request.json, request.form, request.xml, rpc]


def _told_change(change: Change) -> Any:
    own = [change.path, change.json]
    members = [f"${{item.{name}}}" for name in (change.having, change.lacking) if name]
    return {"$each": change.each, "do": [*own, *members]} if change.each else own
