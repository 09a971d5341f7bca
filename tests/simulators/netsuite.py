"""A NetSuite account as the published facts describe it: SuiteQL over POST, signed by OAuth 1.0 or with a token.

Built from the tables and columns of a public SuiteQL extractor, published provider settings and what is generally
known of NetSuite. SQLite runs the queries, so that an unknown column or table fails; values go out as texts, nulls not
at all, dates as the user likes them unless they are asked for with TO_CHAR.
"""

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.simulators.netsuite_records import RECORD, PurchaseOrders, Refused
from tests.transport.servers import Exchange, Server, serving

ACCOUNT = "1234567_SB1"
TOKENS = {
    "consumer_key": "ck",
    "consumer_secret": "consumer&secret",
    "token_id": "tk",
    "token_secret": "token/secret",
}
CLIENT, CERTIFICATE = "client of the plant", "certificate-1"
QUERY, TOKEN = "/services/rest/query/v1/suiteql", "/services/rest/auth/oauth2/v1/token"
LARGEST_PAGE, FURTHEST_OFFSET = 1000, 100_000
STAMP = "YYYY-MM-DD HH24:MI:SS"

TABLES = {
    "transaction": "type tranid transactionnumber otherrefnum externalid memo entity employee createdby status"
    " approvalstatus foreigntotal currency exchangerate trandate duedate closedate createddate lastmodifieddate",
    "transactionline": "transaction uniquekey linesequencenumber item itemtype memo quantity quantitybilled"
    " quantityshiprecv rate units foreignamount netamount location department expenseaccount isclosed entity"
    " createdfrom mainline taxline isinventoryaffecting subsidiary linelastmodifieddate",
    "item": "itemid displayname fullname itemtype averagecost totalquantityonhand isinactive externalid expenseaccount"
    " createddate lastmodifieddate",
    "inventoryitemlocations": "item location quantityonhand quantityavailable quantitycommitted quantitybackordered"
    " averagecostmli lastpurchasepricemli onhandvaluemli",
    "vendor": "entityid companyname email phone isinactive externalid datecreated lastmodifieddate",
    "location": "name fullname isinactive parent externalid locationtype makeinventoryavailable subsidiary"
    " lastmodifieddate",
    "subsidiary": "name fullname externalid currency isinactive",
    "account": "acctnumber fullname accttype",
    "department": "name fullname externalid isinactive",
    "currency": "name symbol",
    "employee": "entityid firstname lastname title email isinactive externalid",
}


class NetSuite:
    """Set `hidden` to tables the role may not see, `absent` to columns the account lacks, `busy` to how many requests
    are one too many, `display` to the labels of column and value. Times are stored as texts that begin with `@`."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        self.absent: set[str] = set()
        self.busy = 0
        self.display: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []
        self.expired = False
        self.key: rsa.RSAPublicKey | None = None
        self._issued = 0
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        self._rows.row_factory = sqlite3.Row
        self._rows.create_function("TO_CHAR", 2, _to_char)
        self._rows.create_function("TO_TIMESTAMP", 2, _to_timestamp)
        self._rows.create_function(
            "DF", 2, lambda column, value: self.display.get((column, str(value)), value)
        )
        self.records = PurchaseOrders(self._rows, self.put)
        for name, columns in TABLES.items():
            listed = ", ".join(f'"{column}"' for column in columns.split())
            self._rows.execute(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, {listed})')

    def put(self, table: str, /, **values: Any) -> None:
        columns, places = ", ".join(f'"{column}"' for column in values), ", ".join("?" * len(values))
        self._rows.execute(
            f'INSERT OR REPLACE INTO "{table}" ({columns}) VALUES ({places})', [*values.values()]
        )

    def change(self, table: str, number: int, /, **values: Any) -> None:
        given = ", ".join(f'"{column}" = ?' for column in values)
        self._rows.execute(f'UPDATE "{table}" SET {given} WHERE id = ?', [*values.values(), number])

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        try:
            with self._lock:
                if exchange.path.startswith(RECORD):
                    self._check(exchange)
                    place = self.records.write(exchange.command, exchange.path, json.loads(exchange.body))
                    exchange.reply(204, b"", **({"Location": place} if place else {}))
                    return
                status, answer = 200, self._answer(exchange)
        except Refused as refused:
            status, answer = refused.status, refused.body
        exchange.reply(status, json.dumps(answer).encode(), Content_Type="application/json")

    def _answer(self, exchange: Exchange) -> dict[str, Any]:
        parts = urlsplit(exchange.path)
        if exchange.command != "POST" or parts.path not in (QUERY, TOKEN):
            raise Refused(404, "NONEXISTENT_ID", "No such resource")
        if parts.path == TOKEN:
            return self._token(exchange)
        self._check(exchange)
        if self.busy:
            self.busy -= 1
            raise Refused(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded")
        if exchange.headers["Prefer"] != "transient":
            raise Refused(400, "INVALID_HEADER", "The header Prefer: transient is missing")
        query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        body = json.loads(exchange.body)
        return self._run(body["q"], query["limit"], query["offset"])

    def _run(self, text: str, limit: int, offset: int) -> dict[str, Any]:
        self.asked.append(text)
        if not 1 <= limit <= LARGEST_PAGE or offset % limit or offset >= FURTHEST_OFFSET:
            raise Refused(400, "INVALID_PARAMETER", "limit or offset")
        for column in self.absent:
            if re.search(rf"\b\w\.{column}\b", text):
                raise Refused(400, "INVALID_PARAMETER", f"Field '{column}' for record was not known")
        for table in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", text):
            if table not in TABLES or table in self.hidden:
                raise Refused(400, "INVALID_PARAMETER", f"Record '{table}' was not found.")
        text = re.sub(r"BUILTIN\.DF\((\w+)\.(\w+)\)", r"DF('\2', \1.\2)", text)
        text = re.sub(r"\btransaction\b", '"transaction"', text)
        try:
            (total,) = self._rows.execute(f"SELECT count(*) FROM ({text})").fetchone()
            found = self._rows.execute(f"{text} LIMIT {limit} OFFSET {offset}").fetchall()
        except sqlite3.Error as wrong:
            raise Refused(400, "INVALID_PARAMETER", f"Invalid search query: {wrong}") from None
        items = [{"links": [], **_shown(dict(row))} for row in found]
        more = offset + len(items) < total
        return {
            "links": [],
            "count": len(items),
            "hasMore": more,
            "items": items,
            "offset": offset,
            "totalResults": total,
        }

    def _check(self, exchange: Exchange) -> None:
        header = exchange.headers["Authorization"] or ""
        if header.startswith("Bearer "):
            if self.expired or header != f"Bearer token-{self._issued}":
                self.expired = False
                raise Refused(401, "INVALID_LOGIN", "Invalid login attempt.")
            return
        given = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', header)}
        parts = urlsplit(f"http://{exchange.headers['Host']}{exchange.path}")
        signed = {name: value for name, value in given.items() if name not in ("realm", "oauth_signature")}
        pairs = sorted((_enc(n), _enc(v)) for n, v in [*signed.items(), *parse_qsl(parts.query)])
        base = "&".join(
            _enc(part)
            for part in (
                exchange.command,
                f"http://{parts.netloc}{parts.path}",
                "&".join(f"{n}={v}" for n, v in pairs),
            )
        )
        key = f"{_enc(TOKENS['consumer_secret'])}&{_enc(TOKENS['token_secret'])}"
        signature = base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha256)).decode()
        fits = (
            header.startswith("OAuth ")
            and given.get("realm") == ACCOUNT
            and given.get("oauth_signature_method") == "HMAC-SHA256"
            and (given.get("oauth_consumer_key"), given.get("oauth_token"))
            == (TOKENS["consumer_key"], TOKENS["token_id"])
            and abs(int(given.get("oauth_timestamp", 0)) - time.time()) < 300
            and given.get("oauth_nonce") not in self._nonces
            and hmac.compare_digest(given.get("oauth_signature", ""), signature)
        )
        if not fits:
            raise Refused(401, "INVALID_LOGIN", "Invalid login attempt.")
        self._nonces.add(given["oauth_nonce"])

    def _token(self, exchange: Exchange) -> dict[str, Any]:
        form = dict(parse_qsl(exchange.body.decode()))
        head, body, signature = form["client_assertion"].split(".")
        claims, kind = json.loads(_unb64(body)), json.loads(_unb64(head))
        fits = (
            form["grant_type"] == "client_credentials"
            and form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            and (kind["alg"], kind["kid"]) == ("PS256", CERTIFICATE)
            and claims["iss"] == CLIENT
            and claims["aud"] == f"http://{exchange.headers['Host']}{TOKEN}"
            and claims["scope"] == ["rest_webservices"]
            and "sub" not in claims
            and claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 3600
        )
        try:
            assert self.key is not None
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            self.key.verify(_unb64(signature), f"{head}.{body}".encode(), pss, hashes.SHA256())
        except InvalidSignature:
            fits = False
        if not fits:
            refused = Refused(400, "INVALID", "")
            refused.body = {"error": "invalid_client", "error_description": "The certificate is not mapped"}
            raise refused
        self._issued += 1
        return {"access_token": f"token-{self._issued}", "expires_in": "3600", "token_type": "bearer"}


def _to_char(value: str | None, form: str) -> str | None:
    lengths = {STAMP: 19, "YYYY-MM-DD": 10}
    return None if value is None else value.removeprefix("@")[: lengths[form]]


def _to_timestamp(value: str, form: str) -> str:
    if form != STAMP or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        raise ValueError(value)
    return f"@{value}"


def _shown(row: dict[str, Any]) -> dict[str, str]:
    return {
        name.lower(): re.sub(r"^@(\d+)-(\d+)-(\d+).*", r"\2/\3/\1", str(value))
        for name, value in row.items()
        if value is not None
    }


def _enc(text: str) -> str:
    return quote(text, safe="-._~")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
