"""What SAP's own mock server does with OData V2, and where it is more lenient than a gateway."""

import json

import pytest

from tests.real.odata_mock import SERVICE, ODataMock

pytestmark = pytest.mark.real

ORDERS = "A_PurchaseOrder"


def test_a_wrong_password_is_401_with_a_challenge(odata_mock: ODataMock) -> None:
    status, headers, _ = odata_mock.get(ORDERS, password="wrong")
    assert (status, headers["www-authenticate"].split()[0]) == (401, "Basic")


def test_metadata_is_served_as_xml(odata_mock: ODataMock) -> None:
    status, headers, body = odata_mock.get("$metadata")
    assert (status, headers["content-type"]) == (200, "application/xml")
    assert f'Namespace="{SERVICE}"'.encode() in body


def test_a_header_comes_with_its_items_and_their_schedule_lines(odata_mock: ODataMock) -> None:
    (order,) = odata_mock.results(ORDERS, top=1, expand="to_PurchaseOrderItem/to_ScheduleLine")
    assert (order["PurchaseOrder"], order["Supplier"]) == ("4500000001", "0017300001")
    assert order["CreationDate"] == "/Date(1741046400000)/"
    assert order["LastChangeDateTime"] == "/Date(1740985200000+0000)/"
    items = order["to_PurchaseOrderItem"]["results"]
    assert [item["PurchaseOrderItem"] for item in items] == ["00010", "00020"]
    assert (items[0]["OrderQuantity"], items[0]["NetPriceAmount"]) == ("121.500", "136.22")
    assert items[0]["to_ScheduleLine"]["results"][0]["ScheduleLineOrderQuantity"] == "121.500"


def test_pages_by_top_and_skip_cover_every_order_once(odata_mock: ODataMock) -> None:
    seen = []
    for skip in range(0, 30, 10):
        page = odata_mock.results(ORDERS, orderby="PurchaseOrder", top=10, skip=skip, select="PurchaseOrder")
        seen += [row["PurchaseOrder"] for row in page]
    assert seen == [str(4500000001 + number) for number in range(25)]


def test_the_count_is_a_number_and_comes_unasked(odata_mock: ODataMock) -> None:
    # A gateway answers "25", as text, and only to $inlinecount=allpages.
    _, _, body = odata_mock.get(ORDERS, top=1)
    assert json.loads(body)["d"]["__count"] == 25
    assert odata_mock.get(f"{ORDERS}/$count")[2] == b"25"


def test_a_change_filter_finds_the_orders_that_share_a_timestamp(odata_mock: ODataMock) -> None:
    since = "LastChangeDateTime ge datetimeoffset'2025-03-06T07:00:00Z'"
    rows = odata_mock.results(ORDERS, filter=since, select="LastChangeDateTime")
    moments = [row["LastChangeDateTime"] for row in rows]
    assert [moments.count(moment) for moment in sorted(set(moments))] == [5, 5, 1]


def test_a_single_order_is_not_in_results_and_an_unknown_one_is_404(odata_mock: ODataMock) -> None:
    status, _, body = odata_mock.get(f"{ORDERS}('4500000003')")
    assert (status, json.loads(body)["d"]["CorrespncExternalReference"]) == (200, "EXT-0003")
    assert odata_mock.get(f"{ORDERS}('1')")[0] == 404


def test_unknown_names_pass_where_a_gateway_refuses(odata_mock: ODataMock) -> None:
    assert odata_mock.results(ORDERS, filter="NoSuch eq 'x'") == []
    assert odata_mock.results(ORDERS, top=1, select="NoSuch")[0].keys() == {"PurchaseOrder", "__metadata"}
    assert odata_mock.get(ORDERS, top=1, expand="to_Nothing")[0] == 200
    # An unknown set and a decimal literal with its suffix end as internal errors in plain text.
    assert odata_mock.get("A_Nothing")[0] == 500
    assert odata_mock.get("A_PurchaseOrderItem", filter="OrderQuantity gt 300M")[0] == 500
