"""Every status SAP knows is a status of ours, and one it does not know passes through."""

from typing import Any

import pytest

from tests.connectors.sap_s4hana.asking import connected, key, records, status
from tests.runtime.opened import all_records
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.maintenance_rows import maintenance_order
from tests.simulators.sap_s4hana.rows import order, order_item
from tests.simulators.sap_s4hana.services import ORDERS2, PURCHASING4, REQUISITIONS4, V2
from tests.transport.servers import Server

ORDER_CASES = [
    ({"PurchasingProcessingStatus": "02"}, "02"),
    ({"PurchasingProcessingStatus": "02", "ReleaseIsNotCompleted": True}, "03"),
    ({"PurchasingProcessingStatus": "03"}, "03"),
    ({"PurchasingProcessingStatus": "05"}, "05"),
    ({"PurchasingProcessingStatus": "08", "ReleaseIsNotCompleted": True}, "08"),
    ({"PurchasingProcessingStatus": "04"}, "04"),
    ({"PurchasingProcessingStatus": "26"}, "26"),
    ({"PurchasingProcessingStatus": "01"}, "01"),
    ({"PurchasingCompletenessStatus": True}, "held"),
    ({"PurchaseOrderDeletionCode": "L", "PurchasingCompletenessStatus": True}, "deleted"),
    ({"PurchaseOrderDeletionCode": "S"}, "blocked"),
    ({"PurchasingProcessingStatus": "77"}, "77"),
]


@pytest.mark.parametrize("old", [False, True])
def test_orders(s4: S4, server: Server, old: bool) -> None:
    rows = [order(4500000100 + n, **fields) for n, (fields, _) in enumerate(ORDER_CASES)]
    service, name, flag = PURCHASING4, "PurchaseOrder", "PurchaseOrderDeletionCode"
    if old:
        s4.inactive.add(PURCHASING4)
        service, name = f"{V2}API_PURCHASEORDER_PROCESS_SRV/", "A_PurchaseOrder"
        rows = [{**row, "PurchasingDocumentDeletionCode": row.get(flag, "")} for row in rows]
    s4.rows[service][name] = rows
    found = [record["statusKey"] for record in records(s4, server, "PurchaseOrder").values()]
    assert found == [status("purchase-orders", code) for _, code in ORDER_CASES]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"PurchasingDocumentDeletionCode": "L", "IsCompletelyDelivered": True}, "deleted"),
        ({"PurchasingDocumentDeletionCode": "S"}, "blocked"),
        ({"IsFinallyInvoiced": True}, "open"),
        ({"IsCompletelyDelivered": True}, "delivered"),
        ({"IsCompletelyDelivered": True, "IsFinallyInvoiced": True}, "closed"),
    ],
)
def test_order_lines(s4: S4, server: Server, fields: dict[str, Any], code: str) -> None:
    s4.rows[PURCHASING4]["PurchaseOrderItem"] = [order_item(4500000001, "10", **fields)]
    (found,) = records(s4, server, "PurchaseOrder").values()
    assert found["lineItems"][0]["statusKey"] == status("purchase-orders.line-items", code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"IsDeleted": True, "IsClosed": True}, "deleted"),
        ({"IsClosed": True}, "closed"),
        ({"ProcessingStatus": "B"}, "ordered"),
        ({"PurReqnReleaseStatus": "02", "ReleaseIsNotCompleted": True}, "03"),
        ({"PurReqnReleaseStatus": "08"}, "08"),
        ({"PurReqnReleaseStatus": "02"}, "02"),
    ],
)
def test_requisitions_and_their_lines(s4: S4, server: Server, fields: dict[str, Any], code: str) -> None:
    line = s4.rows[REQUISITIONS4]["PurchaseReqnItem"][0]
    line |= fields
    s4.rows[f"{V2}API_PURCHASEREQ_PROCESS_SRV/"]["A_PurchaseRequisitionItem"] = [
        {**line, "IsDeleted": "X" if line.get("IsDeleted") else ""}
    ]
    for _ in range(2):
        (found,) = records(s4, server, "PurchaseRequisition").values()
        assert found["statusKey"] == status("purchase-requisitions", code)
        assert found["lineItems"][0]["statusKey"] == status("purchase-requisitions", code)
        s4.inactive.add(REQUISITIONS4)


def test_invoices(s4: S4, server: Server) -> None:
    rows = s4.rows[f"{V2}API_SUPPLIERINVOICE_PROCESS_SRV/"]["A_SupplierInvoice"]
    codes = ["", "5", "1", "2", "3", "4", "A", "B", "C", "D", "E", "Z"]
    rows[:] = [
        {**rows[0], "SupplierInvoice": str(n), "SupplierInvoiceStatus": c} for n, c in enumerate(codes)
    ]
    found = {r["customFields"]["document"]: r["statusKey"] for r in records(s4, server, "Invoice").values()}
    assert found == {str(n): status("invoices", code or "5") for n, code in enumerate(codes)}
    rows[0]["IsReversed"] = True
    first = str(key("Invoice", "0", "2026"))
    assert records(s4, server, "Invoice")[first]["statusKey"] == status("invoices", "reversed")


PHASES = [f"{n:04}" for n in (35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 92, 95, 105)]
ORDER_STATES: list[tuple[dict[str, Any], str]] = [
    *(({"MaintOrdProcessSubPhaseCode": code, "MaintOrdProcessPhaseCode": "03"}, code) for code in PHASES),
    *(({"MaintOrdProcessPhaseCode": f"0{n}"}, f"0{n}") for n in range(1, 10)),
    *(({"SystemStatusText": f"{code}  PRC MANC"}, code) for code in ("CRTD", "REL", "TECO", "CLSD", "CNF")),
    ({"SystemStatusText": "REL PCNF"}, "PCNF"),
    ({"SystemStatusText": "CNF REL NMAT"}, "CNF"),
    ({"SystemStatusText": "TECO DLFL CNF"}, "DLFL"),
]


def test_work_orders(s4: S4, server: Server) -> None:
    s4.rows[ORDERS2]["MaintenanceOrder"] = [
        maintenance_order(4000100 + n, **fields) for n, (fields, _) in enumerate(ORDER_STATES)
    ]
    found = records(s4, server, "WorkOrder").values()
    assert [row["statusKey"] for row in found] == [status("work-orders", code) for _, code in ORDER_STATES]


def test_a_work_order_whose_states_are_none_of_these_has_no_status(s4: S4, server: Server) -> None:
    s4.rows[ORDERS2]["MaintenanceOrder"] = [maintenance_order(4000100, SystemStatusText="PRC RELX")]
    (found,) = records(s4, server, "WorkOrder").values()
    assert (found["statusKey"], found["status"]) == (None, "PRC RELX")


def test_notifications(s4: S4, server: Server) -> None:
    rows = s4.rows[f"{V2}API_MAINTNOTIFICATION/"]["MaintenanceNotification"]
    rows[:] = [
        {**rows[0], "MaintenanceNotification": c, "NotifProcessingPhase": c}
        for c in ("1", "2", "3", "4", "5", "9")
    ]
    found = [row["statusKey"] for row in records(s4, server, "ServiceRequest").values()]
    assert found == [status("service-requests", code) for code in ("1", "2", "3", "4", "5", "9")]


def test_every_status_above_is_listed_with_a_name(s4: S4, server: Server) -> None:
    listed = all_records(connected(s4, server), "Status")
    wanted = [
        *(status("purchase-orders", code) for _, code in ORDER_CASES if code != "77"),
        *(status("work-orders", code) for _, code in ORDER_STATES),
        *(status("service-requests", str(n)) for n in range(1, 6)),
        *(status("invoices", code) for code in "12345ABCDE"),
        status("invoices", "reversed"),
        *(
            status("purchase-orders.line-items", c)
            for c in ("open", "delivered", "closed", "deleted", "blocked")
        ),
        *(
            status("purchase-requisitions", c)
            for c in ("deleted", "closed", "ordered", "02", "03", "05", "08")
        ),
    ]
    assert [code for code in wanted if code not in listed] == []
    assert all(row["name"] for row in listed.values())
