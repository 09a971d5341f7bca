"""A simulator of the OData service of Finance & Operations, cloud and on premises.

Built from entity and field names of published metadata and Microsoft's documentation of OData: rows of all legal
entities only with `cross-company=true`, server paging with opaque links, expansion of one level, enumerations as
names, empty dates as 1900-01-01T12:00:00Z, 429 with Retry-After. Set the attributes before or between requests.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from tests.simulators.dynamics import Refused, Tables, Tokens
from tests.simulators.dynamics.tokens import CLIENT, SECRET
from tests.simulators.dynamics_fo_rows import fill
from tests.simulators.dynamics_fo_writes import WriteFailed, Writes
from tests.simulators.published import published
from tests.transport.servers import Exchange, Server, serving

FACTS = published(Path(__file__).parent / "dynamics" / "operations.yaml")
RESOURCE = "https://ax.plant.example"


class Operations:
    """`root` is the path before `/data`; `throttled`: how many of the next requests answer 429."""

    def __init__(self, root: str = "") -> None:
        self.root = root
        self.tables = Tables("", 10_000, FACTS)
        self.tables.default_company = "dat"
        self.tokens = Tokens("")
        self.throttled = 0
        fill(self.tables)
        self._writes = Writes(self.tables)

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            self.tokens.scope = f"{server.url}/.default"
            yield server

    def _serve(self, exchange: Exchange) -> None:
        headers, extra = dict(exchange.headers), {}
        path = exchange.path
        if path == "/adfs/oauth2/token":
            status, content = self._by_adfs(headers, exchange.body)
        elif path.endswith("/oauth2/v2.0/token"):
            status, content = self.tokens.answer(path, headers, exchange.body)
        else:
            try:
                status, content = self._answer(exchange.command, path, headers, exchange.body)
                if exchange.command == "GET" and "@odata.etag" in content:
                    extra["ETag"] = str(content["@odata.etag"])
            except WriteFailed as failed:
                status, content = 400, failed.content
            except Refused as refused:
                status, content = refused.status, {"error": {"code": refused.code, "message": str(refused)}}
                if status == 429:
                    extra["Retry_After"] = "7"
        if status == 204:
            exchange.reply(status, b"")
            return
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json", **extra)

    def _by_adfs(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client", "error_description": "MSIS9607: The client is not valid."}
        if asked.get("resource") != RESOURCE or "scope" in asked:
            return 400, {"error": "invalid_resource", "error_description": "MSIS9602: resource is not valid."}
        return self.tokens.given_out()

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        if not self.tokens.accepts(headers.get("Authorization", "")):
            raise Refused(401, "", "Unauthorized")
        if self.throttled:
            self.throttled -= 1
            raise Refused(429, "", "The request could not be processed due to high resource utilization.")
        parts = urlsplit(path)
        place = unquote(parts.path)
        if not place.startswith(f"{self.root}/data/"):
            raise Refused(404, "", "There is nothing here.")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        name = place.removeprefix(f"{self.root}/data/")
        if method != "GET" or "(" in name:
            return self._writes.answer(method, name, headers.get("If-Match"), body)
        root = f"http://inside.example{self.root}/data/"
        return 200, self.tables.answer(name, options, headers.get("Prefer", ""), root)
