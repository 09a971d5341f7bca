"""SOAP by WSDL: a small service of our own, whose WSDL names a host that only exists inside the plant."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceError
from appliance.runtime.protocols import EVERYTHING
from tests.runtime.opened import reading, vendor_pages
from tests.transport.servers import Exchange, Server, serving

INSIDE = "http://erp.inside.example:8080"

WSDL = f"""<definitions name="Orders" targetNamespace="urn:o" xmlns="http://schemas.xmlsoap.org/wsdl/"
  xmlns:o="urn:o" xmlns:t="urn:t" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
 <types><xsd:schema><xsd:import namespace="urn:t" schemaLocation="{INSIDE}/orders?xsd=1"/></xsd:schema></types>
 <message name="In"><part name="parameters" element="t:List"/></message>
 <message name="Out"><part name="parameters" element="t:ListResponse"/></message>
 <portType name="Port"><operation name="List"><input message="o:In"/><output message="o:Out"/></operation></portType>
 <binding name="Binding" type="o:Port"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="List"><soap:operation soapAction="urn:o:List"/>
   <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
 <service name="Orders"><port name="Main" binding="o:Binding">
  <soap:address location="{INSIDE}/orders/endpoint"/></port></service>
</definitions>"""

SCHEMA = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns:t="urn:t"
  elementFormDefault="qualified">
 <xsd:element name="List"><xsd:complexType><xsd:sequence>
  <xsd:element name="company" type="xsd:string"/><xsd:element name="offset" type="xsd:int"/>
  <xsd:element name="limit" type="xsd:int"/></xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="ListResponse"><xsd:complexType><xsd:sequence>
  <xsd:element name="total" type="xsd:int"/>
  <xsd:element name="order" type="t:Order" minOccurs="0" maxOccurs="unbounded"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:complexType name="Order"><xsd:sequence>
  <xsd:element name="Number" type="xsd:string"/><xsd:element name="amount" type="xsd:decimal"/>
  <xsd:element name="due" type="xsd:date"/><xsd:element name="at" type="xsd:dateTime"/>
  <xsd:element name="note" type="xsd:string" minOccurs="0"/>
 </xsd:sequence></xsd:complexType>
</xsd:schema>"""

READ = {
    "protocol": "soap",
    "wsdl": "orders?wsdl",
    "operation": "List",
    "arguments": {"company": "${company}", "offset": "${page.offset}", "limit": "${page.size}"},
    "rows": "order",
    "count": "total",
    "paging": {"kind": "offset", "size": 2, "until": "count"},
}


def answer(exchange: Exchange) -> None:
    if exchange.command == "GET":
        document = {"/orders?wsdl&tenant=7": WSDL, "/orders?xsd=1&tenant=7": SCHEMA}.get(exchange.path)
        exchange.reply(200 if document else 404, (document or "").encode(), Content_Type="text/xml")
        return
    assert exchange.path in ("/orders/endpoint?tenant=7", "/outside?tenant=7"), exchange.path
    assert exchange.headers["SOAPAction"] == '"urn:o:List"'
    sent = dict(re.findall(rb"<\w+:(\w+)>([^<]*)</", exchange.body))
    if sent[b"company"] == b"bad &lt;":
        fault = b"<e:Fault><faultcode>x</faultcode><faultstring>Unknown company</faultstring></e:Fault>"
        exchange.reply(500, envelope(fault), Content_Type="text/xml")
        return
    offset, limit = int(sent[b"offset"]), int(sent[b"limit"])
    orders = b"".join(
        b"<t:order><t:Number>%d</t:Number><t:amount>0.10</t:amount><t:due>2026-01-31</t:due>"
        b"<t:at>2026-01-31T10:30:00Z</t:at></t:order>" % number
        for number in range(1, 6)
    )
    rows = re.findall(rb"<t:order>.*?</t:order>", orders)[offset : offset + limit]
    body = b'<t:ListResponse xmlns:t="urn:t"><t:total>5</t:total>' + b"".join(rows) + b"</t:ListResponse>"
    exchange.reply(200, envelope(body), Content_Type="text/xml; charset=utf-8")


def envelope(body: bytes) -> bytes:
    space = b"http://schemas.xmlsoap.org/soap/envelope/"
    return b'<e:Envelope xmlns:e="' + space + b'"><e:Body>' + body + b"</e:Body></e:Envelope>"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(answer) as server:
        yield server


def open_orders(server: Server, company: str = "A&B", **read: Any) -> Any:
    http = {"base_url": "${url}", "query": {"tenant": "7"}}
    return reading(server.url, {**READ, **read}, fields={"company": company}, http=http)


def test_rows_come_page_by_page_from_the_configured_host_whatever_the_wsdl_says(server):
    server.requests.clear()
    pages = vendor_pages(open_orders(server))
    rows = [json.loads(row) for page in pages for row in page.rows]
    assert [row["Number"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert pages[0].expected == 5
    assert [path for _, path, _, _ in server.requests].count("/orders?wsdl&tenant=7") == 1
    assert b"A&amp;B" in server.requests[-1][3]


def test_values_keep_their_types_and_digits(server):
    row = vendor_pages(open_orders(server))[0].rows[0]
    assert b'"amount":0.10,' in row
    assert json.loads(row) | {"amount": 0} == {
        "Number": "1", "amount": 0, "due": "2026-01-31", "at": "2026-01-31T10:30:00+00:00", "note": None
    }  # fmt: skip


def test_another_endpoint_than_that_of_the_wsdl_can_be_named(server):
    server.requests.clear()
    vendor_pages(open_orders(server, endpoint="outside"))
    assert server.requests[-1][1] == "/outside?tenant=7"


def test_a_fault_is_told_in_the_words_of_the_source(server):
    with pytest.raises(SourceError, match="Unknown company"):
        vendor_pages(open_orders(server, company="bad <"))


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ({"operation": "Liste"}, "no operation 'Liste'"),
        ({"arguments": {"firm": "x"}}, "arguments do not fit"),
        ({"service": "Other"}, "no such service"),
    ],
)
def test_a_mistake_in_the_definition_is_told_apart(server, read, words):
    with pytest.raises(ConfigurationError, match=words):
        vendor_pages(open_orders(server, **read))


def test_a_wsdl_that_is_not_there_or_no_wsdl_is_refused(server):
    with pytest.raises(SourceError, match="404"):
        vendor_pages(open_orders(server, wsdl="nothing?wsdl"))
    login = b"<html><body>Please log on</body></html>"
    with serving(lambda e: e.reply(body=login)) as page, pytest.raises(SourceAnswerInvalid, match="WSDL"):
        vendor_pages(open_orders(page))


def test_a_hostile_wsdl_opens_no_file(server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    hostile = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><definitions>&b;</definitions>'.encode()
    with serving(lambda e: e.reply(body=hostile)) as bad, pytest.raises(SourceAnswerInvalid) as refused:
        vendor_pages(open_orders(bad))
    assert "hidden" not in refused.value.message


def test_a_schema_on_a_file_address_is_asked_of_the_source_instead_of_the_disk(server, tmp_path):
    schema = tmp_path / "schema.xsd"
    schema.write_text(SCHEMA)
    wsdl = WSDL.replace(f"{INSIDE}/orders?xsd=1", schema.as_uri()).encode()
    with serving(lambda e: e.reply(200 if "wsdl" in e.path else 404, wsdl)) as bad:
        with pytest.raises(SourceError):
            vendor_pages(open_orders(bad))
        assert len(bad.requests) == 2


def test_a_sample_asks_for_one_row(server):
    pages = open_orders(server).pages("Vendor")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert (len(page.rows), page.next) == (1, None)
