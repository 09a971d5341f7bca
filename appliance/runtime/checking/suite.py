"""The standard suite: what every connector has to show against its source.

form              every template finds its form field, every field is used and explained
push              sample deliveries: signed as the source would, read, and refused with another key
probe             the stages that connecting goes through
first page        each entity can be read
paging            pages to a limit, every row once
keys              different rows, different keys
resume            a pass goes on from a kept position
only keys         asking for keys alone gives those of the read
open              what is not finished can be asked for, and fits the mapping
gone              rows have what they would say by that they are deleted
changes           a row changed at the watermark is among those asked for since then
mapping           which unified fields are filled; rows that do not fit, and why
status values     values that the mapping does not know
references        keys of other records that stay empty or lead nowhere
writes            every request that writes, made of a sample record and not sent
"""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.errors import ApplianceError, SourceAccessDenied
from appliance.model.entity import Model
from appliance.runtime.checking.contents import Records, check_mapping, check_references, check_values
from appliance.runtime.checking.names import foreign_names, unused_fields
from appliance.runtime.checking.narrowed import check_gone, check_only_keys, check_open
from appliance.runtime.checking.passes import (
    Pass,
    check_changes,
    check_first_page,
    check_keys,
    check_paging,
    check_resume,
    read_pass,
    through,
)
from appliance.runtime.checking.push import check_push
from appliance.runtime.checking.report import Check, SuiteReport, number
from appliance.runtime.checking.writes import check_writes
from appliance.runtime.connector import Connector
from appliance.runtime.definition import Definition
from appliance.runtime.probe import OpenReach, probe
from appliance.runtime.protocols import EVERYTHING

LIMIT = 1000


def run_suite(
    connector: Connector,
    model: Model,
    open_reach: OpenReach,
    clock: Clock,
    *,
    limit: int = LIMIT,
    progress: Callable[[Check], None] = lambda check: None,
) -> SuiteReport:
    """Run every check; nothing is written to the source. `limit` is in rows an entity and pass.

    `progress` is told of each check as it ends. When the probe fails, entities are not read. Raises nothing
    expected.
    """
    suite = _Suite(connector, model, limit, progress)
    for check in check_form(connector.definition):
        suite.add(check)
    suite.add(check_push(connector.definition))
    if suite.probe(open_reach, clock):
        for entity in connector.definition.entities:
            suite.entity(entity)
        suite.references()
        for entity in connector.definition.entities:
            for check in check_writes(connector, model, entity):
                suite.add(check)
    return SuiteReport(connector.definition.system, tuple(suite.checks))


def check_form(definition: Definition) -> list[Check]:
    """Whether the connect form is complete and every field explained."""
    foreign = foreign_names(definition)
    unused = unused_fields(definition)
    helpless = [f.name for f in definition.form if not f.help]
    if foreign:
        said = "; ".join(f"{place} uses {name}" for place, name in foreign)
        complete = Check("form", "failed", f"The form lacks what templates use: {said}.")
    elif unused:
        complete = Check("form", "warning", f"Nothing uses these fields: {', '.join(unused)}.")
    else:
        complete = Check("form", "passed", f"{number(len(definition.form), 'field')}, all used.")
    if helpless:
        message = f"Say in `help` where to find these, or what rights they need: {', '.join(helpless)}."
        return [complete, Check("form help", "warning", message)]
    return [complete, Check("form help", "passed", "Every field is explained.")]


@dataclass(slots=True)
class _Read:
    """What was read of an entity, kept until all are."""

    seen: Pass
    records: Records
    keys: set[str]


class _Suite:
    def __init__(
        self, connector: Connector, model: Model, limit: int, progress: Callable[[Check], None]
    ) -> None:
        self.checks: list[Check] = []
        self._connector = connector
        self._model = model
        self._limit = limit
        self._progress = progress
        self._read: dict[str, _Read] = {}

    def add(self, check: Check | None) -> None:
        if check is not None:
            self.checks.append(check)
            self._progress(check)

    def probe(self, open_reach: OpenReach, clock: Clock) -> bool:
        """Whether entities can be read."""
        report = probe(self._connector, open_reach, clock)
        for stage in report.stages:
            self.add(Check(f"probe {stage.name}", stage.state, stage.message))
        return report.failure is None or report.failure.type not in ("connection", "authentication")

    def entity(self, name: str) -> None:
        definition = self._connector.definition.entities[name]
        try:
            seen = read_pass(self._connector, name, EVERYTHING, self._limit)
            projection = self._connector.projection(name)
            if seen.failure is not None and not seen.pages:
                raise seen.failure
        except ApplianceError as failure:
            optional = isinstance(failure, SourceAccessDenied) and not definition.required
            self.add(Check("first page", "warning" if optional else "failed", failure.message, name))
            return
        mapping = through(projection, seen.rows)
        entity = self._model.entities[name]
        self.add(check_first_page(name, seen))
        self.add(check_paging(name, seen, projection))
        self.add(check_keys(name, seen, projection))
        self.add(check_resume(self._connector, name, seen, projection))
        self.add(check_only_keys(self._connector, name, seen, projection, self._limit))
        self.add(check_open(self._connector, name, projection, self._limit))
        self.add(check_gone(self._connector, name, seen))
        self.add(check_changes(self._connector, name, seen, mapping, projection, self._limit))
        self.add(check_mapping(entity, definition, mapping))
        self.add(check_values(self._model, entity, definition, mapping))
        records = [row.record for row in mapping.mapped]
        self._read[name] = _Read(seen, records, {row.key for row in mapping.mapped})

    def references(self) -> None:
        """Once all entities are read: a key may lead to any of them."""
        known = {name: read.keys for name, read in self._read.items()}
        complete = {name for name, read in self._read.items() if read.seen.complete}
        for name, read in self._read.items():
            definition = self._connector.definition.entities[name]
            entity = self._model.entities[name]
            self.add(check_references(self._model, entity, definition, read.records, known, complete))
