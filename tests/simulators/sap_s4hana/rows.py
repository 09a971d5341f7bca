"""A small plant: one full record of everything, and what the special cases need."""

from typing import Any

from . import maintenance_rows as maintenance
from .maintenance_rows import FOREVER
from .services import ORDERS2, PLANTS4, POINTS4, PURCHASING4, READINGS4, REQUISITIONS4, V2
from .system import Rows

ORDER = "4500000001"


def plant() -> Rows:
    """Fresh rows for every service."""
    orders = _orders()
    requisitions = _requisitions()
    jobs = {
        "MaintenanceOrder": maintenance.maintenance_orders(),
        "MaintenanceOrderOperation": maintenance.operations(),
    }
    places = [{"Plant": "1010", "PlantName": "Ulm", "CompanyCode": "1000"}]
    return {
        PURCHASING4: orders,
        f"{V2}API_PURCHASEORDER_PROCESS_SRV/": {
            "A_PurchaseOrder": [
                {**row, "PurchasingDocumentDeletionCode": row.get("PurchaseOrderDeletionCode", "")}
                for row in orders["PurchaseOrder"]
            ],
            "A_PurchaseOrderItem": orders["PurchaseOrderItem"],
            "A_PurchaseOrderScheduleLine": [
                {
                    **row,
                    "PurchasingDocument": row["PurchaseOrder"],
                    "PurchasingDocumentItem": row["PurchaseOrderItem"],
                }
                for row in orders["PurchaseOrderScheduleLine"]
            ],
            "A_PurOrdAccountAssignment": orders["PurchaseOrderAccountAssignment"],
        },
        REQUISITIONS4: requisitions,
        f"{V2}API_PURCHASEREQ_PROCESS_SRV/": {
            "A_PurchaseRequisitionHeader": requisitions["PurchaseReqn"],
            "A_PurchaseRequisitionItem": [
                {**row, "IsDeleted": "X" if row.get("IsDeleted") else ""}
                for row in requisitions["PurchaseReqnItem"]
            ],
        },
        f"{V2}API_BUSINESS_PARTNER/": _partners(),
        f"{V2}API_SUPPLIERINVOICE_PROCESS_SRV/": _invoices(),
        f"{V2}API_PRODUCT_SRV/": _products(),
        PLANTS4: {"Plant": places},
        f"{V2}API_PLANT_SRV/": {"A_Plant": places},
        f"{V2}API_MATERIAL_STOCK_SRV/": {"A_MatlStkInAcctMod": _stock()},
        f"{V2}API_MATERIAL_DOCUMENT_SRV/": _documents(),
        f"{V2}API_COSTCENTER_SRV/": _cost_centers(),
        ORDERS2: jobs,
        f"{V2}API_MAINTENANCEORDER/": jobs,
        f"{V2}API_MAINTNOTIFICATION/": {"MaintenanceNotification": [maintenance.notification()]},
        f"{V2}API_EQUIPMENT/": {"Equipment": maintenance.equipment()},
        f"{V2}API_FUNCTIONALLOCATION/": {"FunctionalLocation": maintenance.locations()},
        POINTS4: {"MeasuringPoint": [maintenance.point()]},
        READINGS4: {"MeasurementDocument": [maintenance.reading()]},
    }


def order(number: int, **differs: Any) -> dict[str, Any]:
    return {
        "PurchaseOrder": str(number),
        "PurchaseOrderType": "NB",
        "PurchaseOrderDate": "2026-01-04",
        "CreationDate": "2026-01-04",
        "LastChangeDateTime": None,
        "CreatedByUser": "CB9980000010",
        "CompanyCode": "1000",
        "Supplier": "0000100042",
        "DocumentCurrency": "EUR",
        "PaymentTerms": "0001",
        "PurchasingProcessingStatus": "05",
        "CorrespncExternalReference": "offer 77",
        "CorrespncInternalReference": "pump hall",
        "PurchasingOrganization": "1010",
        "PurchasingGroup": "001",
        "IncotermsClassification": "EXW",
        **differs,
    }


def order_item(number: int, line: str, **differs: Any) -> dict[str, Any]:
    return {
        "PurchaseOrder": str(number),
        "PurchaseOrderItem": line,
        "PurchaseOrderItemText": "Seal ring",
        "Material": "SEAL-0042",
        "Plant": "1010",
        "StorageLocation": "101A",
        "OrderQuantity": "12.500",
        "PurchaseOrderQuantityUnit": "PC",
        "NetPriceAmount": "1234.50",
        "NetPriceQuantity": "100",
        "NetAmount": "154.31",
        "DocumentCurrency": "EUR",
        "PurchaseOrderItemCategory": "0",
        "PurchaseRequisition": "0010000001",
        **differs,
    }


def _orders() -> dict[str, list[dict[str, Any]]]:
    return {
        "PurchaseOrder": [order(4500000001)],
        "PurchaseOrderItem": [
            order_item(4500000001, "10"),
            order_item(4500000001, "20", Material="", StorageLocation="", NetPriceQuantity="1"),
        ],
        "PurchaseOrderScheduleLine": [
            {
                "PurchaseOrder": ORDER,
                "PurchaseOrderItem": "10",
                "ScheduleLine": "1",
                "ScheduleLineDeliveryDate": "2026-02-01",
            }
        ],
        "PurchaseOrderAccountAssignment": [
            {
                "PurchaseOrder": ORDER,
                "PurchaseOrderItem": "20",
                "AccountAssignmentNumber": "1",
                "CostCenter": "0010101101",
            }
        ],
    }


def _requisitions() -> dict[str, list[dict[str, Any]]]:
    line = {
        "PurchaseRequisition": "0010000001",
        "PurchaseRequisitionItem": "10",
        "PurchaseRequisitionItemText": "Seal ring",
        "Material": "SEAL-0042",
        "RequestedQuantity": "12.500",
        "BaseUnit": "PC",
        "PurchaseRequisitionPrice": "1234.50",
        "PurReqnPriceQuantity": "100",
        "PurReqnItemCurrency": "EUR",
        "ItemNetAmount": "154.31",
        "Plant": "1010",
        "StorageLocation": "101A",
        "DeliveryDate": "2026-02-01",
        "PurReqCreationDate": "2026-01-03",
        "LastChangeDateTime": "2026-01-03T09:30:00Z",
        "CreatedByUser": "CB9980000010",
        "FixedSupplier": "0000100042",
        "ProcessingStatus": "N",
        "PurReqnReleaseStatus": "05",
    }
    return {
        "PurchaseReqn": [
            {
                "PurchaseRequisition": "0010000001",
                "PurchaseRequisitionType": "NB",
                "PurReqnDescription": "Spares",
            }
        ],
        "PurchaseReqnItem": [line],
    }


def _partners() -> dict[str, list[dict[str, Any]]]:
    supplier = {
        "BusinessPartner": "9980000042",
        "Supplier": "0000100042",
        "BusinessPartnerFullName": "Seals Ltd",
        "SearchTerm1": "SEALS",
        "CreationDate": "2024-05-02",
        "LastChangeDate": None,
    }
    customer = {
        **supplier,
        "BusinessPartner": "9980000043",
        "Supplier": "",
        "BusinessPartnerFullName": "Buyer",
    }
    terms = {"Supplier": "0000100042", "PurchasingOrganization": "1010", "PurchaseOrderCurrency": "EUR"}
    return {
        "A_BusinessPartner": [supplier, customer],
        "A_SupplierPurchasingOrg": [terms, {**terms, "PurchasingOrganization": "1020"}],
    }


def _invoices() -> dict[str, list[dict[str, Any]]]:
    invoice = {
        "SupplierInvoice": "5105600101",
        "FiscalYear": "2026",
        "CompanyCode": "1000",
        "InvoicingParty": "0000100042",
        "SupplierInvoiceIDByInvcgParty": "R-2026-17",
        "DocumentDate": "2026-01-10",
        "PostingDate": "2026-01-12",
        "InvoiceReceiptDate": "2026-01-11",
        "CreationDate": "2026-01-12",
        "DocumentCurrency": "EUR",
        "InvoiceGrossAmount": "183.63",
        "SupplierInvoiceStatus": "",
        "DocumentHeaderText": "January",
    }
    line = {
        "SupplierInvoice": "5105600101",
        "FiscalYear": "2026",
        "SupplierInvoiceItem": "000001",
        "PurchaseOrder": ORDER,
        "PurchaseOrderItem": "10",
        "SupplierInvoiceItemAmount": "154.31",
        "DocumentCurrency": "EUR",
        "QuantityInPurchaseOrderUnit": "12.500",
        "PurchaseOrderQuantityUnit": "PC",
    }
    return {"A_SupplierInvoice": [invoice], "A_SuplrInvcItemPurOrdRef": [line]}


def _products() -> dict[str, list[dict[str, Any]]]:
    product = {
        "Product": "SEAL-0042",
        "ProductType": "ERSA",
        "ProductGroup": "L001",
        "BaseUnit": "PC",
        "ProductOldID": "OLD-1",
        "ProductStandardID": "4006381333931",
        "ProductManufacturerNumber": "SR-42",
        "SizeOrDimensionText": "42 x 3",
        "GrossWeight": "0.125",
        "WeightUnit": "KG",
        "IsMarkedForDeletion": False,
        "CreationDate": "2024-05-03",
        "LastChangeDateTime": None,
    }
    placed = {"Product": "SEAL-0042", "Plant": "1010", "StorageLocation": "101A"}
    return {
        "A_Product": [product, {**product, "Product": "000000000000004711", "IsMarkedForDeletion": True}],
        "A_ProductDescription": [
            {"Product": "SEAL-0042", "Language": "EN", "ProductDescription": "Seal ring"}
        ],
        "A_ProductPlant": [{"Product": "SEAL-0042", "Plant": "1010"}],
        "A_ProductValuation": [
            {
                "Product": "SEAL-0042",
                "ValuationArea": "1010",
                "ValuationType": "",
                "StandardPrice": "12.345",
                "PriceUnitQty": "1",
                "Currency": "EUR",
            }
        ],
        "A_ProductStorageLocation": [
            placed,
            {**placed, "Product": "000000000000004711"},
            {**placed, "StorageLocation": "101B"},
        ],
    }


def _stock() -> list[dict[str, Any]]:
    own = {
        "Material": "SEAL-0042",
        "Plant": "1010",
        "StorageLocation": "101A",
        "InventoryStockType": "01",
        "MatlWrhsStkQtyInMatlBaseUnit": "37.50000000000000",
        "MaterialBaseUnit": "PC",
    }
    return [own, {**own, "InventoryStockType": "02", "MatlWrhsStkQtyInMatlBaseUnit": "2.000"}]


def _documents() -> dict[str, list[dict[str, Any]]]:
    head = {
        "MaterialDocumentYear": "2026",
        "MaterialDocument": "5000000001",
        "InventoryTransactionType": "WE",
        "DocumentDate": "2026-01-20",
        "PostingDate": "2026-01-21",
        "CreationDate": "2026-01-21",
        "CreationTime": "PT11H50M49S",
        "CreatedByUser": "CB9980000011",
        "MaterialDocumentHeaderText": "Seals",
        "ReferenceDocument": "LS-99",
    }
    line = {
        "MaterialDocumentYear": "2026",
        "MaterialDocument": "5000000001",
        "MaterialDocumentItem": "1",
        "Material": "SEAL-0042",
        "Plant": "1010",
        "StorageLocation": "101A",
        "GoodsMovementType": "101",
        "QuantityInBaseUnit": "10.000",
        "MaterialBaseUnit": "PC",
        "PurchaseOrder": ORDER,
        "PurchaseOrderItem": "10",
        "Supplier": "0000100042",
        "GdsMvtExtAmtInCoCodeCrcy": "123.45",
        "CompanyCodeCurrency": "EUR",
    }
    moved = {
        **line,
        "MaterialDocument": "4900000007",
        "GoodsMovementType": "311",
        "PurchaseOrder": "",
        "Supplier": "",
        "IssuingOrReceivingPlant": "1010",
        "IssuingOrReceivingStorageLoc": "101B",
    }
    return {
        "A_MaterialDocumentHeader": [
            head,
            {**head, "MaterialDocument": "4900000007", "InventoryTransactionType": "WA"},
        ],
        "A_MaterialDocumentItem": [line, moved],
    }


def _cost_centers() -> dict[str, list[dict[str, Any]]]:
    center = {
        "ControllingArea": "A000",
        "CostCenter": "0010101101",
        "ValidityEndDate": FOREVER,
        "ValidityStartDate": "2020-01-01",
        "CompanyCode": "1000",
        "CostCenterCreationDate": "2019-12-01",
    }
    earlier = {**center, "ValidityEndDate": "2019-12-31"}
    return {
        "A_CostCenter": [earlier, center],
        "A_CostCenterText": [
            {**center, "Language": "EN", "CostCenterName": "Maint", "CostCenterDescription": "Maintenance"}
        ],
    }
