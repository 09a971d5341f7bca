"""A strict simulator of the UpKeep interface, version 2, for tests.

It stands for a service that cannot run here. Built from what the vendor's documentation and public clients show:
sign-in by e-mail and password for a session token with its end, the Session-Token header, `success` with `results`
or `result`, ids of ten characters, offset and limit, an end that is an empty list or 404. What a limit counts from
differs between public clients; it can be set. Where nothing is known it takes the stricter reading: an unknown
parameter is 400.
"""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from appliance.clock import Clock, iso, to_ms
from tests.simulators.given import fault, read_body
from tests.simulators.strict_rest import Answer, Asked, Refused

EMAIL, PASSWORD, TOKEN = "sync@plant.example", "Plant-2026!", "r:oauth-token"
LISTS = {
    *("users", "customers", "vendors", "teams", "assets", "locations", "parts", "requests", "work-orders"),
    *("preventative-maintenance", "meters", "purchase-orders"),
}

# What public clients send; `*` is required when a record is made.
WRITTEN: dict[str, dict[str, Any]] = {
    "work-orders": {
        "title*": "text", "description": "text?", "priority": (0, 1, 2, 3), "category": "text", "dueDate": "integer?",
        "asset": "text?", "location": "text?", "assignedToUser": "text?", "additionalUsers": ["text"],
        "parts": ["text"], "respectivePartQuantityUsed": ["number"], "decreaseInventory": ("auto", "manual"),
        "time": "number", "cost": "number",
    },
    "requests": {
        "title*": "text", "description": "text?", "priority": (0, 1, 2, 3), "asset": "text?", "location": "text?",
    },
    "purchase-orders": {
        "title*": "text", "description": "text?", "vendor": "text?", "category": "text",
        "purchaseOrderNumber": "integer", "poDate": "day?", "dueDate": "day?",
        "parts": [{"id*": "text", "quantity*": "number"}],
        "customFieldsPO": [{"name*": "text", "value*": "text", "unit": "text"}],
    },
}  # fmt: skip


class UpKeep:
    def __init__(self, rows: dict[str, list[dict[str, Any]]], clock: Clock) -> None:
        self.rows = rows
        self.url = ""
        self.sessions: dict[str, int] = {TOKEN: 2**62}
        """Token to its end in milliseconds."""
        self.session_hours = 24.0
        self.logins = 0
        self.limit_is_end = False
        self.ends_with_404 = False
        self.denied: set[str] = set()
        self.absent: set[str] = set()
        self.failing: set[str] = set()
        self.throttled = False
        self._clock = clock

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.strip("/")
        if path == "auth" and asked.method == "POST":
            return self._sign_in(asked)
        token = asked.headers.get("Session-Token", "")
        if self.sessions.get(token, 0) <= to_ms(self._clock.now()):
            raise _refused(401, "Invalid session token")
        if path == "auth" and asked.method == "DELETE":
            del self.sessions[token]
            return Answer({"success": True, "message": "session deleted"})
        if self.throttled:
            raise _refused(429, "Slow down")
        if asked.method != "GET" or (path.partition("/")[0] in WRITTEN and "/" in path):
            return self._one(path, asked)
        if path in self.failing:
            return Answer({"success": False, "message": "Could not read"})
        if path in self.denied:
            raise _refused(403, "Not in your plan")
        return Answer({"success": True, "results": self._cut(self._rows(path), asked)})

    def _one(self, path: str, asked: Asked) -> Answer:
        """A single record: read, made or changed."""
        name, _, number = path.partition("/")
        if name not in WRITTEN or name in self.absent:
            raise _refused(404, "Not found")
        if name in self.denied:
            raise _refused(403, "Not in your plan")
        rows = self.rows[name]
        row = next((one for one in rows if one["id"] == number), None)
        if asked.method == "GET" and row is not None:
            return Answer({"success": True, "result": row})
        if (asked.method, bool(number)) not in (("POST", False), ("PATCH", True)) or (number and row is None):
            raise _refused(404, "Not found")
        described = {n.rstrip("*") if number else n: inner for n, inner in WRITTEN[name].items()}
        if number and name == "work-orders":
            described["status"] = ("open", "in progress", "on hold", "complete")
        body = read_body(asked.body)
        wrong = fault(body, described)
        if wrong:
            raise _refused(400, wrong)
        for member, listed in (("asset", "assets"), ("vendor", "vendors"), ("location", "locations")):
            wanted = body.get(member)
            if wanted is not None and wanted not in [one["id"] for one in self.rows[listed]]:
                raise _refused(400, f"{member} {wanted} not found")
        now = iso(to_ms(self._clock.now()))
        if row is None:
            row = {"id": f"made{len(rows):06}", "createdAt": now}
            row |= {"status": "open", "priority": 0} if name == "work-orders" else {}
            rows.append(row)
        row |= {**body, "updatedAt": now}
        return Answer({"success": True, "result": row})

    def _sign_in(self, asked: Asked) -> Answer:
        if asked.headers.get("Content-Type", "").startswith("application/json"):
            given = json.loads(asked.body)
        else:
            given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if (given.get("email"), given.get("password")) != (EMAIL, PASSWORD):
            raise _refused(400, "Invalid email or password")
        self.logins += 1
        end = self._clock.now() + timedelta(hours=self.session_hours)
        token = f"r:{self.logins:032}"
        self.sessions[token] = to_ms(end)
        return Answer({"success": True, "result": {"sessionToken": token, "expiresAt": iso(to_ms(end))}})

    def _rows(self, path: str) -> list[dict[str, Any]]:
        name, _, rest = path.partition("/")
        if name not in LISTS or name in self.absent:
            raise _refused(404, "Not found")
        if not rest:
            return self.rows.get(name, [])
        number, _, inner = rest.partition("/")
        if (
            name != "meters"
            or inner != "readings"
            or number not in {row["id"] for row in self.rows["meters"]}
        ):
            raise _refused(404, "Not found")
        return self.rows.get(f"readings of {number}", [])

    def _cut(self, rows: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
        unknown = set(asked.query) - {"offset", "limit", "includes"}
        if unknown:
            raise _refused(400, f"{min(unknown)} is not allowed")
        offset, limit = int(asked.one("offset", "0")), int(asked.one("limit", "25"))
        found = rows[offset : limit if self.limit_is_end else offset + limit]
        if not found and offset and self.ends_with_404:
            raise _refused(404, "No results")
        return found


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"success": False, "message": message})
