"""A strict simulator of the Limble interface, version 2, for tests.

It stands for a service that cannot run here. `interface.json` holds the paths, query parameters and members of rows
of the vendor's published description; requests and rows of the tests are held to it. From its texts come Basic
authentication by client id and secret, bare lists, pages from 1 that must be asked for, the cursor that means "ids
greater than" and goes with no page, the largest page of 1000, filters in Unix seconds (last edited after, bills made
at or after), and the headers of the call limit. Where they leave a choice it takes the stricter one.
"""

import base64
import json
from pathlib import Path
from typing import Any

from tests.simulators.limble import writing
from tests.simulators.strict_rest import Answer, Asked, Refused, assert_described

INTERFACE: dict[str, Any] = json.loads(Path(__file__).with_name("interface.json").read_text("utf-8"))
CLIENT, SECRET = "CLIENT1", "secret-of-a-plant"
LARGEST_PAGE = 1000

_IDS = {
    "tasks": "taskID",
    "tasks/parts": "relationID",
    "statuses": "statusID",
    "assets": "assetID",
    "assets/fields": "valueID",
    "locations": "locationID",
    "users": "userID",
    "teams": "teamID",
    "gl": "glID",
    "uom": "unitCode",
    "vendors": "vendorID",
    "parts": "partID",
    "po": "poID",
    "po/items": "poItemID",
    "bills": "billID",
    "bills/transactions": "transactionID",
    "work-requests/work-request-submissions": "workRequestSubmissionId",
}
# Filters by ids of others: path and parameter to the member of the row.
_OF = {
    ("tasks", "tasks"): "taskID",
    ("tasks", "meta3"): "meta3",
    ("tasks", "status"): "status",
    ("assets", "assets"): "assetID",
    ("parts", "parts"): "partID",
    ("po", "pos"): "poID",
    ("work-requests/work-request-submissions", "workRequestIDs"): "workRequestSubmissionId",
    ("assets/fields", "assets"): "assetID",
    ("po/items", "pos"): "poID",
    ("bills/transactions", "bills"): "billID",
}


class Limble:
    def __init__(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        for path, records in rows.items():
            for record in records:
                assert_described(record, INTERFACE[path]["row"], path)
        self.rows = rows
        self.url = ""
        self.denied: set[str] = set()
        self.calls_left = 360
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        word = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked.headers.get("Authorization") != f"Basic {word}":
            raise _refused(401, "Unauthorized")
        limits = {"X-RateLimit-Minute-Remaining": str(max(0, self.calls_left - 1))}
        if self.calls_left <= 0:
            limits["X-RateLimit-Minute-TTL"] = "1"
            raise Refused(429, {"error": 429, "success": False, "msg": "Too many requests"}, **limits)
        self.calls_left -= 1
        path = asked.path.strip("/")
        if path == "me":
            return Answer({"customerName": "Plant", "customerPlan": "enterprise"}, headers=limits)
        if asked.method != "GET":
            return self._write(path, asked)
        if path not in INTERFACE:
            raise _refused(404, "No such path")
        if path in self.denied:
            raise _refused(403, "Your plan does not include this")
        return Answer(self._list(path, asked), headers=limits)

    def _write(self, path: str, asked: Asked) -> Answer:
        if path.split("/")[0] in self.denied:
            raise _refused(403, "Your plan does not include this")
        if asked.method == "POST" and path in writing.CREATE:
            return writing.create(path, _IDS[path], asked, self.rows)
        entity, number, part = [*path.split("/"), "", ""][:3]
        row = next((one for one in self.rows.get(entity, []) if str(one.get(_IDS[entity])) == number), None)
        if row is None:
            raise _refused(404, "Not found")
        match asked.method, entity, part:
            case "PATCH", _, "" if entity in writing.UPDATE:
                return writing.change(entity, row, asked)
            case "PATCH", "po", "state":
                return writing.move(row, asked)
            case "POST", "po", "items":
                return writing.add_item(row, asked, self.rows)
            case "DELETE", "po", "":
                return writing.delete_order(row, self.rows)
        raise _refused(404, "No such path")

    def _list(self, path: str, asked: Asked) -> list[dict[str, Any]]:
        known = INTERFACE[path]["query"]
        for name, values in asked.query.items():
            if name not in known:
                raise _refused(422, f"{name} is not known")
            if name in ("limit", "page", "cursor", "start", "lastEditedStart") and not values[0].isdigit():
                raise _refused(422, f"{name} is not a number")
        limit = int(asked.one("limit", "100"))
        if not 1 <= limit <= LARGEST_PAGE:
            raise _refused(422, "limit is out of range")
        found = [row for row in self.rows.get(path, []) if _wanted(path, row, asked)]
        number = _IDS[path]
        if "page" in asked.query and "cursor" in asked.query:
            raise _refused(422, "page and cursor exclude each other")
        if "page" in known and not {"page", "cursor"} & set(asked.query):
            raise _refused(422, "page is required")
        if "page" in asked.query:
            page = int(asked.one("page"))
            if page < 1:
                raise _refused(422, "page is out of range")
            return found[(page - 1) * limit : page * limit]
        after = int(asked.one("cursor", "-1"))
        found = sorted(found, key=lambda row: row[number])
        return [row for row in found if row[number] > after][:limit]


def _wanted(path: str, row: dict[str, Any], asked: Asked) -> bool:
    for (of, name), member in _OF.items():
        if of == path and name in asked.query and str(row.get(member)) not in asked.one(name).split(","):
            return False
    if "fieldType[0]" in asked.query and row["fieldType"] != asked.one("fieldType[0]"):
        return False
    if path == "bills" and "start" in asked.query:
        return bool(row["date"] >= int(asked.one("start")))
    edited = asked.one("start") or asked.one("lastEditedStart")
    return not edited or bool(row["lastEdited"] > int(edited))


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"success": False, "message": message, "raw": None})
