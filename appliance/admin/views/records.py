"""The records browser: what came from the source, unified and raw side by side."""

from typing import Any

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.app import Appliance
from appliance.errors import NotFound
from appliance.model.entity import Entity
from appliance.store.records import Stream

View = str | tuple[str, int] | AnyResponse

PER_PAGE = 50
COLUMNS = 6
TELLING = (
    "orderNo", "invoiceNo", "number", "code", "lineNo", "name", "firstName", "lastName", "title", "description",
    "scope", "status", "statusKey", "type", "severity", "serialNumber", "quantity", "totalNetValue", "value",
    "orderDate", "scheduledAt", "dueAt", "isActive", "updatedAt", "createdAt",
)  # fmt: skip


class NoRecords(NotFound):
    code = "RECORD_NOT_FOUND"


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    browser = _Browser(appliance)
    pages.add_url_rule("/connections/<connection_id>/records", "records", browser.first)
    pages.add_url_rule("/connections/<connection_id>/records/<entity>", "entity_records", browser.page)
    pages.add_url_rule("/connections/<connection_id>/records/<entity>/<key>", "record", browser.record)


class _Browser:
    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._records = appliance.records

    def first(self, connection_id: str) -> View:
        """Go to the first entity that has records."""
        connection = self._appliance.connections.get(connection_id)
        counts = self._records.counts(connection.id)
        if not counts:
            return render_template("no_records.html", connection=connection)
        entity = next((name for name in ("WorkOrder", "PurchaseOrder") if counts.get(name)), None)
        entity = entity or max(counts, key=lambda name: counts[name])
        return redirect(url_for("admin.entity_records", connection_id=connection.id, entity=entity), 303)

    def page(self, connection_id: str, entity: str) -> View:
        """One page in the order in which the records came; `after` is the place to go on from, `key` a search."""
        connection = self._appliance.connections.get(connection_id)
        stream, model = self._stream(connection.id, entity)
        sought = request.args.get("key", "").strip()[:100]
        if sought and self._records.payload(stream, sought) is not None:
            return redirect(
                url_for("admin.record", connection_id=connection.id, entity=entity, key=sought), 303
            )
        after = request.args.get("after", "0")
        place = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0
        listed = self._records.by_id(stream, place, PER_PAGE)
        rows = [msgspec.json.decode(payload) for payload in listed.payloads]
        names = _columns(model, rows)
        statuses = self._statuses(connection.id, rows) if "statusKey" in names else {}
        return render_template(
            "records.html",
            connection=connection,
            entity=model,
            counts=self._records.counts(connection.id),
            names=names,
            rows=[{**row, "statusKey": statuses.get(row.get("statusKey", ""))} for row in rows],
            place=place,
            following=listed.last[1] if listed.more and listed.last else None,
            sought=sought,
        )

    def record(self, connection_id: str, entity: str, key: str) -> View:
        connection = self._appliance.connections.get(connection_id)
        stream, model = self._stream(connection.id, entity)
        payload = self._records.payload(stream, key)
        if payload is None:
            raise NoRecords(f"There is no {entity} with the key {key[:60]!r} in this connection.")
        unified = msgspec.json.decode(payload)
        title = next((str(unified[name]) for name in TELLING if unified.get(name) not in (None, "")), key)
        return render_template(
            "record.html",
            connection=connection,
            entity=model,
            key=key,
            title=title[:120],
            payload=payload,
            raw=self._records.raw(stream, key),
        )

    def _stream(self, connection_id: str, entity: str) -> tuple[Stream, Entity]:
        stream = self._records.find_stream(connection_id, entity)
        model = self._appliance.model.entities.get(entity)
        if stream is None or model is None:
            raise NoRecords(f"This connection has no records of {entity[:60]!r}.")
        return stream, model

    def _statuses(self, connection_id: str, rows: list[dict[str, Any]]) -> dict[str, str]:
        """Names of the statuses on a page, by key."""
        stream = self._records.find_stream(connection_id, "Status")
        names: dict[str, str] = {}
        for key in {row.get("statusKey") for row in rows} - {None, ""}:
            payload = None if stream is None else self._records.payload(stream, str(key))
            status = {} if payload is None else msgspec.json.decode(payload)
            names[str(key)] = str(status.get("name") or status.get("code") or key)
        return names


def _columns(entity: Entity, rows: list[dict[str, Any]]) -> list[str]:
    """The most telling fields that any record of the page has a value in, in the order of TELLING."""
    named = [name for name in TELLING if name in entity.fields]
    if "status" in named and any(row.get("statusKey") for row in rows):
        named.remove("status")
    used = [name for name in named if any(row.get(name) not in (None, "") for row in rows)]
    return (used or named)[:COLUMNS]
