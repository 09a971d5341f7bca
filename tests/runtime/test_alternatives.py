"""Services that differ between releases: the first set there is, properties left out, lists made of other rows."""

from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceAccessDenied, SourceError
from appliance.runtime.protocols.odata.distinct import distinct
from tests.runtime.opened import all_pages, reading
from tests.simulators.odata4 import Orders4
from tests.transport.servers import Exchange, Server, serving

NEW = {"protocol": "odata4", "service": "odata4/orders", "set": "Orders"}


def other(**differs: Any) -> dict[str, Any]:
    return {**NEW, **differs}


def rows_of(server: Server, *ways: dict[str, Any]) -> tuple[list[bytes], list[str]]:
    pages = all_pages(reading(server.url, {"protocol": "alternatives", "of": list(ways)}), "Vendor")
    return [row for page in pages for row in page.rows], [n for page in pages for n in page.notices]


@pytest.mark.parametrize("missing", [{"service": "odata4/none"}, {"set": "Nothing"}])
def test_the_next_set_is_read_and_told_where_the_first_is_missing(missing: dict[str, str]) -> None:
    with Orders4().served() as server:
        rows, told = rows_of(server, other(**missing), NEW)
    assert len(rows) == 7
    assert told == [
        f"{missing.get('set', 'Orders')} of {missing.get('service', 'odata4/orders')} cannot be read here; "
        "Orders of odata4/orders is read instead."
    ]


def test_the_first_set_is_read_without_a_word_where_it_is_there() -> None:
    with Orders4().served() as server:
        rows, told = rows_of(server, NEW, other(service="odata4/none"))
    assert (len(rows), told) == (7, [])


def test_where_none_is_there_the_first_refusal_is_told() -> None:
    with Orders4().served() as server, pytest.raises(SourceError, match="no such service"):
        rows_of(server, other(service="odata4/none"), other(service="odata4/nothing"))


@pytest.mark.parametrize(
    ("status", "goes_on"), [(403, True), (404, True), (500, False), (503, False), (401, False)]
)
def test_only_a_service_that_is_not_there_is_passed_over(status: int, goes_on: bool) -> None:
    orders = Orders4()

    def answer(exchange: Exchange) -> None:
        if "/none/" in exchange.path:
            exchange.reply(status, b"{}", Content_Type="application/json")
        else:
            orders._serve(exchange)

    with serving(answer) as server:
        if goes_on:
            assert len(rows_of(server, other(service="odata4/none"), NEW)[0]) == 7
        else:
            with pytest.raises(SourceError):
                rows_of(server, other(service="odata4/none"), NEW)


def test_a_lack_of_rights_is_told_before_a_lack_of_the_service() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.reply(403 if "/none/" in exchange.path else 404, b"{}", Content_Type="application/json")

    with serving(answer) as server, pytest.raises(SourceAccessDenied):
        rows_of(server, NEW, other(service="odata4/none"))


def test_what_a_release_lacks_is_left_out_of_select_and_expand() -> None:
    asked = other(select=["Number", "Later"], expand=["_Item($select=Line,Later;$expand=_Later)", "_Later"])
    with Orders4().served() as server:
        with pytest.raises(ConfigurationError, match="no 'Later'"):
            all_pages(reading(server.url, asked), "Vendor")
        pages = all_pages(reading(server.url, {**asked, "missing": "leave_out"}), "Vendor")
        sent = [path for _, path, _, _ in server.requests if "Orders?" in path]
    assert sum(len(page.rows) for page in pages) == 7
    assert all("Later" not in path for path in sent)
    assert b'"Line"' in pages[0].rows[0]


def test_each_combination_of_values_comes_once_a_page_and_as_the_same_text() -> None:
    rows = [
        b'{"A":"1","B":"x","C":7}',
        b'{"B":"x","A":"1","C":8}',
        b'{"A":"1","B":"y"}',
        b'{"A":"","B":null}',
    ]
    assert distinct(rows, ["A", "B"]) == [b'{"A":"1","B":"x"}', b'{"A":"1","B":"y"}']
    with Orders4().served() as server:
        pages = all_pages(reading(server.url, other(distinct=["Due"]), key="Due"), "Vendor")
    assert [page.rows for page in pages] == [[b'{"Due":"2026-02-01"}']] * 3
