"""The system: log-on, services, reads of their sets, and the way to writes."""

import base64
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.transport.servers import Exchange, Server, serving

from .filter import Filter, Wrong
from .services import SERVICES, V4, Set
from .wire import refusal, shown_value
from .writes import Writes

TOKEN_PATH = "/sap/bc/sec/oauth2/token"
_OPTIONS = {"$format", "$select", "$filter", "$expand", "$orderby", "$top", "$skip", "$skiptoken"}
_PAGE, _MOST = 100, 5000
Rows = dict[str, dict[str, list[dict[str, Any]]]]


class S4:
    """Set the attributes before or between requests.

    `rows`: service, set, rows; values are texts, booleans or None, dates as `2026-01-05`, times as in ISO 8601, and
    decimals as texts. `inactive`: services that are not there. `denied`: services the user has no right for.
    `writes`: what modifies, with its tokens. `languages`: those a request may ask for, the empty one for none.
    `throttled`: how many requests are answered with 503 and Retry-After. `page_size`: rows of a page.
    `certificates`: the certificate of a client signs in. `single_sign_on`: everything is answered by a sign-in page.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.user, self.password = "API_READER", "Kettle-Iron-7-Harbor"
        self.client = "100"
        self.languages = {"EN"}
        self.inactive: set[str] = set()
        self.denied: set[str] = set()
        self.throttled = 0
        self.page_size = _PAGE
        self.single_sign_on = False
        self.certificates = False
        self.failed_logons = 0
        self.writes = Writes(self)
        self.tokens: set[str] = set()
        self.asked: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def served(self, context: ssl.SSLContext | None = None) -> Iterator[Server]:
        with serving(self._serve, context) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        path, headers = unquote(parts.path), {k.lower(): v for k, v in exchange.headers.items()}
        if self.single_sign_on:
            page = b"<html><body onload='x'><input name=SAMLRequest></body></html>"
            exchange.reply(200, page, Content_Type="text/html")
        elif path == TOKEN_PATH:
            self._token(exchange, headers)
        elif self.throttled:
            self.throttled -= 1
            exchange.reply(503, b"<html>overload</html>", Content_Type="text/html", Retry_After="0")
        elif not self._logged_on(headers, exchange):
            page = b"<html><title>Logon Error Message</title>Anmeldung fehlgeschlagen</html>"
            exchange.reply(
                401, page, Content_Type="text/html", WWW_Authenticate='Basic realm="SAP NetWeaver [S4H]"'
            )
        else:
            self._odata(exchange, path, parts.query, headers)

    def _logged_on(self, headers: dict[str, str], exchange: Exchange) -> bool:
        # The certificate of the client is mapped to the user.
        if self.certificates and getattr(exchange.connection, "getpeercert", dict)():
            return True
        kind, _, proof = headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return proof in self.tokens
        good = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        self.failed_logons += (kind, proof) != ("Basic", good)
        return self.failed_logons < 5 and (kind, proof) == ("Basic", good)

    def _token(self, exchange: Exchange, headers: dict[str, str]) -> None:
        good = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        form = dict(parse_qsl(exchange.body.decode()))
        if headers.get("authorization") != f"Basic {good}":
            exchange.reply(401, b'{"error":"invalid_client"}', Content_Type="application/json")
        elif form.get("grant_type") != "client_credentials":
            exchange.reply(400, b'{"error":"unsupported_grant_type"}', Content_Type="application/json")
        else:
            token = f"token-{len(self.tokens)}-{len(self.asked)}"
            self.tokens = {token}
            body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
            exchange.reply(200, body.encode(), Content_Type="application/json")

    def _odata(self, exchange: Exchange, path: str, query: str, headers: dict[str, str]) -> None:
        version = 4 if path.startswith(V4) else 2
        try:
            root = next((root for root in SERVICES if path.startswith(root)), None)
            if root is None or root in self.inactive:
                raise Wrong("No service found for namespace", 403 if version == 4 else 404, "/IWFND/MED/170")
            if root in self.denied:
                raise Wrong("No authorization to access service", 403, "/IWFND/CM_CONSUMER/101")
            options = dict(parse_qsl(query, keep_blank_values=True))
            if (
                options.pop("sap-client", self.client) != self.client
                or options.pop("sap-language", "") not in self.languages
            ):
                raise Wrong("client or language", 401)
            if path == f"{root}$metadata":
                exchange.reply(200, SERVICES[root].edmx(), Content_Type="application/xml")
                return
            if self.writes.answer(exchange, root, path[len(root) :], options, headers):
                return
            self.asked.append((path[len(root) :], options))
            body = self.listed(root, path[len(root) :], options, headers)
        except Wrong as wrong:
            said = refusal(version, wrong)
            if "xml" in headers.get("accept", ""):
                said = f"<error><code>{wrong.code}</code><message>{wrong}</message></error>".encode()
            exchange.reply(wrong.status, said, Content_Type="application/json", **wrong.headers)
            return
        exchange.reply(200, json.dumps(body).encode(), Content_Type="application/json")

    def listed(
        self, root: str, name: str, options: dict[str, str], headers: dict[str, str]
    ) -> dict[str, Any]:
        service = SERVICES[root]
        if name not in service.sets:
            raise Wrong(f"Resource not found for segment '{name}'", 404)
        one, version = service.sets[name], service.version
        counting = "$inlinecount" if version == 2 else "$count"
        count = options.pop(counting, "") in ("allpages", "true")
        unknown = set(options) - _OPTIONS - ({"$format"} if version == 4 else set())
        if unknown or (version == 2 and options.get("$format") != "json"):
            raise Wrong(f"options {unknown or 'without $format=json'}")
        rows = list(self.rows.get(root, {}).get(name, []))
        if "$filter" in options:
            test = Filter(options["$filter"], version, one.types).test
            rows = [row for row in rows if test(row)]
        for order in reversed(options.get("$orderby", "").split(",")):
            if order:
                self._known(one, [order])
                rows.sort(key=lambda row, order=order: str(row.get(order) or ""))  # type: ignore[misc]
        total = len(rows)
        begin = int(options.get("$skiptoken") or 0)
        wanted = re.search(r"maxpagesize=(\d+)", headers.get("prefer", "") if version == 4 else "")
        size = min(self.page_size, int(wanted[1]) if wanted else _MOST)
        if "$top" in options:
            rows = rows[: min(int(options["$top"]), _MOST)]
        page = rows[begin : begin + size]
        shown = [self.shown(root, one, row, options, headers) for row in page]
        following = {**options, "$skiptoken": str(begin + size)}
        link = f"{name}?" + "&".join(f"{k}={quote(v)}" for k, v in following.items())
        more = begin + size < len(rows)
        if version == 4:
            answer: dict[str, Any] = {"@odata.context": "$metadata#" + name, "value": shown}
            answer |= {"@odata.count": total} if count else {}
            return answer | ({"@odata.nextLink": link} if more else {})
        inner: dict[str, Any] = {"results": shown}
        inner |= {"__count": str(total)} if count else {}
        # The system does not know by which name it is reached.
        return {"d": inner | ({"__next": f"http://s4app01.internal:50000{root}{link}"} if more else {})}

    def _known(self, one: Set, names: list[str]) -> None:
        for name in names:
            if name not in one.types and name not in one.children:
                raise Wrong(f"Property {name} not found in type")

    def shown(
        self, root: str, one: Set, row: dict[str, Any], options: dict[str, str], headers: dict[str, str]
    ) -> dict[str, Any]:
        service = SERVICES[root]
        selected = [name for name in options.get("$select", "").split(",") if name]
        own = [name for name in selected if "/" not in name]
        self._known(one, own)
        names = own or list(one.types)
        shown = {
            name: shown_value(service.version, one.types[name], row.get(name), headers)
            for name in names
            if name in one.types
        }
        for way, inner in _expands(options.get("$expand", ""), service.version).items():
            if way not in one.children:
                raise Wrong(f"Navigation property '{way}' not found")
            child = service.sets[one.children[way]]
            along = [name.partition("/")[2] for name in selected if name.startswith(f"{way}/")]
            nested = {**inner, "$select": ",".join(along)} if along else inner
            joined = [
                other
                for other in self.rows.get(root, {}).get(one.children[way], [])
                if all(_same(other, row, key) for key in child.keys)
            ]
            listed = [self.shown(root, child, other, nested, headers) for other in joined]
            shown[way] = listed if service.version == 4 else {"results": listed}
        if service.version == 2:
            shown = {"__metadata": {"type": "SAP"}, **shown}
            shown |= {
                way: {"__deferred": {"uri": way}} for way in one.children if way not in shown and not own
            }
        return shown


def _same(child: dict[str, Any], parent: dict[str, Any], key: str) -> bool:
    # The schedule lines of V2 call the order `PurchasingDocument`.
    own = key.replace("PurchasingDocument", "PurchaseOrder")
    return own not in parent or child.get(key) == parent[own]


def _expands(text: str, version: int) -> dict[str, dict[str, str]]:
    """Navigation to the options inside it; V2 writes paths, V4 brackets."""
    found: dict[str, dict[str, str]] = {}
    if version == 2:
        for path in filter(None, text.split(",")):
            way, _, rest = path.partition("/")
            inner = found.setdefault(way, {})
            if rest:
                inner["$expand"] = ",".join(filter(None, [inner.get("$expand", ""), rest]))
        return found
    for way, inside in re.findall(r"(\w+)(?:\(((?:[^()]|\([^()]*\))*)\))?", text):
        found[way] = dict(option.split("=", 1) for option in inside.split(";") if option)
    return found
