"""Types of the service: the properties that are read here, and some that never may be."""

_SHORT = {
    "i": "Edm.Int32",
    "d": "Edm.DateTimeOffset",
    "n": "Edm.Double",
    "t": "Edm.TimeOfDay",
    "": "Edm.String",
}

# Type, its key, and properties as NAME:TYPE; String where none is written, another name is an enumeration or a type.
_TYPES = {
    "BusinessPlace": "BPLID:i BPLName Street ZipCode City Country Disabled:BoYesNoEnum",
    "WarehouseLocation": "Code:i Name Street ZipCode City Country",
    "Warehouse": "WarehouseCode WarehouseName Street City Country Location:i BusinessPlaceID:i"
    " EnableBinLocations:BoYesNoEnum DropShip:BoYesNoEnum Inactive:BoYesNoEnum",
    "BinLocation": "AbsEntry:i BinCode Warehouse Description Inactive:BoYesNoEnum",
    "ProfitCenter": "CenterCode CenterName InWhichDimension:i EffectiveFrom:d EffectiveTo:d Active:BoYesNoEnum",
    "Currency": "Code Name DocumentsCode",
    "UnitOfMeasurement": "AbsEntry:i Code Name InternationalSymbol",
    "ItemGroups": "Number:i GroupName",
    "BusinessPartner": "CardCode CardName CardType:BoCardTypes GroupCode:i FederalTaxID Currency Phone1 EmailAddress"
    " ContactPerson Country City Address ZipCode Valid:BoYesNoEnum Frozen:BoYesNoEnum CreateDate:d UpdateDate:d"
    " UpdateTime:t Password U_Rating",
    "User": "InternalKey:i UserCode UserName Department:i Branch:i Locked:BoYesNoEnum UserPassword",
    "EmployeeInfo": "EmployeeID:i EmployeeCode FirstName MiddleName LastName JobTitle ApplicationUserID:i"
    " Active:BoYesNoEnum CreateDate:d UpdateDate:d",
    "Project": "Code Name ValidFrom:d ValidTo:d Active:BoYesNoEnum",
    "Item": "ItemCode ItemName ForeignName ItemsGroupCode:i ItemType:ItemTypeEnum BarCode InventoryItem:BoYesNoEnum"
    " PurchaseItem:BoYesNoEnum SalesItem:BoYesNoEnum InventoryUOM InventoryUoMEntry:i Mainsupplier SupplierCatalogNo"
    " Manufacturer:i SWW QuantityOnStock:n MinInventory:n MaxInventory:n DefaultWarehouse MovingAveragePrice:n"
    " AvgStdPrice:n LeadTime:i Valid:BoYesNoEnum Frozen:BoYesNoEnum CreateDate:d UpdateDate:d UpdateTime:t"
    " ItemWarehouseInfoCollection:*ItemWarehouseInfo U_Shelf",
    "ItemWarehouseInfo": "WarehouseCode InStock:n Committed:n Ordered:n MinimalStock:n MaximalStock:n MinimalOrder:n"
    " StandardAveragePrice:n Locked:BoYesNoEnum",
    "ProductTree": "TreeCode ProductDescription TreeType:BoItemTreeTypes Quantity:n ProductTreeLines:*ProductTreeLine",
    "ProductTreeLine": "ItemCode ItemName Quantity:n Warehouse Comment",
    "Document": "DocEntry:i DocNum:i Series:i DocType:BoDocumentTypes DocDate:d DocDueDate:d TaxDate:d RequriedDate:d"
    " CardCode CardName NumAtCard DocCurrency DocRate:n DocTotal:n DocTotalFc:n VatSum:n VatSumFc:n Comments"
    " DocumentStatus:BoStatus Cancelled:BoYesNoEnum CancelStatus:CancelStatusEnum"
    " AuthorizationStatus:DocumentAuthorizationStatusEnum Requester RequesterName ReqType:i Project"
    " BPL_IDAssignedToInvoice:i UserSign:i CreationDate:d UpdateDate:d UpdateTime:t ClosingDate:d U_Reference"
    " DocumentLines:*DocumentLine",
    "DocumentLine": "LineNum:i ItemCode ItemDescription Quantity:n RemainingOpenQuantity:n UoMEntry:i Price:n"
    " UnitPrice:n VatGroup DiscountPercent:n LineTotal:n RowTotalFC:n Currency WarehouseCode ShipDate:d"
    " RequiredDate:d LineVendor"
    " LineStatus:BoStatus CostingCode ProjectCode BaseType:i BaseEntry:i BaseLine:i SupplierCatNum FreeText",
    "StockTransfer": "DocEntry:i DocNum:i DocDate:d FromWarehouse ToWarehouse DocumentStatus:BoStatus Comments"
    " CreationDate:d UpdateDate:d StockTransferLines:*StockTransferLine",
    "StockTransferLine": "LineNum:i ItemCode Quantity:n WarehouseCode FromWarehouseCode",
    "ProductionOrder": "AbsoluteEntry:i DocumentNumber:i ItemNo ProductionOrderStatus:BoProductionOrderStatusEnum"
    " PlannedQuantity:n PostingDate:d DueDate:d Warehouse UoMEntry:i Remarks CreationDate:d"
    " ProductionOrderLines:*ProductionOrderLine",
    "ProductionOrderLine": "LineNumber:i ItemNo ItemName PlannedQuantity:n IssuedQuantity:n Warehouse UoMEntry:i",
    "CustomerEquipmentCard": "EquipmentCardNum:i CustomerCode ItemCode ItemDescription InternalSerialNum"
    " ManufacturerSerialNum StatusOfSerialNumber:BoSerialNumberStatus InstallLocation DeliveryDate:d",
    "ServiceCall": "ServiceCallID:i DocNum:i Subject Description Status:i Priority:BoSvcCallPriorities CustomerCode"
    " ItemCode InternalSerialNum ManufacturerSerialNum AssigneeCode:i TechnicianCode:i StartDate:d EndDueDate:d"
    " Resolution ClosingDate:d CreationDate:d UpdateDate:d UpdatedTime:t",
}
SETS = {
    "BusinessPlaces": "BusinessPlace", "WarehouseLocations": "WarehouseLocation", "Warehouses": "Warehouse",
    "BinLocations": "BinLocation", "ProfitCenters": "ProfitCenter", "Currencies": "Currency",
    "UnitOfMeasurements": "UnitOfMeasurement", "ItemGroups": "ItemGroups", "BusinessPartners": "BusinessPartner",
    "Users": "User", "EmployeesInfo": "EmployeeInfo", "Projects": "Project", "Items": "Item",
    "ProductTrees": "ProductTree", "PurchaseOrders": "Document", "PurchaseRequests": "Document",
    "PurchaseDeliveryNotes": "Document", "PurchaseReturns": "Document", "PurchaseInvoices": "Document",
    "Orders": "Document", "StockTransfers": "StockTransfer", "ProductionOrders": "ProductionOrder",
    "CustomerEquipmentCards": "CustomerEquipmentCard", "ServiceCalls": "ServiceCall",
}  # fmt: skip
SECRET = {"Password", "UserPassword"}


def _read(name: str) -> dict[str, str]:
    found = {}
    for column in _TYPES[name].split():
        title, _, kind = column.partition(":")
        found[title] = (
            f"Collection(SAPB1.{kind[1:]})" if kind.startswith("*") else _SHORT.get(kind) or f"SAPB1.{kind}"
        )
    return found


TYPES = {name: _read(name) for name in _TYPES}
"""Type to property to Edm type."""

KEYS = {kind: next(iter(TYPES[kind])) for kind in SETS.values()}


def document() -> str:
    lines = sorted(set(TYPES) - set(SETS.values()))
    kinds = []
    for name, properties in TYPES.items():
        tag = "ComplexType" if name in lines else "EntityType"
        key = "" if name in lines else f'<Key><PropertyRef Name="{KEYS[name]}"/></Key>'
        inner = "".join(f'<Property Name="{title}" Type="{kind}"/>' for title, kind in properties.items())
        kinds.append(f'<{tag} Name="{name}">{key}{inner}</{tag}>')
    sets = "".join(f'<EntitySet Name="{name}" EntityType="SAPB1.{kind}"/>' for name, kind in SETS.items())
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0"'
        ' xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices><Schema Namespace="SAPB1"'
        f' xmlns="http://docs.oasis-open.org/odata/ns/edm">{"".join(kinds)}'
        f'<EntityContainer Name="ServiceLayer">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )
