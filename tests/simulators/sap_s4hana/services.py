"""The services: sets with their properties, and the $metadata written from them.

A property is written `Name:type`, a key `Name*`, `Name!` what only the system sets and `Name+` what is written at
creation only; types: d business date, t timestamp, n decimal, f double, b boolean, h time of day, none for text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

V2, V4 = "/sap/opu/odata/sap/", "/sap/opu/odata4/sap/"
PURCHASING4 = f"{V4}api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/"
REQUISITIONS4 = f"{V4}api_purchaserequisition_2/srvd_a2x/sap/purchaserequisition/0001/"
PLANTS4 = f"{V4}api_plant_2/srvd_a2x/sap/plant/0001/"
POINTS4 = f"{V4}api_measuringpoint/srvd_a2x/sap/measuringpoint/0001/"
READINGS4 = f"{V4}api_measurementdocument/srvd_a2x/sap/measurementdocument/0001/"
ORDERS2 = f"{V2}API_MAINTENANCEORDER;v=0002/"

_MARKS = str.maketrans("", "", "*!+")
EDM = {
    2: {"d": "DateTime", "t": "DateTimeOffset", "n": "Decimal", "f": "Double", "b": "Boolean", "h": "Time"},
    4: {"d": "Date", "t": "DateTimeOffset", "n": "Decimal", "f": "Double", "b": "Boolean", "h": "TimeOfDay"},
}


@dataclass(frozen=True)
class Set:
    """`properties` as written above; `children`: navigation to the set it leads to, joined by shared keys.

    `writable`: what the set itself takes; what comes below another is made with it or by its navigation. `required`
    at creation. `etags`: changes carry If-Match.
    """

    properties: str
    children: Mapping[str, str] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    etags: bool = False

    @property
    def types(self) -> dict[str, str]:
        parts = [word.translate(_MARKS).partition(":") for word in self.properties.split()]
        return {name: kind for name, _, kind in parts}

    @property
    def keys(self) -> list[str]:
        return self.marked("*")

    def marked(self, mark: str) -> list[str]:
        words = [word for word in self.properties.split() if mark in word]
        return [word.translate(_MARKS).partition(":")[0] for word in words]


@dataclass(frozen=True)
class Service:
    version: int
    sets: Mapping[str, Set]

    def edmx(self) -> bytes:
        """The metadata document."""
        kinds, associations = [], []
        for name, one in self.sets.items():
            keys = "".join(f'<PropertyRef Name="{key}"/>' for key in one.keys)
            body = f"<Key>{keys}</Key>" + "".join(
                f'<Property Name="{prop}" Type="Edm.{EDM[self.version].get(kind, "String")}"/>'
                for prop, kind in one.types.items()
            )
            for way, child in one.children.items():
                if self.version == 4:
                    body += f'<NavigationProperty Name="{way}" Type="Collection(SAP.{child}_Type)"/>'
                    continue
                body += f'<NavigationProperty Name="{way}" Relationship="SAP.{name}_{way}" FromRole="A" ToRole="B"/>'
                associations.append(
                    f'<Association Name="{name}_{way}"><End Type="SAP.{name}_Type" Multiplicity="1" Role="A"/>'
                    f'<End Type="SAP.{child}_Type" Multiplicity="*" Role="B"/></Association>'
                )
            kinds.append(f'<EntityType Name="{name}_Type">{body}</EntityType>')
        listed = "".join(f'<EntitySet Name="{name}" EntityType="SAP.{name}_Type"/>' for name in self.sets)
        content = "".join([*kinds, *associations, f'<EntityContainer Name="C">{listed}</EntityContainer>'])
        space = "http://docs.oasis-open.org/odata/ns/edm"
        outer = "http://docs.oasis-open.org/odata/ns/edmx"
        if self.version == 2:
            space = "http://schemas.microsoft.com/ado/2008/09/edm"
            outer = "http://schemas.microsoft.com/ado/2007/06/edmx"
        return (
            f'<edmx:Edmx Version="1.0" xmlns:edmx="{outer}"><edmx:DataServices>'
            f'<Schema Namespace="SAP" xmlns="{space}">{content}</Schema></edmx:DataServices></edmx:Edmx>'
        ).encode()


_ORDER = (
    "PurchaseOrder* PurchaseOrderType PurchaseOrderDate:d CreationDate!:d LastChangeDateTime!:t CreatedByUser!"
    " CompanyCode PurchasingOrganization PurchasingGroup Supplier DocumentCurrency PaymentTerms"
    " PurchasingProcessingStatus! ReleaseIsNotCompleted!:b PurchasingCompletenessStatus:b CorrespncExternalReference"
    " CorrespncInternalReference IncotermsClassification YY1_Budget_PDH"
)
_ORDER_ITEM = (
    "PurchaseOrder* PurchaseOrderItem* PurchaseOrderItemText Material MaterialGroup"
    " Plant StorageLocation OrderQuantity:n PurchaseOrderQuantityUnit NetPriceAmount:n NetPriceQuantity:n"
    " OrderPriceUnit TaxCode AccountAssignmentCategory DocumentCurrency! PurchaseOrderItemCategory"
    " IsCompletelyDelivered:b IsFinallyInvoiced:b PurchaseRequisition"
)
_SCHEDULE = "ScheduleLine* ScheduleLineDeliveryDate:d ScheduleLineOrderQuantity:n"
_ACCOUNT = "AccountAssignmentNumber* CostCenter GLAccount Quantity:n"
_ORDERED: dict[str, Any] = {
    "writable": ("POST", "PATCH"),
    "required": ("PurchaseOrderType", "CompanyCode", "PurchasingOrganization", "PurchasingGroup", "Supplier"),
}
_REQUISITION = "PurchaseRequisition* PurchaseRequisitionType PurReqnDescription"
_REQUISITION_ITEM = (
    "PurchaseRequisition* PurchaseRequisitionItem* PurchaseRequisitionItemText Material RequestedQuantity:n BaseUnit"
    " PurchaseRequisitionPrice:n PurReqnPriceQuantity:n PurReqnItemCurrency ItemNetAmount:n Plant StorageLocation"
    " DeliveryDate:d PurReqCreationDate:d LastChangeDateTime:t CreatedByUser Supplier FixedSupplier ProcessingStatus"
    " PurReqnReleaseStatus ReleaseIsNotCompleted:b PurchasingDocument IsClosed:b"
)
_MAINTENANCE_ORDER = (
    "MaintenanceOrder*+ MaintenanceOrderType+ MaintenanceOrderDesc MaintPriority MaintOrdBasicStartDateTime:t"
    " MaintOrdBasicEndDateTime:t LatestAcceptableCompletionDate:d MaintenanceNotification Equipment"
    " FunctionalLocation MainWorkCenter MainWorkCenterPlant MaintenancePlanningPlant+ MaintenancePlant"
    " ResponsibleCostCenter MaintenanceActivityType"
    " MaintOrdProcessPhaseCode! MaintOrdProcessSubPhaseCode! CreatedByUser! LastChangeDateTime!:t"
)
_OPERATION = (
    "MaintenanceOrder* MaintenanceOrderOperation* MaintenanceOrderSubOperation* OperationDescription"
    " OperationControlKey WorkCenter Plant"
)
_COMPONENT = (
    "MaintenanceOrder* MaintenanceOrderOperation* MaintOrderComponentInternalID*! Product QuantityInUnitOfEntry:n"
    " UnitOfEntry Plant StorageLocation MaintComponentItemCategory"
)

SERVICES: dict[str, Service] = {
    PURCHASING4: Service(
        4,
        {
            "PurchaseOrder": Set(
                f"{_ORDER} PurchaseOrderDeletionCode",
                {"_PurchaseOrderItem": "PurchaseOrderItem"},
                etags=True,
                **_ORDERED,
            ),
            "PurchaseOrderItem": Set(
                f"{_ORDER_ITEM} PurchasingDocumentDeletionCode NetAmount!:n",
                {
                    "_PurchaseOrderScheduleLineTP": "PurchaseOrderScheduleLine",
                    "_PurOrdAccountAssignment": "PurchaseOrderAccountAssignment",
                },
                writable=("PATCH",),
                required=("Plant",),
                etags=True,
            ),
            "PurchaseOrderScheduleLine": Set(
                f"PurchaseOrder* PurchaseOrderItem* {_SCHEDULE}", writable=("PATCH",), etags=True
            ),
            "PurchaseOrderAccountAssignment": Set(
                f"PurchaseOrder* PurchaseOrderItem* {_ACCOUNT}", writable=("PATCH",)
            ),
        },
    ),
    f"{V2}API_PURCHASEORDER_PROCESS_SRV/": Service(
        2,
        {
            "A_PurchaseOrder": Set(
                f"{_ORDER} PurchasingDocumentDeletionCode!",
                {"to_PurchaseOrderItem": "A_PurchaseOrderItem"},
                **_ORDERED,
            ),
            "A_PurchaseOrderItem": Set(
                f"{_ORDER_ITEM} PurchasingDocumentDeletionCode!",
                {
                    "to_ScheduleLine": "A_PurchaseOrderScheduleLine",
                    "to_AccountAssignment": "A_PurOrdAccountAssignment",
                },
                writable=("PATCH",),
                required=("Plant",),
            ),
            "A_PurchaseOrderScheduleLine": Set(
                f"PurchasingDocument* PurchasingDocumentItem* {_SCHEDULE}", writable=("PATCH",)
            ),
            "A_PurOrdAccountAssignment": Set(
                f"PurchaseOrder* PurchaseOrderItem* {_ACCOUNT}", writable=("PATCH",)
            ),
        },
    ),
    REQUISITIONS4: Service(
        4,
        {
            "PurchaseReqn": Set(_REQUISITION, {"_PurchaseRequisitionItem": "PurchaseReqnItem"}),
            "PurchaseReqnItem": Set(f"{_REQUISITION_ITEM} IsDeleted:b"),
        },
    ),
    f"{V2}API_PURCHASEREQ_PROCESS_SRV/": Service(
        2,
        {
            "A_PurchaseRequisitionHeader": Set(
                _REQUISITION, {"to_PurchaseReqnItem": "A_PurchaseRequisitionItem"}
            ),
            "A_PurchaseRequisitionItem": Set(f"{_REQUISITION_ITEM} IsDeleted"),
        },
    ),
    f"{V2}API_BUSINESS_PARTNER/": Service(
        2,
        {
            "A_BusinessPartner": Set(
                "BusinessPartner* Supplier BusinessPartnerFullName OrganizationBPName1 SearchTerm1 CreationDate:d"
                " LastChangeDate:d BusinessPartnerIsBlocked:b IsMarkedForArchiving:b"
            ),
            "A_SupplierPurchasingOrg": Set("Supplier* PurchasingOrganization* PurchaseOrderCurrency"),
        },
    ),
    f"{V2}API_SUPPLIERINVOICE_PROCESS_SRV/": Service(
        2,
        {
            "A_SupplierInvoice": Set(
                "SupplierInvoice* FiscalYear* CompanyCode InvoicingParty SupplierInvoiceIDByInvcgParty DocumentDate:d"
                " PostingDate:d InvoiceReceiptDate:d CreationDate:d DocumentCurrency InvoiceGrossAmount:n"
                " PaymentBlockingReason SupplierInvoiceStatus SupplierInvoiceIsCreditMemo DocumentHeaderText"
                " PaymentReference IsReversed:b",
                {"to_SuplrInvcItemPurOrdRef": "A_SuplrInvcItemPurOrdRef"},
            ),
            "A_SuplrInvcItemPurOrdRef": Set(
                "SupplierInvoice* FiscalYear* SupplierInvoiceItem* PurchaseOrder PurchaseOrderItem"
                " SupplierInvoiceItemAmount:n DocumentCurrency QuantityInPurchaseOrderUnit:n"
                " PurchaseOrderQuantityUnit SupplierInvoiceItemText"
            ),
        },
    ),
    f"{V2}API_PRODUCT_SRV/": Service(
        2,
        {
            "A_Product": Set(
                "Product* ProductType ProductGroup BaseUnit ProductOldID ProductStandardID ProductManufacturerNumber"
                " ManufacturerNumber SizeOrDimensionText GrossWeight:n NetWeight:n WeightUnit IsMarkedForDeletion:b"
                " CrossPlantStatus CreationDate!:d LastChangeDate!:d LastChangeDateTime!:t",
                {
                    "to_Description": "A_ProductDescription",
                    "to_Plant": "A_ProductPlant",
                    "to_Valuation": "A_ProductValuation",
                },
                writable=("POST", "PATCH"),
                required=("Product", "ProductType", "BaseUnit"),
            ),
            "A_ProductDescription": Set("Product* Language* ProductDescription", writable=("POST", "PATCH")),
            "A_ProductPlant": Set("Product* Plant*"),
            "A_ProductValuation": Set(
                "Product* ValuationArea* ValuationType* InventoryValuationProcedure StandardPrice:n"
                " MovingAveragePrice:n PriceUnitQty:n Currency"
            ),
            "A_ProductStorageLocation": Set("Product* Plant* StorageLocation* WarehouseStorageBin"),
        },
    ),
    PLANTS4: Service(4, {"Plant": Set("Plant* PlantName CompanyCode")}),
    f"{V2}API_PLANT_SRV/": Service(2, {"A_Plant": Set("Plant* PlantName CompanyCode CompanyCodeName")}),
    f"{V2}API_MATERIAL_STOCK_SRV/": Service(
        2,
        {
            "A_MatlStkInAcctMod": Set(
                "Material* Plant* StorageLocation* Batch* Supplier* Customer* WBSElementInternalID* SDDocument*"
                " SDDocumentItem* InventorySpecialStockType* InventoryStockType* MatlWrhsStkQtyInMatlBaseUnit:n"
                " MaterialBaseUnit"
            )
        },
    ),
    f"{V2}API_MATERIAL_DOCUMENT_SRV/": Service(
        2,
        {
            "A_MaterialDocumentHeader": Set(
                "MaterialDocumentYear* MaterialDocument* GoodsMovementCode InventoryTransactionType! DocumentDate:d"
                " PostingDate:d CreationDate!:d CreationTime!:h CreatedByUser! MaterialDocumentHeaderText"
                " ReferenceDocument",
                {"to_MaterialDocumentItem": "A_MaterialDocumentItem"},
                writable=("POST",),
                required=("GoodsMovementCode", "PostingDate", "DocumentDate"),
            ),
            "A_MaterialDocumentItem": Set(
                "MaterialDocumentYear* MaterialDocument* MaterialDocumentItem* Material Plant StorageLocation"
                " GoodsMovementType GoodsMovementRefDocType QuantityInEntryUnit:n EntryUnit QuantityInBaseUnit:n"
                " MaterialBaseUnit PurchaseOrder PurchaseOrderItem"
                " ManufacturingOrder Supplier CostCenter IssuingOrReceivingPlant IssuingOrReceivingStorageLoc"
                " GdsMvtExtAmtInCoCodeCrcy:n CompanyCodeCurrency GoodsMovementIsCancelled:b MaterialDocumentItemText"
            ),
        },
    ),
    f"{V2}API_COSTCENTER_SRV/": Service(
        2,
        {
            "A_CostCenter": Set(
                "ControllingArea* CostCenter* ValidityEndDate:d* ValidityStartDate:d CompanyCode CostCenterCategory"
                " ProfitCenter CostCtrResponsiblePersonName CostCenterCreationDate:d",
                {"to_Text": "A_CostCenterText"},
            ),
            "A_CostCenterText": Set(
                "ControllingArea* CostCenter* Language* ValidityEndDate:d* CostCenterName CostCenterDescription"
            ),
        },
    ),
    ORDERS2: Service(
        2,
        {
            "MaintenanceOrder": Set(
                f"{_MAINTENANCE_ORDER} CostCenter CompanyCode! MainWorkCompletedDateTime!:t SystemStatusText!"
                " UserStatusText! MaintenancePlan! LeadingOrder! MaintOrderCreationDateTime!:t",
                {"to_MaintenanceOrderOperation": "MaintenanceOrderOperation"},
                writable=("POST", "PATCH"),
                required=("MaintenanceOrderType",),
                etags=True,
            ),
            "MaintenanceOrderOperation": Set(
                _OPERATION, {"to_MaintOrderOpComponent_2": "MaintOrderOpComponent"}, writable=("PATCH",)
            ),
            "MaintOrderOpComponent": Set(_COMPONENT, writable=("PATCH",)),
        },
    ),
    f"{V2}API_MAINTENANCEORDER/": Service(
        2,
        {
            "MaintenanceOrder": Set(
                _MAINTENANCE_ORDER, {"to_MaintenanceOrderOperation": "MaintenanceOrderOperation"}
            ),
            "MaintenanceOrderOperation": Set(_OPERATION),
        },
    ),
    f"{V2}API_MAINTNOTIFICATION/": Service(
        2,
        {
            "MaintenanceNotification": Set(
                "MaintenanceNotification*! NotificationType+ NotificationText MaintPriority MaintPriorityDesc!"
                " NotifProcessingPhase! TechnicalObject TechObjIsEquipOrFuncnlLoc TechnicalObjectLabel!"
                " FunctionalLocation! MaintenanceOrder ReportedByUser ReporterFullName! CreationDate!:d"
                " LastChangeDate!:d LastChangeDateTime!:t RequiredEndDate:d LatestAcceptableCompletionDate:d"
                " MaintenanceObjectIsDown:b MaintNotificationLongText! MaintNotifLongTextForEdit"
                " MaintNotifExtReferenceNumber MaintenancePlanningPlant MainWorkCenter MaintenancePlant"
                " NotificationCompletionDate!:d",
                writable=("POST", "PATCH"),
                required=("NotificationText",),
                etags=True,
            )
        },
    ),
    f"{V2}API_EQUIPMENT/": Service(
        2,
        {
            "Equipment": Set(
                "Equipment*+ ValidityEndDate!:d* ValidityStartDate:d EquipmentName EquipmentCategory"
                " TechnicalObjectType EquipmentIsMarkedForDeletion!:b EquipmentIsInactive!:b FunctionalLocation!"
                " SuperordinateEquipment"
                " Material SerialNumber AssetManufacturerName ManufacturerPartTypeName ManufacturerSerialNumber"
                " OperationStartDate:d AcquisitionDate:d AcquisitionValue:n Currency InventoryNumber"
                " TechnicalObjectSortCode"
                " MaintenancePlant MaintenancePlanningPlant MainWorkCenter ABCIndicator CostCenter CompanyCode"
                " MasterFixedAsset CreationDate!:d LastChangeDateTime!:t",
                writable=("POST", "PATCH"),
                etags=True,
            )
        },
    ),
    f"{V2}API_FUNCTIONALLOCATION/": Service(
        2,
        {
            "FunctionalLocation": Set(
                "FunctionalLocation* FunctionalLocationLabelName FunctionalLocationName FunctionalLocationCategory"
                " SuperiorFunctionalLocation TechnicalObjectType MaintenancePlant MaintenancePlanningPlant"
                " ABCIndicator CostCenter CompanyCode FunctionalLocationIsActive:b FuncnlLocIsMarkedForDeletion:b"
                " FuncnlLocIsDeleted:b FuncnlLocIsDeactivated:b CreationDate:d LastChangeDateTime:t"
            )
        },
    ),
    POINTS4: Service(
        4,
        {
            "MeasuringPoint": Set(
                "MeasuringPoint* MeasuringPointDescription Equipment FunctionalLocation MeasuringPointPositionNumber"
                " MeasuringPointIsCounter:b CharcValueUnit MeasurementRangeUnit MeasuringPointIsInactive:b"
            )
        },
    ),
    READINGS4: Service(
        4,
        {
            "MeasurementDocument": Set(
                "MeasurementDocument* MeasuringPoint MsmtRdngDate:d MsmtRdngTime:h MeasurementReadingInEntryUoM:f"
                " MeasurementReadingEntryUoM MeasurementReading:f MsmtCounterReadingDifference:f"
                " MsmtCounterReadingIsReplaced:b MeasurementDocumentText MsmtRdngByUser MsmtRdngIsReversed:b"
            )
        },
    ),
}
