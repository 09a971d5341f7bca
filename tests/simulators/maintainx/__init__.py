"""A strict simulator of the MaintainX REST interface, for tests.

It stands for a service that cannot run here. `interface.json` holds the paths, query parameters and members of rows
of the vendor's OpenAPI description of version 1; requests and rows of the tests are held to it. From its texts come
the bearer key, the organization header, cursors, the largest page of 200, members that come only when expanded, the
time filter and the headers of the call limit. Where they leave a choice it takes the stricter one.
"""

import base64
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.simulators.maintainx import writing
from tests.simulators.strict_rest import Answer, Asked, Refused, assert_described

INTERFACE: dict[str, Any] = json.loads(Path(__file__).with_name("interface.json").read_text("utf-8"))
KEY = "key-of-a-plant"
LARGEST_PAGE = 200

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
# Members that a list shows only when asked to, by the word that asks.
_EXPANDED = {
    "/workorders": {
        **{name: name for name in ("assignees", "categories", "parts", "asset", "location", "procedure")},
        "vendor_ids": "vendorIds",
        "time_items": "timeItems",
        "extra_fields": "extraFields",
        "times": "times",
        "expenditures": "expenditures",
    },
    "/workrequests": {"asset": "asset", "work_order": "workOrder", "extra_fields": "extraFields"},
    "/assets": {
        **{name: name for name in ("barcode", "depreciation", "status", "manufacturer", "model")},
        "team_ids": "teamIds",
        "asset_types": "assetTypes",
        "extra_fields": "extraFields",
        "vendor_ids": "vendorIds",
    },
    "/locations": {"extra_fields": "extraFields", "barcode": "barcode", "team_ids": "teamIds"},
    "/parts": {"extra_fields": "extraFields", "vendors": "vendors"},
    "/vendors": {"extra_fields": "extraFields"},
    "/meters": {"asset": "asset", "location": "location", "last_reading": "lastReading"},
    "/users": {"role": "role", "extra_fields": "extraFields"},
}


class MaintainX:
    """`rows` are the records of each list; purchase orders are whole there and cut down in the list."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]], *, page: int = LARGEST_PAGE) -> None:
        for path, records in rows.items():
            described = INTERFACE["/purchaseorders/{id}" if path == "/purchaseorders" else path]["row"]
            for record in records:
                assert_described(record, described, path)
        self.rows = rows
        self.url = ""
        self.page = page
        self.organizations: set[str] = set()
        """With any, the key is good for several and a request must name one."""
        self.denied: set[str] = set()
        self.knows_filter = True
        self.calls_left = 10_000
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refused(401)
        if self.organizations and asked.headers.get("x-organization-id") not in self.organizations:
            raise Refused(
                400, {"errors": [{"error": "x-organization-id is missing", "fieldPath": "headers"}]}
            )
        if self.calls_left <= 0:
            raise Refused(429, {"error": "Too many requests"}, **self._limits())
        self.calls_left -= 1
        path, _, number = asked.path.removeprefix("/").partition("/")
        path = f"/{path}"
        if path in self.denied:
            raise Refused(403, {"errors": [{"error": "Not allowed"}]})
        if asked.method == "POST" and path in writing.CREATE and not number:
            return writing.create(path, asked, self.rows)
        number, _, part = number.partition("/")
        if asked.method == "PATCH" and number:
            row = self._one(path, number)
            if part == "status" and path in writing.STATUS:
                return writing.change_status(path, row, asked)
            if not part and path in writing.UPDATE:
                return writing.change(path, row, asked, self.rows)
        if asked.method != "GET" or part:
            raise Refused(404, {"error": "Not found"})
        if number and path in writing.SINGLE:
            row = self._one(path, number)
            hidden = set() if path != "/workorders" else writing.hidden(asked.query.get("expand", []))
            shown = {name: value for name, value in row.items() if name not in hidden}
            return Answer({writing.SINGLE[path]: shown}, headers=self._limits())
        if path not in INTERFACE or number:
            raise Refused(404, {"error": "Not found"})
        return Answer(self._list(path, asked), headers=self._limits())

    def _limits(self) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": "100",
            "X-Rate-Limit-Remaining": str(self.calls_left),
            "X-Rate-Limit-Reset": "1",
        }

    def _one(self, path: str, number: str) -> dict[str, Any]:
        for record in self.rows[path]:
            if str(record["id"]) == number:
                return record
        raise Refused(404, {"error": "Not found"})

    def _list(self, path: str, asked: Asked) -> dict[str, Any]:
        described = INTERFACE[path]
        for name, values in asked.query.items():
            for value in values:
                self._check(described["query"], name, value)
        limit = min(int(asked.one("limit", "100")), self.page)
        found = list(self.rows.get(path, []))
        earliest = asked.one("updatedAt[gte]")
        if earliest:
            since = datetime.fromisoformat(earliest)
            found = [record for record in found if datetime.fromisoformat(record["updatedAt"]) >= since]
        if "statuses" in asked.query:
            found = [record for record in found if record["status"] in asked.query["statuses"]]
        by = asked.one("sort").lstrip("-")
        if by:
            found.sort(key=lambda record: record[by], reverse=asked.one("sort").startswith("-"))
        start = self._start(asked.one("cursor"))
        cut = found[start : start + limit]
        more = start + limit < len(found)
        cursor = base64.b64encode(f"at:{start + limit}".encode()).decode() if more else None
        hidden = {
            member
            for word, member in _EXPANDED.get(path, {}).items()
            if word not in asked.query.get("expand", [])
        }
        shown = [
            {name: value for name, value in record.items() if name in described["row"] and name not in hidden}
            for record in cut
        ]
        return {described["rows"]: shown, "nextCursor": cursor, "nextPageUrl": None}

    def _check(self, known: dict[str, Any], name: str, value: str) -> None:
        kind = known.get(name)
        if name.startswith("updatedAt") and not self.knows_filter:
            kind = None
        wrong = (
            kind is None
            or (isinstance(kind, list) and value not in kind)
            or (kind == "integer" and not value.isdigit())
            or (kind == "time" and not _TIME.fullmatch(value))
            or (name == "limit" and not 1 <= int(value) <= LARGEST_PAGE)
        )
        if wrong:
            raise Refused(
                400, {"errors": [{"error": f"{name} is not valid", "fieldPath": name, "fieldValue": value}]}
            )

    @staticmethod
    def _start(cursor: str) -> int:
        if not cursor:
            return 0
        word, _, at = base64.b64decode(cursor).decode().partition(":")
        if word != "at" or not at.isdigit():
            raise Refused(400, {"error": "cursor is not valid"})
        return int(at)
