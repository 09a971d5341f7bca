"""A strict REST service of a plant system that does not exist, for tests of what people write themselves.

It has what such services differ in: five ways to sign in (RFC 7617, 6749, 6750), pages by number, offset, cursor and
Link header (RFC 8288), a filter by time, details on their own. An unknown parameter is 400.
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from tests.simulators.strict_rest import Answer, Asked, Refused

_FIELDS = {"title": str, "asset_id": int, "priority": int, "planned_seconds": int, "due": str}
SIGN_INS = ("none", "header", "basic", "bearer", "oauth2")
WORD = "Plant-2026!"


class PlantRest:
    """`sign_in` is one of `SIGN_INS`; `client_in` where the token endpoint looks for client id and secret."""

    def __init__(self, sign_in: str = "bearer", client_in: str = "body") -> None:
        self.url = ""
        self.sign_in = sign_in
        self.client_in = client_in
        self.tokens: set[str] = set()
        self.token_requests: list[dict[str, str]] = []
        self.asked: list[Asked] = []
        self.denied: set[str] = set()
        changed = "2026-01-02T08:00:00Z"
        self.work_orders: list[dict[str, Any]] = [
            {
                "id": number,
                "number": f"WO-{number}",
                "title": f"Work {number}",
                "asset_id": 2,
                "state": "open" if number % 2 else "done",
                "priority": 1,
                "planned_seconds": 5400,
                "due": "2026-02-01",
                "created_at": changed,
                "updated_at": changed,
                "steps": [{"position": 10, "text": "Lock out"}],
                "x_line": "L1",
            }
            for number in range(1, 251)
        ]
        self.assets = [
            {"id": 1, "name": "Hall", "kind": "building", "active": True},
            *(
                {"id": number, "name": f"Pump {number}", "parent": {"id": 3}, "serial": "S", "active": True}
                for number in range(2, 120)
            ),
        ]
        self.vendors = [{"id": f"V{number}", "name": f"Vendor {number}"} for number in range(1, 26)]
        self.orders = [
            {
                "id": number,
                "number": f"PO-{number}",
                "vendor_id": "V7",
                "total_cents": 1999,
                "lines": [{"line": 1, "text": "Seal", "quantity": 2.5, "price_cents": 5}],
            }
            for number in range(1, 26)
        ]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.path == "/token" and asked.method == "POST":
            return self._token(asked)
        if not self._is_welcome(asked):
            raise Refused(401, {"message": "Who are you?"})
        _, name, *rest = asked.path.split("/")
        if name in self.denied:
            raise Refused(403, {"message": "Not for you"})
        if name == "orders" and rest:
            found = [order for order in self.orders if str(order["id"]) == rest[0]]
            return Answer({"order": found[0]}) if found else Answer({"message": "unknown"}, 404)
        if name == "work-orders" and (rest or asked.method != "GET"):
            return self._work_order(asked, rest)
        lists: dict[str, Callable[[Asked], Answer]] = {
            "work-orders": self._numbered,
            "assets": self._with_cursor,
            "vendors": self._linked,
            "orders": self._offset,
        }
        if name not in lists or rest:
            raise Refused(404, {"message": "No such list"})
        return lists[name](asked)

    def _numbered(self, asked: Asked) -> Answer:
        _allow(asked, "page", "per_page", "updated_from", "external")
        size, number = int(asked.one("per_page", "10")), int(asked.one("page", "1"))
        found = self.work_orders
        if asked.one("external"):
            found = [row for row in found if row.get("external") == asked.one("external")]
        if asked.one("updated_from"):
            since = datetime.fromisoformat(asked.one("updated_from"))
            found = [row for row in found if datetime.fromisoformat(str(row["updated_at"])) >= since]
        return Answer({"data": found[(number - 1) * size : number * size], "total": len(found)})

    def _work_order(self, asked: Asked, rest: list[str]) -> Answer:
        row = next((row for row in self.work_orders if rest and str(row["id"]) == rest[0]), None)
        if rest and row is None:
            raise Refused(404, {"message": "unknown"})
        values = json.loads(asked.body) if asked.body else {}
        match asked.method, row, rest[1:]:
            case "GET", dict(), []:
                return Answer(row)
            case "POST", None, []:
                _check(values, {"external", *_FIELDS})
                if not values.get("title"):
                    raise Refused(422, {"message": "A work order needs a title"})
                row = {
                    "id": len(self.work_orders) + 1,
                    "state": "open",
                    "updated_at": "2026-01-09T08:00:00Z",
                    **values,
                }
                self.work_orders.append(row)
                return Answer(row, 201)
            case "PATCH", dict(), []:
                _check(values, set(_FIELDS))
                row |= values
                return Answer(row)
            case "POST", dict(), ["state"]:
                if row["state"] == values["state"]:
                    raise Refused(409, {"message": f"It is {row['state']} already"})
                row["state"] = values["state"]
                return Answer(row)
        raise Refused(405, {"message": "Not here"})

    def _with_cursor(self, asked: Asked) -> Answer:
        _allow(asked, "after", "limit")
        start = int(base64.b64decode(asked.one("after")) or 0) if asked.one("after") else 0
        end = start + int(asked.one("limit", "10"))
        following = base64.b64encode(str(end).encode()).decode() if end < len(self.assets) else None
        return Answer({"items": self.assets[start:end], "next": following})

    def _linked(self, asked: Asked) -> Answer:
        _allow(asked, "from")
        start = int(asked.one("from", "0"))
        more = start + 10 < len(self.vendors)
        link = {"Link": f'<{self.url}/vendors?from={start + 10}>; rel="next"'} if more else {}
        return Answer(self.vendors[start : start + 10], headers=link)

    def _offset(self, asked: Asked) -> Answer:
        _allow(asked, "offset", "limit")
        start = int(asked.one("offset", "0"))
        cut = self.orders[start : start + int(asked.one("limit", "10"))]
        return Answer([{"id": order["id"]} for order in cut])

    def _is_welcome(self, asked: Asked) -> bool:
        said = asked.headers.get("Authorization", "")
        match self.sign_in:
            case "none":
                return True
            case "header":
                return asked.headers.get("X-Plant-Key") == WORD
            case "basic":
                return said == "Basic " + base64.b64encode(f"sync:{WORD}".encode()).decode()
            case "bearer":
                return said == f"Bearer {WORD}"
        return said.removeprefix("Bearer ") in self.tokens

    def _token(self, asked: Asked) -> Answer:
        given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.token_requests.append(given)
        client = (given.get("client_id"), given.get("client_secret"))
        if self.client_in == "basic":
            word = asked.headers.get("Authorization", "").removeprefix("Basic ")
            name, _, secret = base64.b64decode(word).decode().partition(":")
            client = (name, secret.replace("%21", "!")) if not client[0] else (None, None)
        if given.get("grant_type") != "client_credentials" or client != ("appliance", WORD):
            raise Refused(401, {"error": "invalid_client"})
        token = f"token-{len(self.token_requests)}"
        self.tokens.add(token)
        return Answer({"access_token": token, "token_type": "Bearer", "expires_in": 3600})


def _allow(asked: Asked, *names: str) -> None:
    unknown = set(asked.query) - set(names)
    if unknown:
        raise Refused(400, {"message": f"{min(unknown)} is unknown"})


def _check(values: dict[str, Any], known: set[str]) -> None:
    for name, value in values.items():
        if name not in known:
            raise Refused(422, {"message": f"{name} is unknown"})
        if value is not None and not isinstance(value, _FIELDS.get(name, str)):
            raise Refused(422, {"message": f"{name} cannot be {value!r}"})
