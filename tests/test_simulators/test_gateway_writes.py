"""Creating, changing and deleting purchase orders, and what tests may do to them behind the gateway."""

import json
from typing import Any

import pytest
import requests

from tests.simulators.gateway import Gateway
from tests.test_simulators.client import Client

FIRST = "4500000000"
ORDER: dict[str, Any] = {
    "PurchaseOrderType": "NB",
    "CompanyCode": "1010",
    "Supplier": "0010300001",
    "CorrespncInternalReference": "REF-778",
    "to_PurchaseOrderItem": {
        "results": [
            {
                "PurchaseOrderItem": "10",
                "Plant": "1010",
                "Material": "100041",
                "OrderQuantity": "5",
                "NetPriceAmount": "12.50",
                "PurchaseOrderQuantityUnit": "PC",
                "to_ScheduleLine": {"results": [{"ScheduleLineDeliveryDate": "/Date(1893456000000)/"}]},
                "to_AccountAssignment": [{"OrderID": "4000123", "GLAccount": "65100000"}],
            },
            {"Plant": "1020", "PurchaseOrderItemText": 'Dichtung Ø 30 "O\'Ring"', "OrderQuantity": "0.5"},
        ]
    },
}


def _reasons(answer: requests.Response) -> list[tuple[str, str]]:
    details = answer.json()["error"]["innererror"]["errordetails"]
    return [(detail["message"], detail["propertyref"]) for detail in details]


def test_an_order_is_created_with_its_lines_and_gets_a_number(client: Client) -> None:
    answer = client.send("POST", "A_PurchaseOrder", {**ORDER, "PurchaseOrder": "1"})
    assert answer.status_code == 201, answer.text
    created = answer.json()["d"]
    assert created["PurchaseOrder"] == "4500000250"
    assert answer.headers["location"] == client.gateway.service_url() + "A_PurchaseOrder('4500000250')"
    read = client.http.get(
        answer.headers["location"],
        params={
            "$format": "json",
            "$expand": "to_PurchaseOrderItem/to_ScheduleLine,to_PurchaseOrderItem/to_AccountAssignment",
        },
    ).json()["d"]
    assert read == created
    assert read["LastChangeDateTime"] is None
    assert read["CorrespncInternalReference"] == "REF-778"
    first, second = read["to_PurchaseOrderItem"]["results"]
    assert (first["OrderQuantity"], first["NetPriceAmount"]) == ("5.000", "12.500")
    schedule = first["to_ScheduleLine"]["results"][0]
    assert schedule["ScheduleLineDeliveryDate"] == "/Date(1893456000000)/"
    assert first["to_AccountAssignment"]["results"][0]["OrderID"] == "4000123"
    assert second["PurchaseOrderItem"] == "20"
    assert second["PurchaseOrderItemText"] == 'Dichtung Ø 30 "O\'Ring"'
    assert client.rows("A_PurchaseOrder", filter="CorrespncInternalReference eq 'REF-778'")
    assert client.get("A_PurchaseOrder/$count", False).text == "251"


def test_a_refused_order_says_why_in_the_details_only(client: Client) -> None:
    body = {"PurchaseOrderType": "", "Supplier": "999", "to_PurchaseOrderItem": [{"Plant": "9999"}, {}]}
    answer = client.send("POST", "A_PurchaseOrder", body)
    assert answer.status_code == 400
    assert client.error(answer) == "An exception was raised"
    assert _reasons(answer) == [
        ("Enter PurchaseOrderType", "PurchaseOrderType"),
        ("Supplier 999 does not exist", "Supplier"),
        ("Plant 9999 does not exist", "to_PurchaseOrderItem(1)/Plant"),
        ("Enter Plant", "to_PurchaseOrderItem(2)/Plant"),
        ("An exception was raised", ""),
    ]
    assert client.get("A_PurchaseOrder/$count", False).text == "250"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Nothing", "x"),
        ("LastChangeDateTime", "/Date(0+0000)/"),
        ("PurchasingProcessingStatus", "05"),
        ("DocumentCurrency", "EURO-X"),
        ("CompanyCode", 1010),
        ("ExchangeRateIsFixed", "X"),
        ("PurchaseOrderDate", "2026-01-31"),
        ("CashDiscount1Percent", 2.5),
        ("CashDiscount1Percent", "2.5555"),
        ("CashDiscount1Percent", "100"),
        ("CashDiscount1Percent", "2,5"),
        ("to_PurchaseOrderItem", "10"),
        ("to_Nothing", []),
    ],
)
def test_a_body_that_does_not_fit_the_metadata_is_refused(client: Client, name: str, value: object) -> None:
    answer = client.send("POST", "A_PurchaseOrder", {**ORDER, name: value})
    assert answer.status_code == 400
    assert name in client.error(answer)


def test_only_json_is_taken(client: Client) -> None:
    url, headers = client.gateway.service_url() + "A_PurchaseOrder", {"x-csrf-token": client.token()}
    assert client.http.post(url, data="<entry/>", headers=headers).status_code == 415
    headers["Content-Type"] = "application/json"
    assert client.http.post(url, data="{", headers=headers).status_code == 400


@pytest.mark.parametrize("method", ["PATCH", "MERGE", "tunneled"])
def test_a_change_moves_the_time_of_the_last_change(client: Client, method: str) -> None:
    before = client.gateway.clock.now_ms()
    headers = {"X_HTTP_Method": "MERGE"} if method == "tunneled" else {}
    verb = "POST" if method == "tunneled" else method
    answer = client.send(verb, f"A_PurchaseOrder('{FIRST}')", {"Supplier": "0010300002"}, **headers)
    assert answer.status_code == 204
    assert answer.content == b""
    row = client.get(f"A_PurchaseOrder('{FIRST}')").json()["d"]
    assert row["Supplier"] == "0010300002"
    assert int(row["LastChangeDateTime"][6:-7]) >= before
    assert row["CompanyCode"]
    newest = client.rows("A_PurchaseOrder", orderby="LastChangeDateTime desc", top="1")
    assert newest[0]["PurchaseOrder"] == FIRST


def test_a_line_is_cancelled_by_its_code_and_deletion_is_a_flag(client: Client) -> None:
    line = f"A_PurchaseOrderItem(PurchaseOrder='{FIRST}',PurchaseOrderItem='20')"
    assert client.send("PATCH", line, {"PurchasingDocumentDeletionCode": "L"}).status_code == 204
    assert client.get(line).json()["d"]["PurchasingDocumentDeletionCode"] == "L"
    order = "4500000001"
    assert client.send("DELETE", f"A_PurchaseOrder('{order}')").status_code == 204
    flagged = client.get(f"A_PurchaseOrder('{order}')", expand="to_PurchaseOrderItem").json()["d"]
    assert flagged["PurchasingDocumentDeletionCode"] == "L"
    items = flagged["to_PurchaseOrderItem"]["results"]
    assert [item["PurchasingDocumentDeletionCode"] for item in items] == ["L", "L", "L"]


def test_if_match_is_demanded_where_the_set_has_etags(client: Client) -> None:
    path = f"A_PurchaseOrder('{FIRST}')"
    assert "etag" not in client.get(path).json()["d"]["__metadata"]
    client.gateway.settings.etag_sets = frozenset({"A_PurchaseOrder"})
    read = client.get(path)
    tag = read.json()["d"]["__metadata"]["etag"]
    assert read.headers["etag"] == tag
    change = {"PurchasingGroup": "002"}
    assert client.send("PATCH", path, change).status_code == 428
    assert client.send("PATCH", path, change, If_Match='W/"stale"').status_code == 412
    assert client.send("PATCH", path, change, If_Match=tag).status_code == 204
    assert client.send("PATCH", path, change, If_Match=tag).status_code == 412
    assert client.send("PATCH", path, change, If_Match="*").status_code == 204


def test_an_order_open_on_a_screen_is_locked(client: Client) -> None:
    client.gateway.locks[FIRST] = "MILLER"
    path = f"A_PurchaseOrder('{FIRST}')"
    answer = client.send("PATCH", path, {"PurchasingGroup": "002"})
    assert answer.status_code == 423
    assert "locked by user MILLER" in client.error(answer)
    del client.gateway.locks[FIRST]
    assert client.send("PATCH", path, {"PurchasingGroup": "002"}).status_code == 204


def test_a_write_can_succeed_with_a_warning(client: Client) -> None:
    client.gateway.warnings.append("Delivery date is in the past")
    answer = client.send("POST", "A_PurchaseOrder", ORDER)
    assert answer.status_code == 201
    assert "Delivery date is in the past" in answer.headers["sap-message"]


def test_an_answer_can_be_lost_after_the_order_was_created(client: Client) -> None:
    token = client.token()
    client.gateway.fail_next(0, after_commit=True)
    url = client.gateway.service_url() + "A_PurchaseOrder"
    with pytest.raises(requests.ConnectionError):
        client.http.post(url, json=ORDER, headers={"x-csrf-token": token, "Accept": "application/json"})
    assert client.rows("A_PurchaseOrder", filter="CorrespncInternalReference eq 'REF-778'")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", f"A_PurchaseOrder('{FIRST}')", 405),
        ("POST", f"A_PurchaseOrder('{FIRST}')", 405),
        ("PATCH", "A_PurchaseOrder", 405),
        ("POST", "A_PurchaseOrderItem", 405),
        ("PATCH", "A_PurchaseOrder('4599999999')", 404),
        ("POST", "$batch", 501),
    ],
)
def test_what_cannot_be_written(client: Client, method: str, path: str, status: int) -> None:
    assert client.send(method, path, {}).status_code == status


def test_master_data_is_read_only(client: Client) -> None:
    client.service = "API_PLANT_SRV"
    assert client.send("PATCH", "A_Plant('1010')", {"PlantName": "x"}).status_code == 405


def test_a_goods_receipt_changes_a_line_but_not_the_time_of_its_order(client: Client) -> None:
    path = f"A_PurchaseOrder('{FIRST}')"
    before = client.get(path).json()["d"]
    client.gateway.touch_line(FIRST, "10", IsCompletelyDelivered=True)
    after = client.get(path, expand="to_PurchaseOrderItem").json()["d"]
    assert after["LastChangeDateTime"] == before["LastChangeDateTime"]
    assert after["to_PurchaseOrderItem"]["results"][0]["IsCompletelyDelivered"] is True


def test_a_row_kept_from_before_a_change_is_not_sent_again(client: Client) -> None:
    def orders() -> list[dict[str, Any]]:
        return client.rows("A_PurchaseOrder", expand="to_PurchaseOrderItem")

    orders()
    client.gateway.touch("4500000003", AddressCityName="Köln")
    assert orders()[3]["AddressCityName"] == "Köln"
    client.gateway.touch_line("4500000003", "20", OrderQuantity="7.5")
    assert orders()[3]["to_PurchaseOrderItem"]["results"][1]["OrderQuantity"] == "7.500"


def test_rows_rendered_ahead_are_the_rows_that_are_served(client: Client) -> None:
    plain = client.all_rows("A_PurchaseOrder", expand="to_PurchaseOrderItem", filter="Supplier ne ''")
    with Gateway(orders=250, days=300, port=0) as ahead:
        assert ahead.warm("SYNC", "$format=json&$expand=to_PurchaseOrderItem") == 3
        warmed = Client(ahead)
        warmed.http.auth = client.http.auth
        served = warmed.all_rows("A_PurchaseOrder", expand="to_PurchaseOrderItem", filter="Supplier ne ''")
    text = json.dumps(served).replace(ahead.url, client.gateway.url)
    assert json.loads(text) == plain


def test_a_selection_kept_from_before_a_change_is_not_used_again(client: Client) -> None:
    condition = "PurchaseOrderItemText eq 'Special'"
    assert client.rows("A_PurchaseOrderItem", filter=condition) == []
    client.gateway.touch_line(FIRST, "10", PurchaseOrderItemText="Special")
    assert len(client.rows("A_PurchaseOrderItem", filter=condition)) == 1


def test_an_archived_order_disappears(client: Client) -> None:
    client.gateway.archive(FIRST)
    assert client.get(f"A_PurchaseOrder('{FIRST}')").status_code == 404
    assert (
        client.get(f"A_PurchaseOrderItem(PurchaseOrder='{FIRST}',PurchaseOrderItem='10')").status_code == 404
    )
    assert client.rows("A_PurchaseOrder")[0]["PurchaseOrder"] == "4500000001"


def test_an_inserted_order_has_the_next_number(client: Client) -> None:
    number = client.gateway.insert(items=[{"Material": "100001"}, {}], Supplier="0010300005")
    row = client.get(f"A_PurchaseOrder('{number}')", expand="to_PurchaseOrderItem").json()["d"]
    assert number == "4500000250"
    assert len(row["to_PurchaseOrderItem"]["results"]) == 2
    assert client.all_rows("A_PurchaseOrder")[-1]["PurchaseOrder"] == number
