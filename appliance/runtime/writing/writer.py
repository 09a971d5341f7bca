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
from appliance.runtime.definition import (
    ChangeSetStep,
    CodeStep,
    Find,
    Http,
    HttpStep,
    RfcStep,
    Step,
    Write,
)
from appliance.runtime.protocols.sap_rfc.envelope import RfcNode, raise_for_messages
from appliance.runtime.reading.learned import learned_values
from appliance.runtime.request import compile_request
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template, given, without_marks
from appliance.runtime.template_filters import plain_text
from appliance.runtime.writing.changeset import ChangeSet
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


class WriteRefused(SourceError):
    """The source does not take the values; the same write would be refused again."""

    code = "SOURCE_REJECTED"


class RecordGone(SourceError):
    """The source no longer has the record that is to be changed."""

    code = "WRITE_RECORD_GONE"


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
        if operation not in definition.write:
            raise ConfigurationError(f"{connector.definition.name} offers no {operation} of {entity}.")
        self._connector = connector
        self._entity = entity
        self._source = connector.source
        self._operation = operation
        self._write: Write = definition.write[operation]
        self._where = f"{connector.definition.system}.{entity}.write.{operation}"
        self._read = definition.read

    def send(self, order: Order) -> list[Any]:
        """Do the write; the parts of the source's key of the record, empty when the source did not tell it.

        Raises SourceError as the source answers, OutcomeUnknown when it did not answer, PartlyWritten when a later
        step failed, WriteConflict when the version sent no longer holds, RecordGone when a look finds nothing.
        """
        context = self._context(order)
        if order.retried:
            found = self._find(context)
            if found:
                return found
        taken: dict[str, Any] = {}
        own: dict[int, dict[str, Any]] = {}
        done = 0
        for number, step in enumerate(self._write.steps):
            if not self._applies(step, context, order):
                continue
            for item in _items(step, context):
                of_item = own.setdefault(item.get("number", 0), {})
                known = {**context, **item, "taken": taken, "own": of_item}
                try:
                    told = self._do(step, number, known)
                    taken |= told
                    of_item |= told
                except SourceError as failure:
                    if done and not self._undone(failure, known):
                        raise self._partly(order, taken, done, failure) from failure
                    raise
                done += not _looks(step)
        if not done:
            raise ConfigurationError(f"{self._where}: no step applies to these values.")
        return self._key(order, taken)

    def rehearse(self, order: Order) -> int:
        """How many requests the write consists of; each is made and none is sent.

        Raises ConfigurationError for a template that cannot be, InvalidInput for a value that does not fit.
        """
        context = {**self._context(order), "taken": {}, "own": {}}
        made = 0
        for number, step in enumerate(self._write.steps):
            if self._applies(step, context, order):
                for item in _items(step, context):
                    self._make(step, f"{self._where}.steps[{number}]", {**context, **item})
                    made += 1
        return made

    def _make(self, step: Step, where: str, context: Mapping[str, Any]) -> None:
        match step:
            case HttpStep():
                compile_request(step.request, self._http, where=where, safe=True, omit=True)(context)
            case RfcStep():
                compile_template(step.parameters, where=f"{where}.parameters", omit=True)(context)
            case ChangeSetStep():
                ChangeSet(self._source, self._http, step, where=where).operations(context)

    def find(self, order: Order) -> list[Any]:
        """The key of the record that an earlier try made; empty when there is none or it cannot be looked for."""
        return self._find(self._context(order)) if self._finds else []

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

    def _undone(self, failure: SourceError, context: Mapping[str, Any]) -> bool:
        """Whether what was made is taken back; not tried where the failed step may have been done after all."""
        if self._write.undo is None or isinstance(failure, OutcomeUnknown):
            return False
        try:
            self._do(self._write.undo, len(self._write.steps), context)
        except SourceError:
            return False
        return True

    def _context(self, order: Order) -> dict[str, Any]:
        context: dict[str, Any] = {
            **self._source.fields,
            "learned": {}
            if self._source.definition.http is None
            else learned_values(self._source, self._http),
            "record": order.record,
            "key": list(order.key),
            "status": order.status,
            "reference": order.reference[: self._write.reference],
            "previous": order.previous or {},
            "now": self._source.clock.now(),
            "way": self._connector.way(self._entity),
        }
        values = {
            name: compile_template(template, where=f"{self._where}.vars.{name}", omit=True)(context)
            for name, template in self._write.vars.items()
        }
        return {**context, **{name: value if given(value) else None for name, value in values.items()}}

    def _applies(self, step: Step, context: Mapping[str, Any], order: Order) -> bool:
        return _holds(step.when, context) and (
            not step.given or any(name in order.record for name in step.given)
        )

    @property
    def _http(self) -> Http:
        if self._source.definition.http is None:
            raise ConfigurationError(f"{self._where}: the definition has no `http`.")
        return self._source.definition.http

    def _do(self, step: Step, number: int, context: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{self._where}.steps[{number}]"
        if isinstance(step, RfcStep):
            return self._call(step, where, context)
        if isinstance(step, CodeStep):
            with _outcome_known():
                return self._connector.writer_of_code(self._entity, self._operation, step).write(context)
        if isinstance(step, ChangeSetStep):
            self._change(step, where, context)
            return {}
        request = compile_request(step.request, self._http, where=where, safe=step.look, omit=True)(context)
        if step.look:
            return self._look(step, request, f"{where}.missing", context)
        if step.etag:
            request = replace(request, headers={**request.headers, "If-Match": self._etag(request)})
        with _outcome_known(versioned="If-Match" in request.headers):
            response = self._source.send(request, interactive=True)
        return {name: self._taken(response, path) for name, path in step.take.items()}

    def _look(
        self, step: HttpStep, request: Request, where: str, context: Mapping[str, Any]
    ) -> dict[str, Any]:
        response = self._source.send(request, interactive=True)
        taken = {name: self._taken(response, path) for name, path in step.take.items()}
        if step.missing and None in taken.values():
            lacking = compile_template(step.missing, where=where)(context)
            raise WriteRefused(f"Nothing was written: the source has no {lacking}.")
        if all(value is None for value in taken.values()):
            raise RecordGone("The source no longer has this record, or does not show it to the user.")
        return taken

    def _change(self, step: ChangeSetStep, where: str, context: Mapping[str, Any]) -> None:
        changes = ChangeSet(self._source, self._http, step, where=where)
        prepared = changes.prepare(context)
        with _outcome_known():
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
            raise_for_messages(answer.get(step.messages), self._source)
        return {name: dig(answer, steps(path)) for name, path in step.take.items()}

    @property
    def _finds(self) -> tuple[Find, ...]:
        declared = self._write.find
        return (declared,) if isinstance(declared, Find) else declared

    def _find(self, context: Mapping[str, Any]) -> list[Any]:
        """The key of what an earlier try made, empty when it made nothing.

        Raises OutcomeUnknown where it cannot be looked for and repeating the write could make a second record.
        """
        find = next((find for find in self._finds if _holds(find.when, context)), None)
        if find is None and (context["key"] or self._write.repeatable):
            return []
        if find is None:
            raise OutcomeUnknown(
                "It is not known whether an earlier try of this write was carried out, and this source cannot be asked."
                " Look there before it is sent again, with another Idempotency-Key."
            )
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
def _outcome_known(*, versioned: bool = False) -> Iterator[None]:
    """Raises OutcomeUnknown where the source may have got the request, WriteRefused where it does not take it."""
    try:
        yield
    except SourceError as failure:
        status = failure.details.get("status")
        if failure.details.get("stage") != "read" and status not in _PASSED_ON:
            # Some sources answer a version that no longer holds with 409.
            if status == 412 or (status == 409 and versioned):
                raise WriteConflict(
                    "The record was changed in the source at the same moment. Read it and write again.",
                    details=failure.details,
                ) from failure
            if type(failure) is not SourceError or (isinstance(status, int) and status >= 500):
                raise
            raise WriteRefused(failure.message, details=failure.details) from failure
        raise OutcomeUnknown(
            "The source was sent the change and did not answer in time. It may have been made: look before it is sent"
            " again.",
            details=failure.details,
        ) from failure


def _items(step: Step, context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a step knows beside the context each time it is done."""
    path = step.each if isinstance(step, HttpStep) else ""
    if not path:
        return [{}]
    listed = dig(context, steps(path))
    items = listed if isinstance(listed, list) else []
    return [{"item": item, "number": number} for number, item in enumerate(items, 1)]


def _looks(step: Step) -> bool:
    return isinstance(step, HttpStep) and step.look
