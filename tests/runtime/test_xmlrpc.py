"""XML-RPC against the standard library's server."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xmlrpc.client import DateTime, Fault
from xmlrpc.server import SimpleXMLRPCServer

import pytest

from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected, SourceError
from appliance.runtime.document import read_document
from appliance.runtime.errors import raise_for
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.xmlrpc import encode_call
from tests.runtime.opened import answer, reading, vendor_pages

ROWS = [
    {
        "id": number,
        "name": f"P&O <{number}>",
        "price": 0.1 * number,
        "at": DateTime("20260131T10:30:00"),
        "no": None,
    }
    for number in range(1, 6)
]


class Odooish:
    """Answers like an ORM behind XML-RPC; `asked` are the parameters it got."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.server = SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True)
        self.server.register_function(self.authenticate)
        self.server.register_function(self.execute_kw)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def authenticate(self, db: str, login: str, password: str, context: dict[str, Any]) -> Any:
        return 7 if (login, password) == ("sync", "p<w>&") else False

    def execute_kw(self, *params: Any) -> Any:
        self.asked.append(params)
        if params[1] != 7:
            raise Fault(3, "Access Denied")
        wanted = params[6]
        return ROWS[wanted["offset"] : wanted["offset"] + wanted["limit"]]


@pytest.fixture
def odooish() -> Iterator[Odooish]:
    odooish = Odooish()
    threading.Thread(target=odooish.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield odooish
    odooish.server.shutdown()
    odooish.server.server_close()


AUTH = {
    "scheme": "session_login",
    "request": {
        "path": "RPC2",
        "xmlrpc": {"method": "authenticate", "params": ["db", "${user}", "${password}", {}]},
    },
    "take": {"uid": "result"},
    "refused": "uid",
}


def read_of(uid: Any = 7) -> dict[str, Any]:
    domain = [[["write_date", ">=", "${since|sql}"], ["id", ">", 2**33], ["at", "=", "${since}"]]]
    window = {"offset": "${page.offset}", "limit": "${page.size}"}
    return {
        "protocol": "http",
        "answer": "xmlrpc",
        "request": {
            "path": "RPC2",
            "xmlrpc": {
                "method": "execute_kw",
                "params": ["db", uid, "${password}", "product.product", "search_read", domain, window],
            },
        },
        "rows": "result",
        "paging": {"kind": "offset", "size": 2},
    }


def test_rows_are_read_page_by_page_with_their_types(odooish):
    connector = reading(odooish.url, read_of(), key="id", fields={"password": "x"})
    since = Since(datetime(2026, 1, 5, 8, tzinfo=UTC))
    pages = vendor_pages(connector, since)
    rows = [json.loads(row, parse_float=Decimal) for page in pages for row in page.rows]
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0] == {
        "id": 1, "name": "P&O <1>", "price": Decimal("0.1"), "at": "2026-01-31T10:30:00", "no": None
    }  # fmt: skip
    domain = odooish.asked[0][5][0]
    assert domain[:2] == [["write_date", ">=", "2026-01-05 08:00:00"], ["id", ">", 2**33]]
    assert domain[2][2] == DateTime("20260105T08:00:00")


def test_a_fault_is_an_error_with_the_words_of_the_source(odooish):
    with pytest.raises(SourceError, match="Access Denied"):
        vendor_pages(reading(odooish.url, read_of(uid=8), key="id", fields={"password": "x"}))


def test_secrets_that_a_fault_repeats_are_taken_out():
    value = "<struct><member><name>faultString</name><value>no key Xq7 here</value></member></struct>"
    body = f"<methodResponse><fault><value>{value}</value></fault></methodResponse>"
    with pytest.raises(SourceError, match="no key … here"):
        raise_for(answer(200, body), (), secrets=["Xq7"])


def test_a_rule_over_the_fault_says_what_it_means(odooish):
    rule = {"path": "fault.faultString", "contains": "Access Denied", "then": "credentials"}
    with pytest.raises(SourceCredentialsRejected):
        vendor_pages(reading(odooish.url, read_of(uid=8), key="id", fields={"password": "x"}, errors=[rule]))


@pytest.mark.parametrize(("password", "good"), [("p<w>&", True), ("wrong", False)])
def test_a_login_may_be_a_call_too(odooish, password, good):
    fields = {"user": "sync", "password": password}
    connector = reading(odooish.url, read_of(), key="id", auth=AUTH, fields=fields)
    if good:
        assert len(vendor_pages(connector)) == 3
    else:
        with pytest.raises(SourceCredentialsRejected):
            vendor_pages(connector)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("<i8>9007199254740993</i8>", 9007199254740993),
        ("<double>0.10000000000000000001</double>", Decimal("0.10000000000000000001")),
        ("<ex:nil xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'/>", None),
        ("<boolean>0</boolean>", False),
        ("untyped &amp; text", "untyped & text"),
        ("<array><data/></array>", []),
        ("<string></string>", ""),
        ("<double>nan</double>", None),
    ],
)
def test_values_keep_what_they_are(value, read):
    body = f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
    assert read_document(body.encode()) == {"result": read}


@pytest.mark.parametrize(
    "body",
    [
        b"<methodResponse><params/></methodResponse>",
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
        b"<methodResponse><params>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><methodResponse/>',
        b'<?xml version="1.0" encoding="no-such"?><methodResponse/>',
        b"<a>" * 50_000 + b"</a>" * 50_000,
    ],
)
def test_a_broken_or_hostile_answer_is_refused(body):
    with pytest.raises(SourceAnswerInvalid):
        read_document(body)


def test_a_sample_asks_for_one_row(odooish):
    pages = reading(odooish.url, read_of(), key="id", fields={"password": "x"}).pages("Vendor")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert (len(page.rows), page.next) == (1, None)


def test_numbers_beyond_32_bits_are_written_as_i8():
    body = encode_call("m", [2**31 - 1, 2**31, -(2**31), Decimal("0.10")])
    assert re.findall(rb"<value>(.*?)</value>", body) == [
        b"<int>2147483647</int>", b"<i8>2147483648</i8>", b"<int>-2147483648</int>", b"<double>0.10</double>"
    ]  # fmt: skip
