"""A workshop's REST service that keeps orders in memory, refuses what it does not know, and breaks on demand."""

import json
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.transport.servers import Exchange

FIELDS = {"title", "asset", "note", "due", "priority", "x_color"}


class Workshop:
    """`orders` by id; `external` holds the callers' own references.

    The answers to the next `breaks` writes are dropped after the work is done.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.orders: dict[int, dict[str, Any]] = {}
        self.external: dict[str, int] = {}
        self.purchases: dict[int, dict[str, Any]] = {}
        self.assets = [{"id": 7, "name": "Pump"}]
        self.vendors = [{"company": "A", "number": "07", "name": "Seals"}]
        self.calls: list[tuple[str, str, Any]] = []
        self.sent = b""
        self.files: dict[int, dict[str, Any]] = {}
        self.breaks = 0
        self.refuses_single = False

    def answer(self, exchange: Exchange) -> None:
        multipart = exchange.headers.get("Content-Type", "").startswith("multipart/")
        body = json.loads(exchange.body) if exchange.body and not multipart else exchange.body
        with self.lock:
            if exchange.command != "GET":
                self.sent = exchange.body
                self.calls.append((exchange.command, exchange.path, body))
            status, content = self._do(exchange.command, exchange.path, body)
        if exchange.command != "GET" and self.breaks:
            self.breaks -= 1
            exchange.close_connection = True
            return
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")

    def _do(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        path = urlsplit(target).path.strip("/").split("/")
        match (method, *path):
            case ("GET", "orders"):
                wanted = parse_qs(urlsplit(target).query).get("external")
                found = [self.external.get(wanted[0], 0)] if wanted else list(self.orders)
                return 200, [self.orders[number] for number in found if number]
            case ("GET", "orders", number):
                found_one = None if self.refuses_single else self.orders.get(int(number))
                return (200, found_one) if found_one else (404, {"message": "no such order"})
            case ("GET", "files", number):
                return 200, self.files[int(number)]
            case ("POST", "files"):
                number_of = len(self.files) + 1
                title = body.split(b'name="title"\r\n\r\n', 1)[1].split(b"\r\n", 1)[0].decode()
                kind = body.split(b"Content-Type: ", 1)[1].split(b"\r\n", 1)[0].decode()
                self.files[number_of] = {"id": number_of, "name": title, "type": kind}
                return 201, {"id": number_of}
            case ("GET", name):
                return 200, list(
                    getattr(self, name) if name in ("assets", "vendors") else getattr(self, name).values()
                )
            case ("POST", "orders"):
                return self._create(body)
            case ("PATCH", "orders", number):
                return self._change(int(number), body)
            case ("POST", "orders", number, "state"):
                if self.orders[int(number)]["state"] == "closed":
                    return 422, {"message": "The order is closed"}
                self.orders[int(number)]["state"] = body["state"]
                return 200, {}
            case ("POST", "purchases"):
                number_of = len(self.purchases) + 1
                lines = [{"nr": nr, **line} for nr, line in enumerate(body["lines"], 1)]
                self.purchases[number_of] = {"id": number_of, **body, "lines": lines}
                return 201, {"id": number_of}
            case ("PATCH", "purchases", number):
                by_number = {line["nr"]: line for line in self.purchases[int(number)]["lines"]}
                for line in body["lines"]:
                    by_number[line["nr"]].update(line)
                return 200, {}
        return 404, {"message": f"no route {method} {target}"}

    def _create(self, body: Any) -> tuple[int, Any]:
        if unknown := set(body["order"]) - FIELDS:
            return 400, {"message": f"unknown field {sorted(unknown)}"}
        number = len(self.orders) + 1
        self.orders[number] = {"id": number, "state": "open", **body["order"]}
        self.external[body["external"]] = number
        return 201, {"id": number}

    def _change(self, number: int, body: Any) -> tuple[int, Any]:
        if body.get("title") == "forbidden":
            return 400, {"message": "This title is not allowed"}
        self.orders[number].update(body)
        return 200, {}
