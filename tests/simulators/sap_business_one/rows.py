"""A few rows of each set."""

from typing import Any


def day(date: str) -> str:
    return f"{date}T00:00:00Z"


_LINE = {
    "LineNum": 0, "ItemCode": "P/50", "ItemDescription": "Seal 50", "Quantity": 12.5, "RemainingOpenQuantity": 2.5,
    "UoMEntry": 1, "Price": 0.1, "DiscountPercent": 5.0, "LineTotal": 1.25, "RowTotalFC": 0.0, "Currency": "EUR",
    "WarehouseCode": "01", "ShipDate": day("2026-02-01"), "LineStatus": "bost_Open", "CostingCode": "MAINT",
    "ProjectCode": "PRJ", "BaseType": -1, "SupplierCatNum": "S50", "FreeText": "Urgent",
}  # fmt: skip
_DOCUMENT = {
    "DocEntry": 1, "DocNum": 1001, "Series": 5, "DocType": "dDocument_Items", "DocDate": day("2026-01-05"),
    "DocDueDate": day("2026-02-01"), "TaxDate": day("2026-01-04"), "CardCode": "V1", "CardName": "Pumps Ltd",
    "NumAtCard": "REF-1", "DocCurrency": "EUR", "DocRate": 1.0, "DocTotal": 1.49, "DocTotalFc": 0.0, "VatSum": 0.24,
    "VatSumFc": 0.0, "Comments": "For the pump", "DocumentStatus": "bost_Open", "Cancelled": "tNO",
    "CancelStatus": "csNo", "AuthorizationStatus": "dasWithout", "Project": "PRJ", "BPL_IDAssignedToInvoice": 1,
    "UserSign": 7, "CreationDate": day("2026-01-05"), "UpdateDate": day("2026-01-06"), "UpdateTime": "08:30:00",
    "ClosingDate": None, "DocumentLines": [_LINE],
}  # fmt: skip
_FOREIGN = {
    **_DOCUMENT, "DocEntry": 2, "DocNum": 1002, "DocCurrency": "USD", "DocRate": 0.9, "DocTotalFc": 110.5,
    "VatSumFc": 10.5, "UpdateDate": None, "DocumentLines": [{**_LINE, "Currency": "USD", "RowTotalFC": 100.0}],
}  # fmt: skip
_CANCELLATION = {**_DOCUMENT, "DocEntry": 3, "DocNum": 1003, "CancelStatus": "csCancellation"}
_BASED = {**_DOCUMENT, "DocumentLines": [{**_LINE, "BaseType": 22, "BaseEntry": 1, "BaseLine": 0}]}

ROWS: dict[str, list[dict[str, Any]]] = {
    "BusinessPlaces": [
        {"BPLID": 1, "BPLName": "Ulm", "Street": "Werkstr. 1", "ZipCode": "89073", "City": "Ulm", "Country": "DE"}
        | {"Disabled": "tNO"}
    ],
    "WarehouseLocations": [
        {"Code": 3, "Name": "North", "Street": "Hafen 2", "ZipCode": "20457", "City": "Hamburg", "Country": "DE"}
    ],
    "Warehouses": [
        {"WarehouseCode": "01", "WarehouseName": "Spare parts", "Street": "Hafen 2", "City": "Hamburg", "Country": "DE"}
        | {"Location": 3, "BusinessPlaceID": 1, "EnableBinLocations": "tYES", "DropShip": "tNO", "Inactive": "tNO"}
    ],
    "BinLocations": [
        {"AbsEntry": 9, "BinCode": "01-A1", "Warehouse": "01", "Description": "Shelf A1", "Inactive": "tNO"}
    ],
    "ProfitCenters": [
        {"CenterCode": "MAINT", "CenterName": "Maintenance", "InWhichDimension": 1, "EffectiveFrom": day("2020-01-01")}
        | {"EffectiveTo": None, "Active": "tYES"}
    ],
    "Currencies": [
        {"Code": "EUR", "Name": "Euro", "DocumentsCode": "EUR"},
        {"Code": "USD", "Name": "US Dollar", "DocumentsCode": "USD"},
    ],
    "UnitOfMeasurements": [
        {"AbsEntry": -1, "Code": "Manual", "Name": "Manual", "InternationalSymbol": None},
        {"AbsEntry": 1, "Code": "PC", "Name": "Piece", "InternationalSymbol": "PCE"},
    ],
    "ItemGroups": [{"Number": 100, "GroupName": "Seals"}],
    "BusinessPartners": [
        {"CardCode": "C1", "CardName": "Waterworks", "CardType": "cCustomer", "GroupCode": 100, "FederalTaxID": "DE2"}
        | {"Currency": "##", "Phone1": "0731 1", "EmailAddress": "a@waterworks.example", "ContactPerson": "A. Smith"}
        | {"Country": "DE", "City": "Ulm", "Address": "Am Kanal 1", "ZipCode": "89073", "Valid": "tYES"}
        | {"Frozen": "tNO", "CreateDate": day("2024-01-01"), "UpdateDate": None, "Password": "hidden", "U_Rating": "A"},
        {"CardCode": "L1", "CardName": "Lead", "CardType": "cLid", "CreateDate": day("2024-01-01")},
        {"CardCode": "V1", "CardName": "Pumps Ltd", "CardType": "cSupplier", "GroupCode": 101, "FederalTaxID": "DE1"}
        | {"Currency": "EUR", "Phone1": "040 1", "EmailAddress": "a@pumps.example", "ContactPerson": "B. Jones"}
        | {"Country": "DE", "City": "Hamburg", "Valid": "tYES", "Frozen": "tNO", "CreateDate": day("2024-01-01")}
        | {"UpdateDate": day("2026-01-02"), "Password": "hidden", "U_Rating": "B"},
    ],
    "Users": [
        {"InternalKey": 7, "UserCode": "smith", "UserName": "Ann Smith", "Department": 2, "Branch": 1, "Locked": "tNO"}
        | {"UserPassword": "hidden"}
    ],
    "EmployeesInfo": [
        {"EmployeeID": 4, "EmployeeCode": "E4", "FirstName": "Bob", "MiddleName": "T.", "LastName": "Jones"}
        | {"JobTitle": "Mechanic", "ApplicationUserID": 7, "Active": "tYES", "CreateDate": day("2024-01-01")}
        | {"UpdateDate": day("2026-01-03")}
    ],
    "Projects": [
        {"Code": "PRJ", "Name": "New line", "ValidFrom": day("2026-01-01"), "ValidTo": None, "Active": "tYES"}
    ],
    "Items": [
        {"ItemCode": "P/50", "ItemName": "Seal 50", "ForeignName": "Dichtung 50", "ItemsGroupCode": 100}
        | {"ItemType": "itItems", "BarCode": "4000", "InventoryItem": "tYES", "PurchaseItem": "tYES"}
        | {"SalesItem": "tYES"}
        | {"InventoryUOM": "PC", "InventoryUoMEntry": 1, "Mainsupplier": "V1", "SupplierCatalogNo": "S50", "SWW": "X50"}
        | {"QuantityOnStock": 7.25, "MinInventory": 2.0, "MaxInventory": 20.0, "DefaultWarehouse": "01"}
        | {"MovingAveragePrice": 0.1, "AvgStdPrice": 0.123456, "LeadTime": 5, "Valid": "tYES", "Frozen": "tNO"}
        | {"CreateDate": day("2024-01-01"), "UpdateDate": day("2026-01-04"), "U_Shelf": "A1"}
        | {
            "ItemWarehouseInfoCollection": [
                {"WarehouseCode": "01", "InStock": 7.25, "Committed": 1.0, "Ordered": 3.0, "MinimalStock": 2.0}
                | {"MaximalStock": 20.0, "MinimalOrder": 5.0, "StandardAveragePrice": 0.1, "Locked": "tNO"},
                {"WarehouseCode": "02", "InStock": 0.0},
            ]
        },
        {"ItemCode": "WORK", "ItemName": "Work", "InventoryItem": "tNO", "SalesItem": "tNO", "Valid": "tNO"}
        | {"CreateDate": day("2024-01-01"), "ItemWarehouseInfoCollection": []},
    ],
    "ProductTrees": [
        {"TreeCode": "P/50", "ProductDescription": "Seal set", "TreeType": "iProductionTree", "Quantity": 1.0}
        | {"ProductTreeLines": [{"ItemCode": "WORK", "ItemName": "Work", "Quantity": 0.5, "Comment": "Fit"}]}
    ],
    "PurchaseOrders": [_DOCUMENT, _FOREIGN, _CANCELLATION],
    "PurchaseRequests": [
        {**_DOCUMENT, "RequriedDate": day("2026-02-02"), "Requester": "smith", "RequesterName": "Ann Smith"}
        | {"ReqType": 12, "DocumentLines": [{**_LINE, "LineVendor": "V1", "RequiredDate": day("2026-02-02")}]}
    ],
    "PurchaseDeliveryNotes": [_BASED],
    "PurchaseReturns": [_DOCUMENT],
    "PurchaseInvoices": [_BASED, _FOREIGN],
    "Orders": [{**_DOCUMENT, "CardCode": "C1", "CardName": "Waterworks"}],
    "StockTransfers": [
        {"DocEntry": 1, "DocNum": 501, "DocDate": day("2026-01-07"), "FromWarehouse": "01", "ToWarehouse": "01"}
        | {"DocumentStatus": "bost_Open", "Comments": "Move", "CreationDate": day("2026-01-07")}
        | {"StockTransferLines": [{"LineNum": 0, "ItemCode": "P/50", "Quantity": 1.5, "WarehouseCode": "01"}]}
    ],
    "ProductionOrders": [
        {"AbsoluteEntry": 1, "DocumentNumber": 701, "ItemNo": "P/50", "ProductionOrderStatus": "boposReleased"}
        | {"PlannedQuantity": 10.0, "PostingDate": day("2026-01-08"), "DueDate": day("2026-01-20"), "Warehouse": "01"}
        | {"UoMEntry": 1, "Remarks": "Rush", "CreationDate": day("2026-01-08")}
        | {
            "ProductionOrderLines": [
                {"LineNumber": 0, "ItemNo": "WORK", "ItemName": "Work", "PlannedQuantity": 5.0, "IssuedQuantity": 2.5}
                | {"Warehouse": "01", "UoMEntry": 1}
            ]
        }
    ],
    "CustomerEquipmentCards": [
        {"EquipmentCardNum": 6, "CustomerCode": "C1", "ItemCode": "P/50", "ItemDescription": "Pump set"}
        | {"InternalSerialNum": "I1", "ManufacturerSerialNum": "M1", "StatusOfSerialNumber": "sns_Active"}
        | {"InstallLocation": "Hall 2", "DeliveryDate": day("2025-01-01")}
    ],
    "ServiceCalls": [
        {"ServiceCallID": 2, "DocNum": 2, "Subject": "Pump leaks", "Description": "Since Monday", "Status": -3}
        | {"Priority": "scp_High", "CustomerCode": "C1", "ItemCode": "P/50", "InternalSerialNum": "I1"}
        | {"AssigneeCode": 7, "TechnicianCode": 4, "StartDate": day("2026-01-09"), "EndDueDate": day("2026-01-12")}
        | {"Resolution": "Seal"}
        | {"CreationDate": day("2026-01-09"), "UpdateDate": day("2026-01-10"), "UpdatedTime": "09:00:00"}
    ],
}  # fmt: skip
