"""Rows of two legal entities: usmf with one record of everything and 25 orders, demf with an order of its own."""

from typing import Any

from tests.simulators.dynamics import Tables

Row = dict[str, Any]

EMPTY = "1900-01-01T12:00:00Z"
DAY = "2026-01-05T12:00:00Z"
JOBS = "WorkOrderHeader_MaintenanceWorkOrderJobs"


def order(number: int, area: str = "usmf", status: str = "Backorder") -> Row:
    return {
        "dataAreaId": area,
        "PurchaseOrderNumber": f"{number:08}",
        "PurchaseOrderName": "Pumps Ltd",
        "OrderVendorAccountNumber": "V-10",
        "PurchaseOrderStatus": status,
        "DocumentApprovalStatus": "Confirmed",
        "AccountingDate": DAY,
        "RequestedDeliveryDate": EMPTY,
        "CurrencyCode": "USD",
        "PaymentTermsName": "Net30",
        "DefaultReceivingSiteId": "1",
        "DeliveryTermsId": "FOB",
        "VendorOrderReference": "R7",
        "OrdererPersonnelNumber": "000020",
    }


def order_line(number: int, line: int, area: str = "usmf", **more: Any) -> Row:
    return {
        "dataAreaId": area,
        "PurchaseOrderNumber": f"{number:08}",
        "LineNumber": line,
        "ItemNumber": "P-1",
        "ProcurementProductCategoryName": "",
        "ReceivingWarehouseId": "11",
        "PurchaseOrderLineStatus": "Backorder",
        "LineDescription": "Seal",
        "IsDeleted": "No",
        "OrderedPurchaseQuantity": 2.5,
        "PurchaseUnitSymbol": "ea",
        "PurchasePrice": 12.345678,
        "PurchasePriceQuantity": 1.0,
        "LineDiscountAmount": 0,
        "LineAmount": 30.86,
        "ConfirmedDeliveryDate": EMPTY,
        "RequestedDeliveryDate": DAY,
        **more,
    }


def fill(tables: Tables) -> None:
    area = {"dataAreaId": "usmf"}
    _orders(tables)
    _other_purchasing(tables, area)
    _master(tables, area)
    _maintenance(tables, area)


def _orders(tables: Tables) -> None:
    key = ("dataAreaId", "PurchaseOrderNumber")
    tables.put("PurchaseOrderHeadersV2", key, order(1, "demf"))
    tables.put("PurchaseOrderLinesV2", key, order_line(1, 1, "demf"))
    for number in range(1, 26):
        tables.put("PurchaseOrderHeadersV2", key, order(number))
        tables.put(
            "PurchaseOrderLinesV2",
            key,
            order_line(number, 1),
            order_line(
                number,
                2,
                ItemNumber="",
                ProcurementProductCategoryName="Services",
                ReceivingWarehouseId="",
                PurchasePriceQuantity=100.0,
                IsDeleted="Yes",
            ),
        )
    joined = {"dataAreaId": "dataAreaId", "PurchaseOrderNumber": "PurchaseOrderNumber"}
    tables.navigation["PurchaseOrderHeadersV2", "PurchaseOrderLinesV2"] = ("PurchaseOrderLinesV2", joined)


def _other_purchasing(tables: Tables, area: Row) -> None:
    tables.put(
        "PurchaseRequisitionHeaders",
        ("RequisitionNumber",),
        {
            "RequisitionNumber": "PR-1",
            "RequisitionName": "Seals",
            "RequisitionStatus": "InReview",
            "DefaultRequestedDate": DAY,
            "PreparerPersonnelNumber": "000020",
        },
    )
    line = {
        "ItemNumber": "P-1",
        "LineDescription": "Seal",
        "PurchaseUnitSymbol": "ea",
        "ReceivingWarehouseId": "11",
        "ProcurementProductCategoryName": "",
    }
    tables.put(
        "PurchaseRequisitionLinesV2",
        ("RequisitionNumber", "RequisitionLineNumber"),
        {
            **line,
            "RequisitionNumber": "PR-1",
            "RequisitionLineNumber": 1,
            "BuyingLegalEntityId": "USMF",
            "LineStatus": "Draft",
            "LineType": "Item",
            "RequestedPurchaseQuantity": 4,
            "CurrencyCode": "USD",
            "PurchasePrice": 1.5,
            "PurchasePriceQuantity": 1,
            "LineDiscountAmount": 0.25,
            "LineAmount": 5.75,
            "RequestedDate": DAY,
        },
    )
    tables.navigation["PurchaseRequisitionHeaders", "PurchaseRequisitionLinesV2"] = (
        "PurchaseRequisitionLinesV2",
        {"RequisitionNumber": "RequisitionNumber"},
    )
    tables.put(
        "ProductReceiptHeaders",
        ("dataAreaId", "RecordId"),
        *(
            {
                **area,
                "RecordId": 68719480000 + number,
                "ProductReceiptNumber": f"GR-{number}",
                "ProductReceiptDate": f"2026-01-0{number}T12:00:00Z",
                "OrderVendorAccountNumber": "V-10",
                "PurchaseOrderNumber": "00000001",
                "DeliveryModeId": "Truck",
            }
            for number in (1, 2)
        ),
    )
    tables.put(
        "ProductReceiptLines",
        ("dataAreaId", "RecordId"),
        {
            **area,
            **line,
            "RecordId": 68719490001,
            "ProductReceiptHeaderRecordId": 68719480001,
            "LineNumber": 1.0,
            "PurchaseOrderLineNumber": 1,
            "OrderedPurchaseQuantity": 2.5,
            "ReceivedPurchaseQuantity": 1.5,
            "ExpectedDeliveryDate": EMPTY,
        },
    )
    tables.navigation["ProductReceiptHeaders", "ProductReceiptLines"] = (
        "ProductReceiptLines",
        {"dataAreaId": "dataAreaId", "ProductReceiptHeaderRecordId": "RecordId"},
    )
    tables.put(
        "VendorInvoiceHeaders",
        ("dataAreaId", "HeaderReference"),
        {
            **area,
            "HeaderReference": "H-1",
            "InvoiceNumber": "77/26",
            "InvoiceDescription": "Seals",
            "VendorAccount": "V-10",
            "PurchaseOrderNumber": "00000001",
            "VendorInvoiceReviewStatus": "InReview",
            "InvoiceDate": DAY,
            "DueDate": "2026-02-05T12:00:00Z",
            "InvoiceReceivedDate": EMPTY,
            "Currency": "USD",
            "TermsOfPayment": "Net30",
        },
    )
    tables.put(
        "VendorInvoiceLines",
        ("dataAreaId", "HeaderReference"),
        {
            **area,
            "HeaderReference": "H-1",
            "InvoiceLineNumber": 1.0,
            "ItemNumber": "P-1",
            "InventoryWarehouseId": "11",
            "LineDescription": "Seal",
            "ReceiveNow": 2.5,
            "Unit": "ea",
            "UnitPrice": 12.345678,
            "NetAmount": 30.86,
        },
    )
    tables.navigation["VendorInvoiceHeaders", "VendorInvoiceLine"] = (
        "VendorInvoiceLines",
        {"dataAreaId": "dataAreaId", "HeaderReference": "HeaderReference"},
    )
    tables.put(
        "VendorsV2",
        ("dataAreaId", "VendorAccountNumber"),
        *(
            {
                "dataAreaId": company,
                "VendorAccountNumber": "V-10",
                "VendorOrganizationName": "Pumps Ltd",
                "VendorSearchName": "Pumps",
                "VendorGroupId": "10",
                "CurrencyCode": "USD",
                "OnHoldStatus": "No",
                "TaxExemptNumber": "",
                "PrimaryEmailAddress": "",
                "PrimaryPhoneNumber": "",
            }
            for company in ("usmf", "demf")
        ),
    )


def _master(tables: Tables, area: Row) -> None:
    for code in ("usmf", "demf"):
        own = {"dataAreaId": code}
        tables.put("Companies", ("DataArea",), {"DataArea": code, "Name": f"Plant {code}", "KnownAs": ""})
        address = {f"PrimaryAddress{part}": "" for part in ("StateId", "CountryRegionId", "ZipCode")}
        site = {
            "SiteId": "1",
            "SiteName": "North",
            "PrimaryAddressStreet": "Quay 1",
            "PrimaryAddressCity": "Bremen",
        }
        tables.put("OperationalSitesV2", ("dataAreaId", "SiteId"), {**own, **site, **address})
        tables.put(
            "Warehouses",
            ("dataAreaId", "WarehouseId"),
            {
                **own,
                "WarehouseId": "11",
                "WarehouseName": "Main",
                "WarehouseType": "Standard",
                "OperationalSiteId": "1",
            },
        )
        tables.put(
            "ReleasedProductsV2",
            ("dataAreaId", "ItemNumber"),
            {
                **own,
                "ItemNumber": "P-1",
                "ProductNumber": "PN-1",
                "SearchName": "Seal",
                "ProductSearchName": "",
                "ProductGroupId": "Spares",
                "InventoryUnitSymbol": "ea",
                "UnitCost": 12.345678,
                "UnitCostQuantity": 1,
                "SalesPrice": 2050.0,
                "SalesPriceQuantity": 100,
                "PrimaryVendorAccountNumber": "V-10",
                "ProductLifecycleStateId": "",
            },
        )
    dimensions = {f"Product{name}Id": "" for name in ("Configuration", "Size", "Style", "Version")}
    tables.put(
        "WarehousesOnHandV2",
        ("dataAreaId", "ItemNumber", "ProductColorId"),
        {
            **area,
            **dimensions,
            "ItemNumber": "P-1",
            "ProductColorId": "Red",
            "InventorySiteId": "1",
            "InventoryWarehouseId": "11",
            "OnHandQuantity": 7.25,
            "ReservedOnHandQuantity": 1,
            "AvailableOnHandQuantity": 6.25,
            "OnOrderQuantity": 0,
        },
    )
    tables.put(
        "InventTransBiEntities",
        ("dataAreaId", "SourceKey"),
        *(
            {
                **area,
                "SourceKey": 5637150000 + number,
                "ItemId": "P-1",
                "Qty": -1.5,
                "StatusIssue": "Sold",
                "StatusReceipt": "None",
                "DatePhysical": DAY,
                "Voucher": "J-9",
                "SysModifiedDateTime": f"2026-01-03T1{number}:00:00Z",
            }
            for number in (0, 1)
        ),
    )
    tables.put("CostCenters", ("OperatingUnitNumber",), {"OperatingUnitNumber": "007", "Name": "Maintenance"})
    tables.put(
        "SystemUsers",
        ("UserID",),
        {"UserID": "anna", "UserName": "Anna Muster", "Email": "anna@plant.example", "Enabled": True},
    )
    tables.put(
        "Workers",
        ("PersonnelNumber",),
        {
            "PersonnelNumber": "000020",
            "Name": "Anna Muster",
            "FirstName": "Anna",
            "MiddleName": "",
            "LastName": "Muster",
            "WorkerStatus": "Employed",
        },
    )
    tables.put("UnitsOfMeasure", ("UnitSymbol",), {"UnitSymbol": "ea"}, {"UnitSymbol": "h"})
    tables.put("Currencies", ("CurrencyCode",), {"CurrencyCode": "USD", "Name": "US Dollar"})


def _maintenance(tables: Tables, area: Row) -> None:
    tables.put(
        "AssetMaintenanceAssetsV3",
        ("dataAreaId", "MaintenanceAssetId"),
        *(
            {
                **area,
                "MaintenanceAssetId": code,
                "Name": "Press",
                "Notes": "",
                "MaintenanceAssetTypeId": "Machine",
                "ParentMaintenanceAssetId": parent,
                "FunctionalLocationId": "HALL1",
                "VendAccount": "V-10",
                "SerialID": "S1",
                "ModelId": "M7",
                "ModelYear": "2020",
                "MaintenanceAssetLifecycleStateId": "Active",
                "ActiveFrom": "2020-01-01T00:00:00Z",
                "ActiveTo": "2154-12-31T23:59:59Z",
                "FixedAssetId": "",
            }
            for code, parent in (("A-1", "A-2"), ("A-2", ""))
        ),
    )
    tables.put(
        "AssetMaintenanceFunctionalLocations",
        ("dataAreaId", "FunctionalLocationId"),
        {
            **area,
            "FunctionalLocationId": "HALL1",
            "Name": "Hall 1",
            "Notes": "",
            "FunctionalLocationTypeId": "Hall",
            "ParentFunctionalLocationId": "",
            "InventorySiteId": "1",
            "FunctionalLocationLifecycleStateId": "Active",
        },
    )
    key = ("dataAreaId", "WorkOrderId")
    tables.put(
        "AssetMaintenanceWorkOrderTablesV2",
        key,
        {
            **area,
            "WorkOrderId": "WO-1",
            "ParentWorkOrderId": "",
            "Description": "Press leaks",
            "WorkOrderTypeId": "Corrective",
            "WorkOrderLifecycleStateId": "InProgress",
            "CostType": "Corrective",
            "ServiceLevel": 4,
            "ExpectedStart": EMPTY,
            "ExpectedEnd": "2026-01-07T16:00:00Z",
            "ScheduledStart": "2026-01-06T08:00:00Z",
            "ScheduledEnd": EMPTY,
            "ActualStart": EMPTY,
            "ActualEnd": EMPTY,
            "ResponsibleWorkerPersonnelNumber": "000020",
            "WorkerGroupId": "",
            "Active": "Yes",
        },
    )
    tables.put(
        "AssetMaintenanceWorkOrderLinesV2",
        key,
        {
            **area,
            "WorkOrderId": "WO-1",
            "LineNumber": 1,
            "MaintenanceAssetId": "A-1",
            "MaintenanceAssetFunctionalLocationId": "HALL1",
            "WorkOrderJobDescription": "Change seal",
            "WorkOrderJobInternalNote": "Drain first",
            "WorkOrderJobMaintenanceWorkerRemarks": "",
            "JobTypeId": "Repair",
            "ForecastHourQty": 1.5,
            "ScheduledWorkerPersonnelNumber": "000020",
            "ScheduledStartDateTime": EMPTY,
            "ScheduledEndDateTime": EMPTY,
        },
    )
    joined = {"dataAreaId": "dataAreaId", "WorkOrderId": "WorkOrderId"}
    tables.navigation["AssetMaintenanceWorkOrderTablesV2", JOBS] = (
        "AssetMaintenanceWorkOrderLinesV2",
        joined,
    )
    tables.put(
        "AssetMaintenanceRequestsV2",
        ("dataAreaId", "RequestId"),
        {
            **area,
            "RequestId": "RQ-1",
            "Description": "Noise",
            "Notes": "Since Monday",
            "RequestTypeId": "Fault",
            "RequestLifecycleStateId": "New",
            "MaintenanceAssetId": "A-1",
            "FunctionalLocationId": "HALL1",
            "WorkOrderId": "WO-1",
            "WorkOrderPriority": 2,
            "ResponsibleWorkerPersonnelNumber": "",
            "ActualStart": EMPTY,
            "ActualEnd": EMPTY,
            "IsRequestActive": "Yes",
        },
    )
    plan = {**area, "MaintenancePlanId": "MP-1"}
    tables.put(
        "AssetMaintenancePlans",
        ("dataAreaId", "MaintenancePlanId"),
        {**plan, "Name": "Grease", "MaintenanceDate": DAY, "MaintenancePlanActive": "Yes"},
    )
    tables.put(
        "AssetMaintenanceAssetMaintenancePlans", ("dataAreaId",), {**plan, "MaintenanceAssetId": "A-1"}
    )
    tables.navigation["AssetMaintenancePlans", "AssetMaintenanceAssetMaintenancePlan"] = (
        "AssetMaintenanceAssetMaintenancePlans",
        {"dataAreaId": "dataAreaId", "MaintenancePlanId": "MaintenancePlanId"},
    )
    tables.put(
        "AssetMaintenanceAssetCounters",
        ("dataAreaId", "CounterId"),
        {**area, "CounterId": "Hours", "Name": "Running hours", "UnitId": "h"},
    )
    tables.put(
        "AssetMaintenanceAssetCounterRegistrations",
        ("dataAreaId", "MaintenanceAssetId", "CounterDateTime"),
        {
            **area,
            "MaintenanceAssetId": "A-1",
            "CounterDateTime": "2026-01-05T09:30:00Z",
            "CounterReplaced": "No",
            "CounterId": "Hours",
            "CounterValue": 1234.5,
        },
    )
