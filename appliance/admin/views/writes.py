"""The journal of writes of a connection, and one write with what was sent and what became of it."""

from typing import Any

import msgspec
from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.audit.redaction import redact, redact_text
from appliance.connections.tables import Connection
from appliance.runtime.select import decode, encode
from appliance.users.roles import require
from appliance.writes.tables import WriteOrder

View = str | tuple[str, int] | AnyResponse

SHOWN = 50
STATES = ("unknown", "failed", "queued", "running", "done")


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    views = _Views(appliance)
    pages.add_url_rule("/connections/<connection_id>/writes", "writes", views.journal)
    pages.add_url_rule("/connections/<connection_id>/writes/<write_id>", "write", views.one)


class _Views:
    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._kinds = {
            f"{one.method} {one.category} {one.path}": one.kind for one in appliance.model.operations
        }

    def journal(self, connection_id: str) -> View:
        """The newest first; `state` shows one state, `before` is the last write of the page before."""
        require(g.session.account, "read_writes")
        connection = self._appliance.connections.get(connection_id)
        table = self._appliance.writes.table
        state = request.args.get("state") if request.args.get("state") in STATES else None
        before = table.find(request.args.get("before", ""), connection.id)
        orders = table.recent(connection.id, SHOWN + 1, state=state, before=before)
        counts = table.counts(connection.id)
        return render_template(
            "writes.html",
            connection=connection,
            orders=[self._told(connection, order) for order in orders[:SHOWN]],
            following=orders[SHOWN - 1].id if len(orders) > SHOWN else None,
            is_first=before is None,
            state=state,
            unknown=counts.get("unknown", 0),
            counts={name: counts[name] for name in STATES if counts.get(name)},
        )

    def one(self, connection_id: str, write_id: str) -> View:
        require(g.session.account, "read_writes")
        connection = self._appliance.connections.get(connection_id)
        order = self._appliance.writes.task(write_id, connection.id)
        return render_template(
            "write.html",
            connection=connection,
            order=order,
            told=self._told(connection, order),
            body=_shown(order.body),
            answer=None if order.answer is None else _shown(order.answer),
        )

    def _told(self, connection: Connection, order: WriteOrder) -> dict[str, Any]:
        """What list and page both show of a write."""
        failure = order.failure or {}
        details = redact(failure.get("details") or {})
        fields = details.pop("fields", [])
        key = order.record_key or order.target
        return {
            "id": order.id,
            "state": order.state,
            "entity": order.entity,
            "kind": self._kinds.get(order.operation, order.operation),
            "created_at": order.created_at,
            "key": key,
            "is_stored": self._is_stored(connection, order.entity, key),
            "code": failure.get("code"),
            "message": redact_text(str(failure.get("message", ""))),
            "fields": fields if isinstance(fields, list) else [],
            "details": msgspec.json.encode(details) if details else None,
        }

    def _is_stored(self, connection: Connection, entity: str, key: str | None) -> bool:
        stream = self._appliance.records.find_stream(connection.id, entity) if key else None
        return stream is not None and self._appliance.records.payload(stream, str(key)) is not None


def _shown(text: str) -> bytes:
    """JSON text with exact numbers and without what is named like a secret."""
    return encode(redact(decode(text.encode() or b"{}")))
