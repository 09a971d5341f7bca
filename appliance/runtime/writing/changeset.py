"""Several requests to an OData service that stand or fall together, as a change set of `$batch`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from appliance.runtime.definition import Change, ChangeSetStep, Http
from appliance.runtime.protocols.odata.batch import Operation
from appliance.runtime.protocols.odata.service import ODataService
from appliance.runtime.select import dig, encode, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template, given, without_marks

_ACCEPT = {"Accept": "application/json"}
_JSON = {**_ACCEPT, "Content-Type": "application/json"}


class ChangeSet:
    def __init__(self, source: Source, http: Http, step: ChangeSetStep, *, where: str) -> None:
        self._source = source
        self._step = step
        self._where = where
        self._service = ODataService(source, http, step.service, step.version, where=where)

    def prepare(self, context: Mapping[str, Any]) -> tuple[Operation, ...]:
        """The requests for these values with the ETags of what they change.

        Raises SourceError when an ETag cannot be read.
        """
        operations = self.operations(context)
        return self._tagged(operations) if self._step.etag else operations

    def operations(self, context: Mapping[str, Any]) -> tuple[Operation, ...]:
        """The requests for these values, those without content left out."""
        return tuple(
            operation
            for number, change in enumerate(self._step.changes)
            for operation in self._operations(change, f"{self._where}.changes[{number}]", context)
        )

    def send(self, operations: tuple[Operation, ...]) -> None:
        """Carry them out, all or none. Raises SourceError with the words of the one that is refused."""
        if operations:
            for answer in self._service.batch([operations], safe=False, interactive=True):
                self._source.judge(answer)

    def _operations(self, change: Change, where: str, context: Mapping[str, Any]) -> Iterator[Operation]:
        path = compile_template(change.path, where=f"{where}.path")
        content = compile_template(change.json, where=f"{where}.json", omit=True)
        for around in self._around(change, context):
            body = content(around)
            if change.json is None:
                yield Operation(change.method, str(path(around)), dict(_ACCEPT))
            elif given(body):
                yield Operation(change.method, str(path(around)), dict(_JSON), encode(without_marks(body)))

    def _around(self, change: Change, context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """What the templates see: the context, or for each item that counts the context with it."""
        if not change.each:
            yield context
            return
        for item in dig(context, steps(change.each)) or ():
            having = not change.having or dig(item, steps(change.having)) is not None
            if having and (not change.lacking or dig(item, steps(change.lacking)) is None):
                yield {**context, "item": item}

    def _tagged(self, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
        changed = [operation for operation in operations if operation.method != "POST"]
        if not changed:
            return operations
        asked = [Operation("GET", operation.path, dict(_ACCEPT)) for operation in changed]
        tags: dict[str, str] = {}
        for operation, answer in zip(
            changed, self._service.batch(asked, safe=True, interactive=True), strict=True
        ):
            self._source.judge(answer)
            tags[operation.path] = answer.header("ETag") or "*"
        return tuple(
            replace(one, headers={**one.headers, "If-Match": tags[one.path]}) if one.path in tags else one
            for one in operations
        )
