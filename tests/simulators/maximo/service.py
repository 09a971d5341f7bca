"""The server: who may ask, and pages of the rows of an object structure."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from appliance.runtime.select import decode, encode
from tests.simulators.maximo import writing
from tests.simulators.maximo.query import Refused, Row, condition, names, order, selection
from tests.simulators.maximo.rows import rows_of_a_plant
from tests.simulators.published import Described, published
from tests.transport.servers import Exchange, Server, serving

KEY, USER, PASSWORD = "k3y-of-sync", "SYNC", "Welcome-1"
INTERNAL = "http://maximo-internal:9080"
# Stamped only by a change of status.
WITHOUT_CHANGEDATE = {"item", "inventory", "person", "labor", "receipt"}
FACTS = published(Path(__file__).with_name("published.yaml"))
# The number of a page comes from the server's own links.
ALLOWED = FACTS.parameters | {"pageno"}


class Maximo:
    """Set the attributes between requests. A structure whose facts are published refuses names they do not have,
    where Maximo itself passes over them in a selection.

    `structures`: rows by structure. `family`: how names of structures begin. `forbidden`: structures the user may
    not read. `max_page`: cap of a page. `local_times`: conditions take times without an offset only. `expired`:
    the position of a page is forgotten once. `written`: structure, headers and body of every write.
    """

    def __init__(self) -> None:
        self.structures: dict[str, list[Row]] = rows_of_a_plant()
        for name in FACTS.sets:
            for row in self.structures[name]:
                known = {member: value for member, value in row.items() if not member.endswith("_maxvalue")}
                wrong = FACTS.wrong(name, known)
                assert not wrong, f"{name} has no {wrong}"
        self.family = "mxapi"
        self.forbidden: set[str] = set()
        self.max_page = 500
        self.local_times = False
        self.expired = False
        self.key = KEY
        self.asked: list[dict[str, str]] = []
        self.written: list[tuple[str, dict[str, str], Row]] = []
        self._transactions: dict[str, str] = {}

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        headers: dict[str, str] = {}
        content: Row | None
        try:
            if exchange.command == "POST":
                status, content, headers = self._post(exchange)
            else:
                status, content = 200, self._get(exchange)
        except Refused as refused:
            status = refused.status
            message = f"{refused.reason} - {refused}"
            content = {"Error": {"statusCode": str(status), "reasonCode": refused.reason, "message": message}}
        exchange.reply(
            status,
            b"" if content is None else encode(content),
            Content_Type="application/json",
            Set_Cookie="JSESSIONID=0000abc:-1; Path=/; HttpOnly",
            **headers,
        )

    def _get(self, exchange: Exchange) -> dict[str, Any]:
        parts = urlsplit(exchange.path)
        _, root, servlet, os, name = [*parts.path.split("/"), "", "", ""][:5]
        if exchange.command != "GET" or root != "maximo" or os != "os":
            raise Refused(404, "BMXAA8727E", "The resource does not exist")
        self._admit(servlet, exchange)
        query = dict(parse_qsl(parts.query, strict_parsing=True))
        unknown = set(query) - ALLOWED
        if unknown:
            raise Refused(400, "BMXAA8744E", f"unknown parameters {unknown}")
        self.asked.append({"structure": name, **query})
        return self._page(name, query, parts.path)

    def _post(self, exchange: Exchange) -> tuple[int, Row | None, dict[str, str]]:
        parts = urlsplit(exchange.path)
        _, root, servlet, os, structure, member = [*parts.path.split("/"), "", "", ""][:6]
        if root != "maximo" or os != "os":
            raise Refused(404, "BMXAA8727E", "The resource does not exist")
        self._admit(servlet, exchange)
        name = structure.removeprefix(self.family)
        if name not in writing.STRUCTURES or not structure.startswith(self.family):
            raise Refused(404, "BMXAA8727E", f"The object structure {structure} does not exist")
        if name in self.forbidden:
            raise Refused(403, "BMXAA0024E", f"The action SAVE is not allowed on object {name.upper()}")
        if exchange.headers.get("Content-Type") != "application/json":
            raise Refused(415, "BMXAA8823E", "The media type is not supported")
        query = dict(parse_qsl(parts.query))
        body = decode(exchange.body)
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        self.written.append((structure, headers, dict(body)))
        if query.get("lean") != "1":
            # Names without a prefix mean nothing to the full form.
            body = {}
        transaction = headers.get("transactionid", "")
        if transaction in self._transactions:
            raise Refused(
                409, "BMXAA9524E", f"The transaction was committed: {self._transactions[transaction]}"
            )
        plant = {"items": {row["itemnum"] for row in self.structures["item"]}}
        if member:
            row = next((row for row in self.structures[name] if writing.rest_id(name, row) == member), None)
            if row is None:
                raise Refused(404, "BMXAA8727E", "The resource does not exist")
            if headers.get("x-method-override") != "PATCH":
                raise Refused(405, "BMXAA8781E", "POST without x-method-override is not allowed on a member")
            if query.get("action") == "wsmethod:changeStatus":
                writing.change_status(name, row, body)
            else:
                writing.change(name, row, body, merge=headers.get("patchtype") == "MERGE", line=plant)
            answer: tuple[int, Row | None, dict[str, str]] = (204, None, {})
        else:
            row = writing.create(name, body, self.structures[name], plant)
            self.structures[name].append(row)
            wanted = headers.get("properties", "")
            shown = {n: row[n] for n in wanted.split(",") if n in row} if wanted else None
            answer = (201, shown, {"Location": f"{INTERNAL}{parts.path}/{writing.rest_id(name, row)}"})
        if transaction:
            self._transactions[transaction] = f"{INTERNAL}{parts.path}/{writing.rest_id(name, row)}"
        return answer

    def _admit(self, servlet: str, exchange: Exchange) -> None:
        rejected = Refused(401, "BMXAA0021E", "The user name and password combination are not valid")
        if servlet == "api":
            if exchange.headers.get("apikey") != self.key or "JSESSIONID" in exchange.headers.get(
                "Cookie", ""
            ):
                raise rejected
        elif servlet == "oslc":
            wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if exchange.headers.get("maxauth") != wanted or "apikey" in exchange.headers:
                raise rejected
        else:
            raise Refused(404, "BMXAA8727E", "The resource does not exist")

    def _page(self, structure: str, query: dict[str, str], path: str) -> dict[str, Any]:
        name = "coa" if structure == "mxcoa" else structure.removeprefix(self.family)
        if name not in self.structures or (structure != "mxcoa" and not structure.startswith(self.family)):
            raise Refused(404, "BMXAA8727E", f"The object structure {structure} does not exist")
        if name in self.forbidden:
            raise Refused(403, "BMXAA0024E", f"The action READ is not allowed on object {name.upper()}")
        if self.expired and "pageno" in query:
            self.expired = False
            raise Refused(410, "BMXAA8807E", "The page has expired")
        rows = self.structures[name]
        _refuse_unknown(name, query)
        if "oslc.where" in query:
            unstored = {"changedate"} if name in WITHOUT_CHANGEDATE else set()
            test = condition(query["oslc.where"], unstored, local_times=self.local_times)
            rows = [row for row in rows if test(row)]
        if "oslc.orderBy" in query:
            by, down = order(query["oslc.orderBy"])
            rows = sorted(rows, key=lambda row: row[by], reverse=down)
        size = min(int(query.get("oslc.pageSize", self.max_page)), self.max_page)
        number = int(query.get("pageno", 1))
        shown = rows[(number - 1) * size : number * size]
        info: dict[str, Any] = {"href": f"{INTERNAL}{path}", "pagenum": number}
        if query.get("collectioncount") == "1":
            info |= {"totalCount": len(rows), "totalPages": -(-len(rows) // size)}
        if number * size < len(rows):
            following = urlencode({**query, "pageno": number + 1})
            info["nextPage"] = {"href": f"{INTERNAL}{path}?{following}"}
        wanted = selection(query["oslc.select"]) if "oslc.select" in query else {}
        members = [
            _shown(
                row,
                wanted,
                f"{INTERNAL}{path}/{writing.rest_id(name, row) if name in writing.STRUCTURES else i}",
            )
            for i, row in enumerate(shown)
        ]
        if query.get("lean") != "1":
            return {"rdfs:member": members, "oslc:responseInfo": info}
        return {"member": members, "responseInfo": info, "href": f"{INTERNAL}{path}"}


def _has(described: Described, name: str) -> bool:
    """The internal value of a status is a name of the interface, which no structure lists."""
    return name.removesuffix("_maxvalue") in described.types


def _refuse_unknown(structure: str, query: dict[str, str]) -> None:
    described = FACTS.sets.get(structure)
    if described is None:
        return
    asked = set(selection(query.get("oslc.select", ""))) | names(query.get("oslc.where", ""))
    if "oslc.orderBy" in query:
        asked.add(order(query["oslc.orderBy"])[0])
    unknown = sorted(name for name in asked if not _has(described, name))
    if unknown:
        raise Refused(400, "BMXAA8744E", f"{structure} has no attributes {unknown}")


def _shown(row: Row, wanted: dict[str, set[str] | None], href: str) -> Row:
    """What is selected and not null; names that are unknown are ignored."""
    found: Row = {"href": href}
    if wanted:
        found["_rowstamp"] = row.get("_rowstamp", "36654")
    for name, inner in wanted.items():
        value = row.get(name)
        # A child is given only with its attributes, an attribute only without.
        if value is None or isinstance(value, list) != (inner is not None):
            continue
        if inner is not None:
            value = [{n: v for n, v in item.items() if n in inner and v is not None} for item in value]
        found[name] = value
    return found
