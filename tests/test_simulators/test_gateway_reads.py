"""How the gateway answers reads: envelope, values, selection, paging, formats."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import defusedxml.ElementTree
import pytest

from tests.simulators.gateway import Gateway
from tests.simulators.gateway.system import SERVICES, Settings
from tests.test_simulators.client import Client

FIRST = "4500000000"


def test_json_is_sent_only_when_asked_for(client: Client) -> None:
    plain = client.get("A_PurchaseOrder", False, top="2", inlinecount="allpages")
    assert plain.headers["content-type"].startswith("application/atom+xml")
    feed = defusedxml.ElementTree.fromstring(plain.text)
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 2
    assert "<m:count>250</m:count>" in plain.text
    url = client.gateway.service_url() + "A_PurchaseOrder?$top=1"
    accepted = client.http.get(url, headers={"Accept": "application/json"})
    assert accepted.json()["d"]["results"]
    assert client.get("A_PurchaseOrder", format="yaml").status_code == 400


def test_a_row_has_metadata_and_deferred_navigations(client: Client) -> None:
    row = client.get(f"A_PurchaseOrderItem(PurchaseOrder='{FIRST}',PurchaseOrderItem='20')").json()["d"]
    uri = f"{client.gateway.service_url()}A_PurchaseOrderItem(PurchaseOrder='{FIRST}',PurchaseOrderItem='20')"
    assert row["__metadata"] == {
        "id": uri,
        "uri": uri,
        "type": "API_PURCHASEORDER_PROCESS_SRV.A_PurchaseOrderItemType",
    }
    assert row["to_PurchaseOrder"] == {"__deferred": {"uri": f"{uri}/to_PurchaseOrder"}}
    followed = client.http.get(row["to_PurchaseOrder"]["__deferred"]["uri"], params={"$format": "json"})
    assert followed.json()["d"]["PurchaseOrder"] == FIRST


def test_values_are_in_their_wire_form(client: Client) -> None:
    orders = client.all_rows("A_PurchaseOrder")
    assert all(re.fullmatch(r"/Date\(\d+\)/", row["CreationDate"]) for row in orders)
    changed = {row["LastChangeDateTime"] for row in orders}
    assert None in changed
    assert all(value is None or re.fullmatch(r"/Date\(\d+\+0000\)/", value) for value in changed)
    item = client.rows("A_PurchaseOrderItem", top="1", expand="to_ScheduleLine")[0]
    assert re.fullmatch(r"\d+\.\d{3}", item["OrderQuantity"])
    assert item["to_ScheduleLine"]["results"][0]["ScheduleLineDeliveryTime"] == "PT00H00M00S"
    assert item["GoodsReceiptIsExpected"] is True
    assert item["PurchaseContract"] == ""


def test_many_orders_share_a_time_stamp(client: Client) -> None:
    stamps = [row["LastChangeDateTime"] for row in client.all_rows("A_PurchaseOrder")]
    assert max(stamps.count(stamp) for stamp in set(stamps) - {None}) > 3


def test_select_and_expand(client: Client) -> None:
    row = client.rows(
        "A_PurchaseOrder",
        top="1",
        select="PurchaseOrder,to_PurchaseOrderItem/Plant,to_PurchaseOrderItem/to_ScheduleLine",
        expand="to_PurchaseOrderItem/to_ScheduleLine",
    )[0]
    assert set(row) == {"__metadata", "PurchaseOrder", "to_PurchaseOrderItem"}
    item = row["to_PurchaseOrderItem"]["results"][0]
    assert set(item) == {"__metadata", "Plant", "to_ScheduleLine"}
    assert "ScheduleLineOrderQuantity" in item["to_ScheduleLine"]["results"][0]


def test_an_expanded_navigation_that_is_not_selected_is_not_sent(client: Client) -> None:
    row = client.rows("A_PurchaseOrder", top="1", select="PurchaseOrder", expand="to_PurchaseOrderItem")[0]
    assert "to_PurchaseOrderItem" not in row


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("select", "PurchaseOrder,NetAmount"),
        ("select", "to_PurchaseOrderItem/Plant"),
        ("select", ""),
        ("expand", "to_Item"),
        ("expand", "to_PurchaseOrderItem/to_Item"),
        ("expand", "to_PurchaseOrderItem($expand=to_ScheduleLine)"),
        ("orderby", "Nothing"),
        ("orderby", "PurchaseOrder ascending"),
        ("top", "-1"),
        ("top", "many"),
        ("skip", "1.5"),
        ("inlinecount", "true"),
        ("filter", "CreationDate ge 2024-01-31"),
        ("filter", "LastChangeDateTime gt datetime'2024-01-31T00:00:00'"),
        ("filter", ""),
        ("count", "true"),
        ("search", "pump"),
        ("apply", "groupby((Supplier))"),
    ],
)
def test_what_is_not_valid_is_refused_with_a_v2_error(client: Client, option: str, value: str) -> None:
    answer = client.get("A_PurchaseOrder", True, **{option: value})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"]["lang"] == "en"
    assert error["innererror"]["errordetails"][0]["severity"] == "error"
    assert error["innererror"]["application"]["service_id"] == client.service


def test_an_unknown_property_is_named_in_the_error(client: Client) -> None:
    answer = client.get("A_PurchaseOrder", select="NetAmount")
    assert client.error(answer) == "Property NetAmount not found in type A_PurchaseOrderType"


def test_errors_are_xml_unless_json_was_asked_for_and_html_behind_a_proxy(client: Client) -> None:
    answer = client.get("A_PurchaseOrder", False, top="x")
    assert defusedxml.ElementTree.fromstring(answer.text).tag.endswith("error")
    client.gateway.settings.html_errors = True
    assert "<html>" in client.get("A_PurchaseOrder", top="x").text


def test_parameters_that_are_not_of_odata_pass(client: Client) -> None:
    assert client.get("A_PurchaseOrder", top="1", sap_language="EN", sap_client="100").status_code == 200


def test_a_page_has_at_most_100_rows_and_paging_returns_each_order_exactly_once(client: Client) -> None:
    first = client.get("A_PurchaseOrder", inlinecount="allpages").json()["d"]
    assert len(first["results"]) == 100
    assert first["__count"] == "250"
    numbers = [row["PurchaseOrder"] for row in client.all_rows("A_PurchaseOrder", select="PurchaseOrder")]
    assert numbers == client.gateway.order_numbers()
    filtered = client.all_rows("A_PurchaseOrder", filter="PurchaseOrder ge '4500000030'", skip="10")
    assert [row["PurchaseOrder"] for row in filtered] == client.gateway.order_numbers()[40:]


def test_top_is_answered_in_one_page_up_to_the_maximum(client: Client) -> None:
    whole = client.get("A_PurchaseOrder", top="240").json()["d"]
    assert len(whole["results"]) == 240
    assert "__next" not in whole
    client.gateway.settings.max_top = 60
    assert len(client.rows("A_PurchaseOrder", top="150")) == 60
    assert len(client.all_rows("A_PurchaseOrder", top="150")) == 150
    assert client.rows("A_PurchaseOrder", top="0") == []


def test_a_skip_token_belongs_to_its_query_and_expires(client: Client) -> None:
    following = client.get("A_PurchaseOrder").json()["d"]["__next"]
    token = parse_qs(urlsplit(following).query)["$skiptoken"][0]
    assert client.get("A_PurchaseOrder", skiptoken=token).status_code == 200
    assert client.get("A_PurchaseOrder", skiptoken=token, filter="Supplier ne ''").status_code == 400
    assert client.get("A_PurchaseOrderItem", skiptoken=token).status_code == 400
    assert client.get("A_PurchaseOrder", skiptoken="100").status_code == 400
    assert client.get("A_PurchaseOrder", skiptoken=token.replace("100.", "200.", 1)).status_code == 400
    client.gateway.expire_skiptokens()
    assert client.http.get(following).status_code == 400


def test_a_row_that_leaves_the_result_shifts_the_pages_after_it(client: Client) -> None:
    following = client.get("A_PurchaseOrder").json()["d"]["__next"]
    client.gateway.archive("4500000010")
    second = client.http.get(following).json()["d"]["results"]
    assert second[0]["PurchaseOrder"] == "4500000101"


def test_the_next_link_may_name_an_internal_host(client: Client) -> None:
    client.gateway.settings.internal_base = "http://s4app01.corp.internal:8000"
    page = client.get("A_PurchaseOrder").json()["d"]
    assert page["__next"].startswith("http://s4app01.corp.internal:8000/sap/opu/odata/sap/")
    assert page["results"][0]["__metadata"]["uri"].startswith("http://s4app01.corp.internal:8000/")


def test_a_page_may_be_empty_and_still_have_a_next_link(client: Client) -> None:
    client.gateway.settings.hollow_page_every = 2
    first = client.get("A_PurchaseOrder").json()["d"]
    second = client.http.get(first["__next"]).json()["d"]
    assert second["results"] == []
    assert second["__next"]
    assert len(client.all_rows("A_PurchaseOrder")) == 250


def test_order_and_nulls_first(client: Client) -> None:
    rows = client.all_rows("A_PurchaseOrder", orderby="LastChangeDateTime desc,PurchaseOrder desc")
    stamps = [row["LastChangeDateTime"] for row in rows]
    assert stamps[-1] is None
    known = [int(stamp[6:-7]) for stamp in stamps if stamp]
    assert known == sorted(known, reverse=True)


def test_without_a_full_key_the_order_may_differ_from_request_to_request(client: Client) -> None:
    client.gateway.settings.unstable_order = True
    order = "LastChangeDateTime"
    assert client.rows("A_PurchaseOrder", orderby=order) != client.rows("A_PurchaseOrder", orderby=order)
    order = "LastChangeDateTime,PurchaseOrder"
    assert client.rows("A_PurchaseOrder", orderby=order) == client.rows("A_PurchaseOrder", orderby=order)


def test_a_service_may_take_an_option_and_not_heed_it(client: Client) -> None:
    client.gateway.settings.ignored_options = frozenset({"$top"})
    assert len(client.rows("A_PurchaseOrder", top="1")) == 100


def test_never_changed_orders_are_not_found_by_their_last_change(client: Client) -> None:
    def count(condition: str) -> int:
        return int(client.get("A_PurchaseOrder/$count", False, filter=condition).text)

    long_ago = "datetimeoffset'2000-01-01T00:00:00Z'"
    newer, never = count(f"LastChangeDateTime gt {long_ago}"), count("LastChangeDateTime eq null")
    assert 0 < newer < 250
    assert newer + never == 250
    assert count(f"LastChangeDateTime gt {long_ago} or CreationDate ge datetime'2000-01-01T00:00:00'") == 250


def test_keys(client: Client) -> None:
    assert client.get(f"A_PurchaseOrder(PurchaseOrder='{FIRST}')").status_code == 200
    assert client.get("A_PurchaseOrder('4599999999')").status_code == 404
    assert client.get(f"A_PurchaseOrder({FIRST})").status_code == 400
    assert client.get(f"A_PurchaseOrderItem('{FIRST}')").status_code == 400
    assert client.get(f"A_PurchaseOrderItem(PurchaseOrder='{FIRST}',Plant='1010')").status_code == 400
    assert client.get(f"A_PurchaseOrder('{FIRST}')", filter="Supplier eq '1'").status_code == 400
    assert client.get("PurchaseOrders").status_code == 404


def test_leading_zeros_are_part_of_the_key(client: Client) -> None:
    client.service = "API_BUSINESS_PARTNER"
    assert client.get("A_Supplier('0010300001')").json()["d"]["SupplierName"]
    assert client.get("A_Supplier('10300001')").status_code == 404


def test_navigation_by_path(client: Client) -> None:
    path = f"A_PurchaseOrder('{FIRST}')/to_PurchaseOrderItem"
    items = client.rows(path, filter="PurchaseOrderItem ne '20'")
    assert [row["PurchaseOrderItem"] for row in items] == ["10", "30"]
    assert client.get(path + "/$count", False).text == "3"
    assert client.get(f"A_PurchaseOrder('{FIRST}')/to_Nothing").status_code == 404
    assert client.get("A_PurchaseOrder/to_PurchaseOrderItem").status_code == 404


def test_the_metadata_describes_the_service_and_differs_by_release() -> None:
    with Gateway(orders=1, missing={"A_PurchaseOrder": ["LastChangeDateTime"]}) as older:
        client = Client(older)
        client.http.auth = ("SYNC", "Welcome1")
        metadata = client.get("$metadata", False)
        assert metadata.headers["content-type"].startswith("application/xml")
        assert "LastChangeDateTime" not in metadata.text
        assert "PurchasingDocumentDeletionCode" in metadata.text
        assert client.get("A_PurchaseOrder", select="LastChangeDateTime").status_code == 400
        assert "LastChangeDateTime" not in client.rows("A_PurchaseOrder")[0]


def test_the_service_document_lists_the_sets(client: Client) -> None:
    assert "A_PurchaseOrder" in client.get("").json()["d"]["EntitySets"]
    assert client.get("", False).headers["content-type"].startswith("application/atomsvc+xml")


def test_other_metadata_files_can_be_served(tmp_path: Path) -> None:
    text = (SERVICES / "API_PLANT_SRV.edmx").read_text(encoding="utf-8")
    path = tmp_path / "ZSITE_SRV.edmx"
    path.write_text(text.replace("API_PLANT_SRV", "ZSITE_SRV").replace("A_Plant", "Sites"), encoding="utf-8")
    with Gateway(orders=1, extra=[path], plain_rows=130) as other:
        client = Client(other, service="ZSITE_SRV")
        client.http.auth = ("SYNC", "Welcome1")
        keys = [row["Plant"] for row in client.all_rows("Sites")]
        assert len(keys) == len(set(keys)) == 130


def test_a_long_url_is_refused_by_the_web_server(client: Client) -> None:
    condition = " or ".join(f"PurchaseOrder eq '{4_500_000_000 + n}'" for n in range(300))
    answer = client.get("A_PurchaseOrder", filter=condition)
    assert answer.status_code == 414
    assert "<html>" in answer.text


def test_a_hundred_thousand_orders_are_filtered_by_date_without_reading_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Gateway(orders=100_000, settings=Settings(page_size=10))
    read: list[int] = []
    header = gateway.system.orders.header

    def observed(position: int) -> Mapping[str, str]:
        read.append(position)
        return header(position)

    monkeypatch.setattr(gateway.system.orders, "header", observed)
    with gateway:
        client = Client(gateway)
        client.http.auth = ("SYNC", "Welcome1")
        condition = "LastChangeDateTime gt datetimeoffset'2000-01-01T00:00:00Z' or CreationDate ge "
        rows = client.rows("A_PurchaseOrder", filter=condition + "datetime'2000-01-01T00:00:00'")
        assert len(rows) == len(read) == 10
