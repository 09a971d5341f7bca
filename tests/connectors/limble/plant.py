"""The records of a small plant as Limble lists them: two of everything that can differ."""

from typing import Any

MADE, CHANGED, NEVER = 1767340800, 1767432600, 0  # 2026-01-02T08:00:00Z, 2026-01-03T09:30:00Z


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "locations": [
            {
                "locationID": 10,
                "name": "Kiel",
                "regionID": 3,
                "timezone": "Europe/Berlin",
                "address": "Dock Road 2",
                "address2": "Gate 4",
                "phone": "+49 1",
                "currencyCode": "EUR",
            },
        ],
        "users": [
            {
                "userID": 1,
                "username": "ada",
                "email": "ada@plant.example",
                "firstName": "Ada",
                "lastName": "Berg",
                "wage": 45,
                "active": "true",
                "dateAdded": MADE,
                "teams": [{"teamID": 5, "locationID": 10, "name": "Mechanics"}],
                "roles": [{"roleID": 9, "locationID": 10, "name": "Manager"}],
            },
            {"userID": 2, "username": "ole", "active": "false", "dateAdded": NEVER, "teams": [], "roles": []},
        ],
        "teams": [{"teamID": 5, "name": "Mechanics", "locationID": 10, "automaticallyCreated": 0}],
        "gl": [
            {"glID": 4, "abbr": "4711", "name": "Repairs", "description": "Spare parts", "locationID": 10}
        ],
        "uom": [
            {
                "unitCode": "each",
                "defaultAbbreviation": "ea",
                "abbreviation": "pc",
                "name": "Each",
                "isCustom": False,
            }
        ],
        "statuses": [
            {"statusID": number, "name": name}
            for number, name in enumerate(["Open", "In Progress", "Complete", "Waiting for parts"])
        ],
        "vendors": [
            {
                "vendorID": 30,
                "name": "Pumps Ltd",
                "email": "sales@pumps.example",
                "phone": "1",
                "contact": "Eve",
                "address": "Road 1",
                "locationID": 10,
                "lastEdited": CHANGED,
            }
        ],
        "assets": [
            {
                "assetID": 20,
                "name": "Line",
                "parentAssetID": 0,
                "locationID": 10,
                "startedOn": NEVER,
                "lastEdited": CHANGED,
            },
            {
                "assetID": 21,
                "name": "Pump",
                "parentAssetID": 20,
                "locationID": 10,
                "startedOn": MADE,
                "hoursPerWeek": 40,
                "lastEdited": CHANGED,
            },
        ],
        "assets/fields": [
            asset_field(1, "Make", "Acme"),
            asset_field(2, "Model", "P100"),
            asset_field(3, "Serial Number", "S-9"),
            asset_field(4, "Running hours", "1234.5", "Number"),
        ],
        "parts": [
            {
                "partID": 40,
                "number": "PX-1",
                "name": "Seal",
                "generalStock": 10,
                "stockOnHand": 12,
                "unitCode": "each",
                "generalPrice": 19.99,
                "category": "Seals",
                "locationID": 10,
                "location": "R1",
                "minQtyThreshold": 3,
                "maxQtyThreshold": -1,
                "lastEdited": CHANGED,
            },
            {"partID": 41, "name": "Oil", "locationID": 10, "minQtyThreshold": -1, "lastEdited": CHANGED},
        ],
        "tasks": [
            task(
                100,
                description="Replace the seal",
                assetID=21,
                userID=1,
                teamID=5,
                priorityID=8,
                type=2,
                statusID=1,
                due=CHANGED,
                scheduledStart=MADE,
                dateCompleted=CHANGED,
                completionNotes="Done",
                completedByUser=1,
                downtime=600,
                requestorName="Ole",
                requestorEmail="ole@plant.example",
                poIDs=[90],
                meta1="ours",
                requestorDescription="It leaks",
                status=1,
            ),
            task(101),
            task(
                110,
                template=True,
                name="Lubricate",
                assetID=21,
                type=1,
                description="Weekly",
                due=CHANGED,
                teamID=5,
            ),
        ],
        "tasks/parts": [
            {
                "relationID": 500,
                "partID": 40,
                "taskID": 100,
                "quantity": 2,
                "lastEdited": CHANGED,
                "partName": "Seal",
                "usedPrice": 20,
                "poItemID": 1,
            }
        ],
        "work-requests/work-request-submissions": [
            {
                "workRequestSubmissionId": 50,
                "status": "Approved",
                "createdByUserId": 2,
                "createdAt": "2026-01-02 08:00:00",
                "updatedAt": "2026-01-03 09:30:00",
                "deletedAt": None,
                "reviewedByUserId": 1,
                "reviewedAt": "2026-01-03 09:00:00",
                "locationId": 10,
                "assetId": 21,
                "priorityId": 8,
                "requestTitle": "It leaks",
                "requestDescription": "At the flange",
                "checklistID": 100,
                "requesterName": "Ole",
                "additionalNotes": "Soon",
                "reviewedReason": "ok",
            },
        ],
        "po": [
            {
                "poID": 90,
                "poPrefix": "PO-",
                "poNumber": 12,
                "vendorID": 30,
                "locationID": 10,
                "userIDStarted": 1,
                "requestedByUserID": 2,
                "date": MADE,
                "expectedDate": str(CHANGED),
                "notesToVendor": "Urgent",
                "billTo": "Kiel",
                "shipTo": "Gate 4",
                "status": 98,
                "customField1": "C1",
                "lastEdited": CHANGED,
                "taskID": 100,
                "budgetID": 6,
                "stateDetails": {"current": {"number": 98, "name": "Partially received"}},
            },
        ],
        "po/items": [
            {
                "poItemID": 1,
                "poID": 90,
                "poNumber": 12,
                "itemType": 1,
                "name": "Seal",
                "description": "Ring",
                "glID": 4,
                "partID": 40,
                "taskID": 100,
                "qty": 3,
                "rate": 199950,
                "tax": 190000,
                "discount": 0,
                "shipping": 15500,
                "qtyReceived": 1,
                "orderUnitAbbreviation": "pc",
                "lastEdited": CHANGED,
            },
            {
                "poItemID": 2,
                "poID": 91,
                "poNumber": 13,
                "itemType": 2,
                "name": "Visit",
                "glID": 0,
                "partID": 0,
                "qty": 1,
                "rate": 10000,
                "qtyReceived": 0,
                "lastEdited": MADE,
            },
        ],
        "bills": [
            {
                "billID": 70,
                "poID": 90,
                "status": 1,
                "billNumber": 7,
                "locationID": 10,
                "date": CHANGED,
                "userID": 1,
            }
        ],
        "bills/transactions": [
            {"transactionID": 700, "billID": 70, "poItemID": 1, "qtyReceived": 1, "dateReceived": CHANGED},
        ],
    }


def asset_field(number: int, name: str, value: str, kind: str = "Text") -> dict[str, Any]:
    return {
        "valueID": number,
        "fieldID": number,
        "assetID": 21,
        "locationID": 10,
        "field": name,
        "value": value,
        "fieldType": kind,
        "lastEdited": CHANGED,
    }


def task(number: int, **more: Any) -> dict[str, Any]:
    return {
        "taskID": number,
        "name": f"Task {number}",
        "userID": 0,
        "teamID": 0,
        "locationID": 10,
        "template": False,
        "createdDate": MADE,
        "scheduledStart": NEVER,
        "due": NEVER,
        "dateCompleted": NEVER,
        "lastEdited": CHANGED,
        "assetID": 0,
        "priorityID": 0,
        "statusID": 0,
        "type": 4,
        "status": 0,
        **more,
    }
