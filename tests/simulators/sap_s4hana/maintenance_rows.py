"""Maintenance orders, notifications, equipment, functional locations, measuring points and readings."""

from typing import Any

FOREVER = "9999-12-31"


def maintenance_order(number: int, **differs: Any) -> dict[str, Any]:
    return {
        "MaintenanceOrder": str(number),
        "MaintenanceOrderType": "YA01",
        "MaintenanceOrderDesc": "Change the seal",
        "MaintPriority": "2",
        "MaintOrdBasicStartDateTime": "2026-01-15T06:00:00Z",
        "MaintOrdBasicEndDateTime": "2026-01-16T14:00:00Z",
        "LatestAcceptableCompletionDate": "2026-01-20",
        "MaintenanceNotification": "000010000555",
        "Equipment": "210100094",
        "FunctionalLocation": "?0100000000000012345",
        "MainWorkCenter": "MECH",
        "MaintenancePlant": "1010",
        "MaintenancePlanningPlant": "1010",
        "CostCenter": "0010101101",
        "ResponsibleCostCenter": "0010101101",
        "CompanyCode": "1000",
        "SystemStatusText": "REL  PRC",
        "UserStatusText": "INIT",
        "CreatedByUser": "CB9980000012",
        "MaintOrderCreationDateTime": "2026-01-14T10:00:00Z",
        "LastChangeDateTime": None,
        **differs,
    }


def maintenance_orders() -> list[dict[str, Any]]:
    return [maintenance_order(4000001, MaintOrdProcessPhaseCode="07", MaintOrdProcessSubPhaseCode="0070")]


def operations() -> list[dict[str, Any]]:
    operation = {
        "MaintenanceOrder": "4000001",
        "MaintenanceOrderOperation": "0010",
        "OperationDescription": "Drain",
        "OperationControlKey": "PM01",
        "WorkCenter": "MECH",
    }
    return [
        operation,
        {**operation, "MaintenanceOrderSubOperation": "0020", "OperationDescription": "Flush"},
    ]


def notification() -> dict[str, Any]:
    return {
        "MaintenanceNotification": "000010000555",
        "NotificationType": "M1",
        "NotificationText": "Pump leaks",
        "MaintPriority": "1",
        "MaintPriorityDesc": "Very high",
        "NotifProcessingPhase": "3",
        "TechnicalObject": "000000000210100094",
        "TechObjIsEquipOrFuncnlLoc": "EAMS_EQUI",
        "FunctionalLocation": "?0100000000000012345",
        "MaintenanceOrder": "4000001",
        "ReportedByUser": "CB9980000012",
        "CreationDate": "2026-01-13",
        "LastChangeDateTime": "2026-01-14T10:00:00.500Z",
        "RequiredEndDate": "2026-01-18",
        "MaintNotificationLongText": "Drips at the flange",
        "MainWorkCenter": "MECH",
        "MaintenancePlant": "1010",
    }


def equipment() -> list[dict[str, Any]]:
    pump = {
        "Equipment": "210100094",
        "ValidityEndDate": FOREVER,
        "ValidityStartDate": "2021-03-01",
        "EquipmentName": "Feed pump 1",
        "EquipmentCategory": "M",
        "TechnicalObjectType": "PUMP",
        "FunctionalLocation": "?0100000000000012345",
        "SuperordinateEquipment": "210100001",
        "ManufacturerSerialNumber": "SN-778",
        "SerialNumber": "778",
        "AssetManufacturerName": "Pumpwerk",
        "ManufacturerPartTypeName": "P-200",
        "OperationStartDate": "2021-03-15",
        "AcquisitionValue": "15200.00",
        "Currency": "EUR",
        "TechnicalObjectSortCode": "P-101A",
        "MaintenancePlant": "1010",
        "ABCIndicator": "A",
        "CostCenter": "0010101101",
        "CreationDate": "2021-02-20",
        "LastChangeDateTime": "2025-12-01T12:00:00Z",
    }
    return [
        {**pump, "ValidityEndDate": "2021-02-28", "EquipmentName": "Feed pump, old place"},
        pump,
        {**pump, "Equipment": "210100001", "SuperordinateEquipment": "", "EquipmentIsInactive": True},
    ]


def locations() -> list[dict[str, Any]]:
    hall = {
        "FunctionalLocation": "?0100000000000012345",
        "FunctionalLocationLabelName": "1010-HALL-2",
        "FunctionalLocationName": "Pump hall 2",
        "FunctionalLocationCategory": "M",
        "SuperiorFunctionalLocation": "1010",
        "MaintenancePlant": "1010",
        "CompanyCode": "1000",
        "FunctionalLocationIsActive": True,
        "CreationDate": "2020-01-07",
        "LastChangeDateTime": None,
    }
    top = {**hall, "FunctionalLocation": "1010", "SuperiorFunctionalLocation": "", "FuncnlLocIsDeleted": True}
    return [hall, top]


def point() -> dict[str, Any]:
    return {
        "MeasuringPoint": "000000000123",
        "MeasuringPointDescription": "Running hours",
        "Equipment": "210100094",
        "MeasurementRangeUnit": "H",
        "MeasuringPointIsCounter": True,
    }


def reading() -> dict[str, Any]:
    return {
        "MeasurementDocument": "00000000000000009001",
        "MeasuringPoint": "000000000123",
        "MsmtRdngDate": "2026-01-15",
        "MsmtRdngTime": "08:30:00",
        "MeasurementReadingInEntryUoM": "600.25",
        "MeasurementReadingEntryUoM": "H",
        "MeasurementReading": "2160900",
        "MeasurementDocumentText": "Round",
    }
