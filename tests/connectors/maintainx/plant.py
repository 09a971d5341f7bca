"""The records of a small plant as MaintainX lists them: two of everything that can differ."""

from typing import Any

MADE, CHANGED = "2026-01-02T08:00:00.000Z", "2026-01-03T09:30:00.000Z"
TIMES = {"createdAt": MADE, "updatedAt": CHANGED}


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "/organizations": [{"id": 7, "name": "Plant", "currency": "EUR", "timeZone": "Europe/Berlin"}],
        "/users": [
            {
                "id": 1,
                "firstName": "Ada",
                "lastName": "Berg",
                "email": "ada@plant.example",
                "role": "ADMIN",
                "hourlyRate": 4550,
                "phoneNumber": "+49 1",
            },
            {"id": 2, "firstName": "Ole", "role": "MEMBER"},
        ],
        "/teams": [{"id": 5, "name": "Mechanics"}],
        "/vendors": [{"id": 30, "name": "Pumps Ltd", "extraFields": {"Rating": "A"}}],
        "/locations": [
            {"id": 10, "name": "Hall 1", **TIMES},
            {
                "id": 11,
                "name": "Bay 2",
                "parentId": 10,
                "description": "South",
                "address": "Dock Road 2",
                "organizationId": 7,
                "barcode": "L11",
                "extraFields": {"Floor": 1},
                **TIMES,
            },
        ],
        "/assets": [
            {"id": 20, "name": "Line", "locationId": 10, **TIMES},
            {
                "id": 21,
                "name": "Pump",
                "parentId": 20,
                "locationId": 11,
                "criticalityId": 3,
                "serialNumber": "S-9",
                "description": "Feed pump",
                "manufacturer": "Acme",
                "model": "P100",
                "vendorIds": [30],
                "teamIds": [5],
                "assetTypes": ["Pump", "Rotating"],
                "barcode": "A21",
                "status": {"status": "ONLINE"},
                "depreciation": {"purchasePrice": 1200.5, "purchaseDate": MADE},
                "extraFields": {"kW": 4},
                **TIMES,
            },
        ],
        "/assetstatuses": [
            {
                "id": 80,
                "assetId": 21,
                "status": "OFFLINE",
                "downtimeType": "UNPLANNED",
                "description": "Leak",
                "startedAt": MADE,
                "endedAt": CHANGED,
                **TIMES,
            },
            {"id": 81, "assetId": 21, "status": "ONLINE", "startedAt": CHANGED, **TIMES},
        ],
        "/meters": [
            {
                "id": 60,
                "name": "Hours",
                "unit": "h",
                "measurementType": "MANUAL",
                "asset": {"id": 21},
                "location": {"id": 11},
                "lastReading": {"id": "r-1", "meterId": 60, "value": 1234.5, "readingDate": MADE},
            },
            {"id": 61, "name": "Unread", "unit": "bar", "measurementType": "MANUAL"},
        ],
        "/parts": [
            {
                "id": 40,
                "name": "Seal",
                "description": "Ring",
                "barcode": "B40",
                "unitCost": 1999,
                "minimumQuantity": 3,
                "inStockQuantity": 12,
                "availableQuantity": 11,
                "partTypes": ["Seals"],
                "organizationId": 7,
                "orderedQuantity": 2,
                "reservedQuantity": 1,
                "vendors": [{"vendorId": 30, "partNumber": "PX-1"}],
                "locations": [
                    {
                        "locationId": 10,
                        "availableQuantity": 5,
                        "minimumQuantity": 1,
                        "maximumQuantity": 9,
                        "area": "R1",
                        "reservedQuantity": 1,
                    },
                    {"locationId": 11, "availableQuantity": 7},
                ],
                **TIMES,
            },
            {"id": 41, "name": "Oil", **TIMES},
        ],
        "/workorders": [
            work_order(
                100,
                status="IN_PROGRESS",
                description="Replace the seal",
                priority="HIGH",
                type="REACTIVE",
                locationId=11,
                asset={"id": 21, "name": "Pump"},
                organizationId=7,
                startDate=MADE,
                dueDate=CHANGED,
                completedAt=CHANGED,
                completerId=1,
                creatorId=2,
                partStatus="ISSUED",
                assignees=[{"type": "USER", "id": 1}, {"type": "TEAM", "id": 5}],
                categories=["Mechanical"],
                vendorIds=[30],
                extraFields={"Permit": "P1"},
                parts=[{"id": 40, "name": "Seal", "barcode": "B40", "quantityUsed": 2, "locationId": 10}],
                procedure={
                    "id": 9,
                    "fields": [
                        {
                            "id": 900,
                            "label": "Lock out",
                            "type": "CHECKBOX",
                            "description": "Main switch",
                        },
                        {"id": 901, "parentId": 900, "label": "Reading", "type": "NUMBER"},
                    ],
                },
                timeItems=[
                    {
                        "type": "TIME",
                        "userId": 1,
                        "durationTotal": 5400,
                        "costPerUnit": 4550,
                        "rowTotal": 6825,
                        "description": "Repair",
                    }
                ],
            ),
            work_order(101, status="OPEN"),
        ],
        "/workrequests": [
            {
                "id": 50,
                "title": "It leaks",
                "description": "At the flange",
                "priority": "MEDIUM",
                "requestStatus": "APPROVED",
                "assetId": 21,
                "locationId": 11,
                "workOrderId": 100,
                "approverTeamId": 5,
                "creatorContactInfo": {"type": "EMAIL", "value": "ole@plant.example"},
                "extraFields": {"Shift": 2},
                **TIMES,
            },
        ],
        "/maintenanceplans": [
            {
                "id": 70,
                "name": "Lubricate",
                "triggerType": "CALENDAR",
                "intervalStrategy": "FIXED",
                "recurrence": {"type": "WEEKLY", "interval": 2},
                "assets": [{"id": 1, "assetId": 21}],
                "blueprintEstimatedTime": 1800,
                "nextScheduledWorkOrderDueDate": CHANGED,
                **TIMES,
            },
        ],
        "/purchaseorders": [
            {
                "id": 90,
                "autoGeneratedNumber": 12,
                "overrideNumber": "PO-2026-1",
                "title": "Seals",
                "note": "Urgent",
                "status": "PARTIALLY_FULFILLED",
                "dueDate": CHANGED,
                "creatorId": 2,
                "approverId": 1,
                "approvalDate": MADE,
                "vendorId": 30,
                "reviewNote": "ok",
                "extraFields": {"Cost center": "C1"},
                "shippingAddress": {
                    "street": "Dock Road 2",
                    "city": "Kiel",
                    "postalCode": "24103",
                    "country": "DE",
                    "state": "SH",
                    "label": "Gate",
                },
                "billingAddress": {"city": "Kiel"},
                "items": [
                    {
                        "id": 1,
                        "partId": 40,
                        "name": "Seal",
                        "partNumber": "PX-1",
                        "quantityOrdered": 2.5,
                        "quantityReceived": 1,
                        "unitCost": 2000,
                        "unitCostDecimal": "19.9950",
                        "price": 4999,
                        "priceDecimal": "49.9875",
                        "fulfillments": [
                            {"id": 3, "locationId": 10, "quantityReceived": "1.0", "isLegacy": False}
                        ],
                    },
                    {
                        "id": 2,
                        "name": "Freight",
                        "quantityOrdered": 1,
                        "quantityReceived": 0,
                        "unitCostDecimal": "5",
                    },
                ],
                **TIMES,
            },
        ],
    }


def work_order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "sequentialId": number - 90,
        "title": f"Work {number}",
        "status": "OPEN",
        **TIMES,
        **more,
    }
