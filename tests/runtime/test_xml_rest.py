"""REST sources that speak XML, against a server of our own."""

import json

import pytest

from appliance.errors import SourceAnswerInvalid, SourceError
from appliance.runtime.document import read_document
from tests.runtime.opened import reading, vendor_pages
from tests.transport.servers import Exchange, serving

PAGES = {
    None: '<s:Stock xmlns:s="urn:s" next="2"><Part s:id="1">a</Part><Part id="2"><N> b </N><N/></Part></s:Stock>',
    "2": '<Stock count="3"><Part id="3"/></Stock>',
}
READ = {
    "protocol": "http",
    "answer": "xml",
    "request": {
        "method": "POST",
        "path": "parts",
        "xml": "<ask by='${name}'><after>${page.cursor}</after></ask>",
    },
    "rows": "Stock.Part",
    "paging": {"kind": "cursor", "next": "Stock.@next"},
}


def test_rows_are_elements_with_attributes_and_children_and_values_are_escaped():
    def answer(exchange: Exchange) -> None:
        page = "2" if b"<after>2</after>" in exchange.body else None
        exchange.reply(body=PAGES[page].encode(), Content_Type="text/xml")

    with serving(answer) as server:
        pages = vendor_pages(reading(server.url, READ, key="@id", fields={"name": "<'\"&"}))
        (_, _, headers, sent), *_ = server.requests
    assert [json.loads(row) for page in pages for row in page.rows] == [
        {"@id": "1", "#text": "a"},
        {"@id": "2", "N": [" b ", None]},
        {"@id": "3"},
    ]
    assert sent == b"<ask by='&lt;&apos;&quot;&amp;'><after></after></ask>"
    assert headers["Content-Type"].startswith("text/xml")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<Stock><Part>", "cut off"),
        (b"<Other/>", "holds no rows"),
        (b'{"a": 1}', "JSON where XML"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"", "answered nothing"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Stock/>', "not valid XML"),
    ],
)
def test_what_is_not_the_expected_xml_is_told_apart(body, words):
    with (
        serving(lambda exchange: exchange.reply(body=body)) as server,
        pytest.raises(SourceAnswerInvalid, match=words),
    ):
        vendor_pages(reading(server.url, READ, key="@id", fields={"name": ""}))


def test_an_empty_list_has_no_rows():
    with serving(lambda exchange: exchange.reply(body=b"<Stock/>")) as server:
        (page,) = vendor_pages(reading(server.url, READ, key="@id", fields={"name": ""}))
    assert page.rows == []


def test_the_words_of_an_xml_error_are_kept():
    body = b"<error><code>X</code><message lang='en'>Order is locked</message></error>"
    with (
        serving(lambda exchange: exchange.reply(400, body)) as server,
        pytest.raises(SourceError, match="is locked"),
    ):
        vendor_pages(reading(server.url, READ, key="@id", fields={"name": ""}))


def test_mixed_white_space_between_children_is_no_text():
    assert read_document(b"<a>\n <b>1</b>\n</a>") == {"a": {"b": "1"}}
