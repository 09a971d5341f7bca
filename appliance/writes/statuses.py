"""The code of the status that a request means by its key, its code or its name."""

from collections.abc import Mapping
from typing import Any

import msgspec

from appliance.connections.tables import Connection
from appliance.model.entity import Model, Operation
from appliance.model.keys import unified_key
from appliance.runtime.definition import Definition
from appliance.store.records import Records
from appliance.writes.capabilities import Ability
from appliance.writes.errors import WriteInvalid, problem


class StatusCodes:
    def __init__(
        self, records: Records, model: Model, connection: Connection, definition: Definition
    ) -> None:
        self._records = records
        self._model = model
        self._connection = connection
        self._definition = definition

    def chosen(self, operation: Operation, body: Mapping[str, Any], can: Ability) -> str:
        """The source's code. The body says `statusKey` or `status`, whatever the entity; both words are taken.

        Raises WriteInvalid naming the codes that can be set.
        """
        unknown = set(body) - {"status", "statusKey"}
        if unknown or not body:
            name = next(iter(sorted(unknown)), "statusKey")
            raise WriteInvalid(
                [problem(name, "UNKNOWN_FIELD" if unknown else "REQUIRED", "Send `statusKey` or `status`.")]
            )
        field, wanted = next((name, body[name]) for name in ("statusKey", "status") if name in body)
        codes = self._codes(operation.owner)
        text = str(wanted).strip()
        found = next((s for s in codes if text in (s.get("key"), s.get("code"))), None) or next(
            (s for s in codes if text and text.lower() == str(s.get("name")).lower()), None
        )
        chosen = str(found["code"]) if found else None
        allowed = can.statuses or tuple(dict.fromkeys(str(status["code"]) for status in codes))
        if chosen is None or chosen not in allowed:
            raise WriteInvalid(
                [
                    problem(
                        field,
                        "STATUS_NOT_ALLOWED",
                        f"is none that can be set here. Statuses: {', '.join(allowed)}.",
                    )
                ]
            )
        return chosen

    def shown(self, entity: str, code: str) -> dict[str, Any]:
        """The fields of a record of the entity that say its status."""
        found = next((s for s in self._codes(entity) if s.get("code") == code), {"name": code})
        key = unified_key(
            str(self._model.entities["Status"].prefix), self._connection.part, [self._scope(entity), code]
        )
        known = self._model.entities[entity].fields
        return {
            name: value
            for name, value in (("statusKey", key), ("status", found.get("name")))
            if name in known
        }

    def _codes(self, entity: str) -> list[dict[str, Any]]:
        """Key, code and name of the statuses of an entity, as synchronized, else as the definition declares them."""
        scope = self._scope(entity)
        stream = self._records.find_stream(self._connection.id, "Status")
        stored = [] if stream is None else self._records.with_value(stream, "scope", scope)
        declared = self._definition.statuses.get(scope, {})
        return [msgspec.json.decode(payload) for payload in stored] + [
            {"code": code, "name": name} for code, name in declared.items()
        ]

    def _scope(self, entity: str) -> str:
        return next(
            (str(o.scope) for o in self._model.operations if o.kind == "statuses" and o.owner == entity),
            str(self._model.entities[entity].path),
        )
