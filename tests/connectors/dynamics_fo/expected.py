"""The first record of every entity of the legal entity usmf, as it must come out; what is not here is null."""

from typing import Any

from appliance.model.keys import unified_key
from tests.runtime.opened import MODEL, PART

AREA = "usmf"


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def own(entity: str, *parts: str) -> str | None:
    return key(entity, AREA, *parts)


ORGANIZATION = {"organizationKey": key("Organization", AREA)}
VENDOR = {"vendorKey": own("Vendor", "V-10")}
ITEM = {"materialKey": own("Part", "P-1"), "productKey": own("Product", "P-1")}
STOREROOM = {"storeroomKey": own("Storeroom", "11")}
PURCHASE = {"poKey": own("PurchaseOrder", "00000001")}
USD = {"currencyKey": key("Currency", "USD")}
EACH = {"uomKey": key("UnitOfMeasure", "ea")}
SEAL = {"code": "P-1", "name": "Seal"}
DAY = "2026-01-05T12:00:00Z"
ASSET = {"assetKey": own("Asset", "A-1")}
LOCATION = {"locationKey": own("Location", "HALL1")}
ANNA = key("Labor", "000020")

EXPECTED: dict[str, dict[str, Any]] = {
    "PurchaseOrder": {
        "key": own("PurchaseOrder", "00000001"),
        "siteKey": own("Site", "1"),
        **ORGANIZATION,
        "orderDate": DAY,
        **VENDOR,
        "orderNo": "00000001",
        "statusKey": key("Status", "purchase-orders", "Backorder"),
        "title": "Pumps Ltd",
        "shippingMethod": "FOB",
        "terms": "Net30",
        **USD,
        "lineItems": [
            {
                "key": own("LineItem", "00000001", "1"),
                **VENDOR,
                **ITEM,
                "statusKey": key("Status", "purchase-order-lines", "Backorder"),
                **STOREROOM,
                "lineNo": "1",
                **SEAL,
                "quantity": "2.5",
                **EACH,
                **USD,
                "price": "12.345678",
                "discount": 0,
                "lineTotalValue": "30.86",
                "dueAt": DAY,
            },
            {
                "key": own("LineItem", "00000001", "2"),
                **VENDOR,
                "statusKey": key("Status", "purchase-order-lines", "Backorder"),
                "lineNo": "2",
                "code": "Services",
                "type": "Deleted",
                "name": "Seal",
                "quantity": "2.5",
                **EACH,
                **USD,
                "discount": 0,
                "lineTotalValue": "30.86",
                "dueAt": DAY,
            },
        ],
        "customFields": {"approvalStatus": "Confirmed", "vendorReference": "R7", "orderer": "000020"},
    },
    "PurchaseRequisition": {
        "key": key("PurchaseRequisition", "PR-1"),
        "code": "PR-1",
        "statusKey": key("Status", "purchase-requisitions", "InReview"),
        "lineItems": [
            {
                "key": key("LineItem", "PR-1", "1"),
                "statusKey": key("Status", "purchase-requisitions", "Draft"),
                "lineNo": "1",
                **SEAL,
                "type": "Item",
                "quantity": 4,
                **EACH,
                **USD,
                "price": "1.5",
                "discount": "0.25",
                "lineTotalValue": "5.75",
                "dueAt": DAY,
            }
        ],
        "customFields": {"name": "Seals", "preparer": "000020"},
    },
    "Receipt": {
        "key": own("Receipt", "68719480001"),
        **VENDOR,
        **PURCHASE,
        "code": "GR-1",
        "orderNo": "00000001",
        "completedAt": "2026-01-01T12:00:00Z",
        "shippingMethod": "Truck",
        "lineItems": [
            {
                "key": own("LineItem", "68719490001"),
                **ITEM,
                **STOREROOM,
                "lineNo": "1.0",
                **SEAL,
                "lineRef": "1",
                "quantity": "2.5",
                "receivedQuantity": "1.5",
                **EACH,
            }
        ],
    },
    "Invoice": {
        "key": own("Invoice", "H-1"),
        "title": "Seals",
        "invoiceNumber": "77/26",
        **VENDOR,
        **PURCHASE,
        "statusKey": key("Status", "invoices", "InReview"),
        "invoiceDate": "2026-01-05",
        "dueDate": "2026-02-05",
        **USD,
        "lineItems": [
            {
                "key": own("InvoiceLineItem", "H-1", "1.0"),
                **VENDOR,
                "productKey": ITEM["productKey"],
                **STOREROOM,
                **USD,
                "lineNo": "1.0",
                "code": "P-1",
                "lineRef": "Seal",
                "quantity": "2.5",
                **EACH,
                "price": "12.345678",
                "lineTotalValue": "30.86",
            }
        ],
        "customFields": {"terms": "Net30"},
    },
    "Vendor": {
        "key": own("Vendor", "V-10"),
        "name": "Pumps Ltd",
        "code": "V-10",
        **ORGANIZATION,
        "customFields": {
            "group": "10",
            "currencyCode": "USD",
            "onHold": "No",
            "taxExemptNumber": "",
            "email": "",
            "phone": "",
        },
    },
    "Organization": {"key": key("Organization", AREA), "name": "Plant usmf", "code": AREA},
    "Site": {
        "key": own("Site", "1"),
        **ORGANIZATION,
        "name": "North",
        "code": "1",
        "address": {"addressLines": "Quay 1", "city": "Bremen"},
    },
    "Storeroom": {
        "key": own("Storeroom", "11"),
        "siteKey": own("Site", "1"),
        "code": "11",
        "name": "Main",
        "type": "Standard",
    },
    "Part": {
        "key": own("Part", "P-1"),
        "vendorKeys": [own("Vendor", "V-10")],
        **ORGANIZATION,
        "categoryName": "Spares",
        "code": "P-1",
        "partNumber": "PN-1",
        "name": "Seal",
        **EACH,
        "cost": "12.345678",
        "customFields": {"lifecycleState": ""},
    },
    # The price is for a hundred.
    "Product": {
        "key": own("Product", "P-1"),
        **ORGANIZATION,
        **EACH,
        **SEAL,
        "partNumber": "PN-1",
    },
    "Stock": {
        "key": own("Stock", "P-1", "Red", "1", "11"),
        **ITEM,
        **STOREROOM,
        "position": "Red",
        "quantity": "7.25",
        "customFields": {"reserved": 1, "available": "6.25", "onOrder": 0},
    },
    "StockAdjustment": {
        "key": own("StockAdjustment", "5637150000"),
        "date": DAY,
        "adjustmentNumber": "J-9",
        "type": "Sold",
        "lineItems": [{**ITEM, "quantity": "-1.5"}],
        "updatedAt": "2026-01-03T10:00:00Z",
    },
    "Account": {"key": key("Account", "007"), "code": "007", "name": "Maintenance"},
    "User": {
        "key": key("User", "anna"),
        "name": "Anna Muster",
        "description": "anna@plant.example",
        "isActive": True,
    },
    "Labor": {
        "key": ANNA,
        "code": "000020",
        "name": "Anna Muster",
        "firstName": "Anna",
        "lastName": "Muster",
        "isActive": True,
    },
    "UnitOfMeasure": {"key": key("UnitOfMeasure", "ea"), "code": "ea", "name": "ea"},
    "Currency": {"key": USD["currencyKey"], "code": "USD", "name": "US Dollar"},
    "Asset": {
        "key": own("Asset", "A-1"),
        "parentKey": own("Asset", "A-2"),
        **VENDOR,
        **LOCATION,
        "name": "Press",
        "isPhysical": True,
        "categoryName": "Machine",
        "modelName": "M7",
        "serialNumber": "S1",
        "activatedAt": "2020-01-01T00:00:00Z",
        "customFields": {
            "code": "A-1",
            "lifecycleState": "Active",
            "modelYear": "2020",
            "fixedAsset": "",
            "company": AREA,
        },
    },
    "Location": {
        "key": own("Location", "HALL1"),
        "siteKey": own("Site", "1"),
        **ORGANIZATION,
        "name": "Hall 1",
        "code": "HALL1",
        "type": "Hall",
        "customFields": {"lifecycleState": "Active"},
    },
    "WorkOrder": {
        "key": own("WorkOrder", "WO-1"),
        **LOCATION,
        **ASSET,
        "title": "Press leaks",
        "code": "WO-1",
        "laborAssignedKey": ANNA,
        **ORGANIZATION,
        "status": "InProgress",
        "severity": "4",
        "categoryName": "Corrective",
        "dueAt": "2026-01-07T16:00:00Z",
        "scheduledAt": "2026-01-06T08:00:00Z",
        "tasks": [
            {
                "key": own("Task", "WO-1", "1"),
                "code": "1",
                "title": "Change seal",
                "description": "Drain first",
            }
        ],
        "resources": [{"laborKey": ANNA, **ASSET, "name": "Repair", "estimatedTime": "1.5"}],
        "customFields": {
            "active": "Yes",
            "costType": "Corrective",
            "workerGroup": "",
            "expectedStart": "1900-01-01T12:00:00Z",
            "actualStart": "1900-01-01T12:00:00Z",
        },
    },
    "ServiceRequest": {
        "key": own("ServiceRequest", "RQ-1"),
        **LOCATION,
        **ASSET,
        "workOrderKey": own("WorkOrder", "WO-1"),
        "title": "Noise",
        "description": "Since Monday",
        "severity": "2",
        "categoryName": "Fault",
        "customFields": {
            "code": "RQ-1",
            "lifecycleState": "New",
            "active": "Yes",
            "actualStart": "1900-01-01T12:00:00Z",
            "actualEnd": "1900-01-01T12:00:00Z",
        },
    },
    "PreventiveMaintenance": {
        "key": own("PreventiveMaintenance", "MP-1"),
        "assetKeys": [own("Asset", "A-1")],
        "title": "Grease",
        "dueAt": DAY,
        "customFields": {"code": "MP-1", "active": "Yes"},
    },
    "Counter": {
        "key": own("Counter", "Hours"),
        "uomName": "h",
        "uomKey": key("UnitOfMeasure", "h"),
        "customFields": {"code": "Hours", "name": "Running hours"},
    },
    "CounterReading": {
        "key": own("CounterReading", "A-1", "2026-01-05T09:30:00Z", "No", "Hours"),
        **ASSET,
        "meterKey": own("Counter", "Hours"),
        "reading": "1234.5",
        "createdAt": "2026-01-05T09:30:00Z",
        "customFields": {"replaced": "No"},
    },
}
