"""The records of a small plant as UpKeep lists them: references as ids and as records."""

from typing import Any

MADE, CHANGED = "2026-01-02T08:00:00.000Z", "2026-01-03T09:30:00.000Z"
TIMES = {"createdAt": MADE, "updatedAt": CHANGED}
DUE_MS = 1767432600000  # CHANGED


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "users": [
            {
                "id": "user000001",
                "accountType": "ADMIN",
                "email": "ada@plant.example",
                "firstName": "Ada",
                "lastName": "Berg",
                "phoneNumber": "+49 1",
                **TIMES,
            }
        ],
        "teams": [{"id": "team000001", "name": "Mechanics", "description": "Day shift", **TIMES}],
        "vendors": [{"id": "vendor0001", "businessName": "Pumps Ltd", **TIMES}],
        "customers": [{"id": "customer01", "businessName": "Harbor", **TIMES}],
        "locations": [
            {"id": "location01", "name": "Hall 1", **TIMES},
            {"id": "location02", "name": "Bay 2", "address": "Dock Road 2", "parent": "location01", **TIMES},
        ],
        "assets": [
            {"id": "asset00001", "name": "Line", "location": {"id": "location01", "name": "Hall 1"}, **TIMES},
            {
                "id": "asset00002",
                "name": "Pump",
                "description": "Feed pump",
                "category": "Rotating",
                "make": "Acme",
                "model": "P100",
                "serialNumber": "S-9",
                "barcode": "A2",
                "location": "location02",
                "parentAssetId": "asset00001",
                **TIMES,
            },
        ],
        "meters": [
            {
                "id": "meter00001",
                "name": "Hours",
                "units": "h",
                "frequency": 7,
                "asset": "asset00002",
                **TIMES,
            }
        ],
        "readings of meter00001": [{"id": "reading001", "value": "1234.50", **TIMES}],
        "parts": [
            {
                "id": "part000001",
                "name": "Seal",
                "description": "Ring",
                "partNumber": "PX-1",
                "barcode": "B1",
                "quantity": 12.5,
                "cost": "19.99",
                "area": "R1",
                "location": "location02",
                **TIMES,
            }
        ],
        "work-orders": [
            work_order(
                1,
                status="in progress",
                workOrderNo="000012",
                description="Replace the seal",
                priority=3,
                category="Damage",
                dueDate=DUE_MS,
                dateCompleted=CHANGED,
                asset={"id": "asset00002", "name": "Pump"},
                location="location02",
                assignedToUser={"id": "user000001"},
                team="team000001",
                time=90,
                cost="12.5",
                parts=["part000001"],
                respectivePartQuantityUsed=[2],
                additionalUsers=["user000001"],
            ),
            work_order(2),
        ],
        "requests": [
            {
                "id": "request001",
                "title": "It leaks",
                "description": "At the flange",
                "priority": 1,
                "asset": "asset00002",
                "location": "location02",
                **TIMES,
            }
        ],
        "preventative-maintenance": [
            {
                "id": "plan000001",
                "title": "Lubricate",
                "description": "Weekly",
                "priority": 0,
                "category": "Care",
                "asset": "asset00002",
                "dueDate": CHANGED,
                "team": "team000001",
                "assignedToUser": "user000001",
                "recurringSchedule": {"weekly": 2},
                **TIMES,
            }
        ],
        "purchase-orders": [
            {
                "id": "order00001",
                "title": "Seals",
                "description": "Urgent",
                "purchaseOrderNumber": 12,
                "vendor": {"id": "vendor0001"},
                "poDate": "2026-01-02",
                "dueDate": "2026-01-09",
                "category": "cat0000001",
                "status": "APPROVED",
                "parts": [{"id": "part000001", "name": "Seal", "quantity": "2.50"}],
                "customFieldsPO": [{"name": "Cost center", "value": "C1", "unit": ""}],
                **TIMES,
            }
        ],
    }


def work_order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"order{number:05}",
        "title": f"Work {number}",
        "status": "open",
        "priority": 0,
        **TIMES,
        **more,
    }
