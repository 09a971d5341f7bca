"""The service: orders with items in memory, answered as OData V4."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.transport.servers import Exchange, Server, serving

from .filter import Wrong, parse_filter

METADATA = Path(__file__).with_name("metadata.xml").read_text("utf-8")
ROOT = "/odata4/orders/"
TYPES = {
    "Orders": {
        "Number": "Edm.String",
        "Changed": "Edm.DateTimeOffset",
        "Due": "Edm.Date",
        "Amount": "Edm.Decimal",
        "Priority": "plant.orders.Priority",
        "Site": "plant.orders.Address",
        "YY1_Line_ORD": "Edm.String",
    },
    "Items": {
        "Number": "Edm.String",
        "Line": "Edm.Int32",
        "Quantity": "Edm.Decimal",
        "ZZBATCH": "Edm.String",
    },
}
_OPTIONS = {
    "$select",
    "$filter",
    "$expand",
    "$orderby",
    "$top",
    "$skip",
    "$count",
    "$skiptoken",
    "$deltatoken",
}


class Orders4:
    """Set the attributes before or between requests.

    `page_size`: rows a page when the client does not ask for fewer; None: no server paging. `refused`: property to
    the status that says it cannot be filtered by. `restrictions`: annotations put into the metadata.
    `ignores`: query options that are silently not obeyed. `before`: called with each path before it is answered.
    """

    def __init__(self, orders: int = 7) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.page_size: int | None = 3
        self.refused: dict[str, int] = {}
        self.restrictions = ""
        self.ignores: set[str] = set()
        self.absolute_links = False
        self.tokens_expired = False
        self.before: Any = lambda path: None
        self.asked: list[dict[str, str]] = []
        self._log: list[tuple[str, bool]] = []
        for number in range(1, orders + 1):
            self.put(f"{number:04}", amount=f"{number}.10")

    def put(self, number: str, *, amount: str = "1.00", changed: str | None = "2026-01-01T08:00:00Z") -> None:
        self.rows[number] = {
            "Number": number,
            "Changed": changed,
            "Due": "2026-02-01",
            "Amount": amount,
            "Priority": "High",
            "Site": {"City": "Ulm"},
            "YY1_Line_ORD": f"L{number}",
        }
        self._log.append((number, False))

    def remove(self, number: str) -> None:
        del self.rows[number]
        self._log.append((number, True))

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        status, body, kind = self.answer(
            exchange.command, exchange.path, dict(exchange.headers), exchange.body
        )
        exchange.reply(status, body, Content_Type=kind)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        try:
            self.before(path)
            parts = urlsplit(path)
            if not parts.path.startswith(ROOT):
                raise Wrong("no such service", 404)
            rest = unquote(parts.path[len(ROOT) :])
            if rest == "$metadata":
                return (
                    200,
                    METADATA.replace("<!--restrictions-->", self.restrictions).encode(),
                    "application/xml",
                )
            if rest == "$batch" and method == "POST":
                return self._batch(headers, body)
            options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            self.asked.append(options)
            content = self._get(rest, options, headers)
        except Wrong as wrong:
            error = {"error": {"code": "X", "message": str(wrong)}}
            return wrong.status, json.dumps(error).encode(), "application/json"
        text = json.dumps(content)
        if "IEEE754Compatible=true" not in headers.get("Accept", ""):
            text = re.sub(r'"(Amount|Quantity)": "([\d.]+)"', r'"\1": \2', text)
        return 200, text.encode(), "application/json"

    def _get(self, rest: str, options: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
        unknown = set(options) - _OPTIONS
        if unknown:
            raise Wrong(f"unknown option {unknown}")
        single = re.fullmatch(r"Orders\('((?:[^']|'')*)'\)", rest)
        if single:
            found = self.rows.get(single[1].replace("''", "'"))
            if found is None:
                raise Wrong("not found", 404)
            return {"@odata.context": "$metadata#Orders/$entity", **self._shown(found, options, "Orders")}
        if rest != "Orders":
            raise Wrong(f"no set {rest}", 404)
        if "$deltatoken" in options:
            return self._delta(int(options["$deltatoken"]))
        return self._list(options, headers)

    def _list(self, options: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
        prefer = headers.get("Prefer", "")
        begin = 0
        token = options.get("$skiptoken")
        if token:
            position, _, asked = token.partition("~")
            begin, options = int(position), dict(json.loads(bytes.fromhex(asked)))
        options = {name: value for name, value in options.items() if name not in self.ignores}
        rows = sorted(self.rows.values(), key=lambda row: str(row["Number"]))
        if "$filter" in options:
            test = parse_filter(options["$filter"], TYPES["Orders"], self.refused)
            rows = [row for row in rows if test(row)]
        counted = len(rows)
        rows = rows[int(options.get("$skip", 0)) :]
        if "$top" in options:
            rows = rows[: int(options["$top"])]
        asked_size = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        size = len(rows) if self.page_size is None else self.page_size
        if asked_size and self.page_size is not None:
            size = min(size, int(asked_size[1]))
        answer: dict[str, Any] = {"@odata.context": "$metadata#Orders"}
        if options.get("$count") == "true":
            answer["@odata.count"] = counted
        answer["value"] = [self._shown(row, options, "Orders") for row in rows[begin : begin + size]]
        tracked = "odata.track-changes" in prefer or options.get("tracked") == "yes"
        if begin + size < len(rows):
            kept = {**options, "tracked": "yes"} if tracked else options
            link = f"Orders?$skiptoken={begin + size}~{json.dumps(kept).encode().hex()}"
            root = f"http://inside.plant.example:8000{ROOT}" if self.absolute_links else ""
            answer["@odata.nextLink"] = root + link
        elif tracked:
            answer["@odata.deltaLink"] = f"Orders?$deltatoken={len(self._log)}"
        return answer

    def _delta(self, token: int) -> dict[str, Any]:
        if self.tokens_expired:
            raise Wrong("the delta token has expired", 410)
        latest = dict(self._log[token:])
        value = [
            {"@removed": {"reason": "deleted"}, "@id": f"Orders('{number}')"}
            if gone
            else self._shown(self.rows[number], {}, "Orders")
            for number, gone in latest.items()
        ]
        link = f"Orders?$deltatoken={len(self._log)}"
        return {"@odata.context": "$metadata#Orders/$delta", "value": value, "@odata.deltaLink": link}

    def _shown(self, row: dict[str, Any], options: dict[str, str], set_name: str) -> dict[str, Any]:
        names = [name for name in options.get("$select", "").split(",") if name] or list(TYPES[set_name])
        for name in names:
            if name not in TYPES[set_name]:
                raise Wrong(f"{set_name} has no property {name}")
        shown: dict[str, Any] = (
            {"@odata.etag": f'W/"{hash(str(row)) & 0xFFFF}"'} if set_name == "Orders" else {}
        )
        shown |= {name: row[name] for name in names}
        if "$expand" in options:
            nested = re.fullmatch(r"_Item(?:\((.*)\))?", options["$expand"])
            if nested is None:
                raise Wrong("no such navigation")
            inner = dict(option.split("=", 1) for option in (nested[1] or "").split(";") if option)
            lines = [
                {"Number": row["Number"], "Line": line, "Quantity": f"{line}.500", "ZZBATCH": f"B{line}"}
                for line in (10, 20)
            ]
            shown["_Item"] = [self._shown(line, inner, "Items") for line in lines]
        return shown

    def _batch(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        """Parsed by the standard library's MIME parser, not by what the client was written against."""
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        message = message_from_bytes(head + body, policy=policy.HTTP)
        pieces = []
        for part in message.iter_parts():
            if part.get_content_type() != "application/http":
                raise Wrong("a part is not application/http")
            request = part.get_payload(decode=True).decode()  # type: ignore[union-attr]
            line, _, rest = request.partition("\r\n")
            method, path, version = line.split(" ")
            assert version == "HTTP/1.1", line
            inner = dict(h.split(": ", 1) for h in rest.split("\r\n\r\n")[0].split("\r\n") if h)
            status, answer, kind = self.answer(method, ROOT + path, inner, b"")
            pieces.append(
                b"--answer\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
                + f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                + answer
                + b"\r\n"
            )
        return 200, b"".join(pieces) + b"--answer--\r\n", "multipart/mixed; boundary=answer"
