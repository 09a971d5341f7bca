"""A simulator of the REST interface of Frappe with DocTypes of ERPNext.

Built from the published source of Frappe's REST interface and the DocTypes of ERPNext 14 and 15: token header, 20 rows
without a limit, lists without child tables, filters as JSON, order by modified descending, times of the site without a
zone, errors with exc_type and exception. Names compare without case, as the database does. Strict: a field or
parameter that does not exist is 417. Set the attributes before or between requests.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.simulators.erpnext_forms import Failed, Forms
from tests.simulators.erpnext_rows import documents
from tests.transport.servers import Exchange, Server, serving

KEY, SECRET = "1f2e3d4c5b6a798", "s3cret-of-the-site"

_PARAMETERS = {"fields", "filters", "order_by", "limit_start", "limit_page_length"}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "not in": lambda a, b: a not in b,
}


class Frappe:
    """`documents` by DocType; `denied` DocTypes may not be read; `throttled`: how many requests answer 429."""

    def __init__(self) -> None:
        self.documents = documents()
        self._forms = Forms(self.documents)
        self.denied: set[str] = set()
        self.throttled = 0
        self.asked: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        headers: dict[str, str] = {}
        try:
            status, content = 200, self._answer(exchange)
        except Failed as failed:
            status = failed.status
            message = f"frappe.exceptions.{failed.kind}: {failed}"
            content = {"exc_type": failed.kind, "exception": message, "exc": '["Traceback"]'}
            if status == 429:
                headers["Retry_After"] = "1"
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json", **headers)

    def _answer(self, exchange: Exchange) -> dict[str, Any]:
        headers = dict(exchange.headers)
        parts = urlsplit(exchange.path)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if headers.get("Authorization") != f"token {KEY}:{SECRET}":
            raise Failed(401, "AuthenticationError", "Authentication required")
        if self.throttled:
            self.throttled -= 1
            raise Failed(429, "RateLimitExceededError", "Too many requests")
        if parts.path == "/api/method/frappe.auth.get_logged_user":
            return {"message": "appliance@plant.example"}
        steps = [unquote(step) for step in parts.path.split("/")]
        if steps[1:3] != ["api", "resource"] or len(steps) not in (4, 5):
            raise Failed(404, "DoesNotExistError", "Not found")
        doctype = steps[3]
        self.asked.append((doctype, options))
        if doctype not in self.documents:
            raise Failed(404, "DoesNotExistError", f"DocType {doctype} not found")
        if doctype in self.denied:
            raise Failed(403, "PermissionError", f"No permission for {doctype}")
        if exchange.command != "GET":
            name = steps[4] if len(steps) == 5 else None
            return {"data": self._forms.save(exchange.command, doctype, name, json.loads(exchange.body))}
        if len(steps) == 4:
            return {"data": self._list(doctype, options)}
        for row in self.documents[doctype]:
            if row["name"] == steps[4]:
                return {"data": {"doctype": doctype, **row}}
        raise Failed(404, "DoesNotExistError", f"{doctype} {steps[4]} not found")

    def _list(self, doctype: str, options: dict[str, str]) -> list[dict[str, Any]]:
        if set(options) - _PARAMETERS:
            raise Failed(417, "TypeError", f"unexpected argument {set(options) - _PARAMETERS}")
        rows = self.documents[doctype]
        columns = [name for name, value in rows[0].items() if not isinstance(value, list)] if rows else []
        fields = json.loads(options.get("fields", '["name"]'))
        column, _, direction = options.get("order_by", "modified desc").partition(" ")
        filters = json.loads(options.get("filters", "[]"))
        named = [name for name in fields if name != "*"]
        for name in [*named, column, *(name for name, _, _ in filters)]:
            if rows and name not in columns:
                raise Failed(417, "DataError", f"Field not permitted in query: {name}")
        for name, operator, value in filters:
            rows = [r for r in rows if _OPERATORS[operator](_collated(r[name]), _collated(value))]
        rows = sorted(rows, key=lambda row: _collated(row[column]), reverse=direction == "desc")
        start, size = int(options.get("limit_start", 0)), int(options.get("limit_page_length", 20))
        rows = rows[start : start + size] if size else rows[start:]
        shown = columns if "*" in fields else fields
        return [{name: row[name] for name in shown} for row in rows]


def _collated(value: Any) -> Any:
    if isinstance(value, list):
        return [_collated(one) for one in value]
    return value.casefold() if isinstance(value, str) else value
