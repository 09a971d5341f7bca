"""What Atlas CMMS takes, after the facts of its open source.

A PATCH replaces all members that can be changed: one that is not sent is null, false or 0 afterwards.
"""

from typing import Any

from tests.simulators.given import fault

REFERENCE = {"id*": "integer", "...": True}
STATUSES = ("OPEN", "IN_PROGRESS", "ON_HOLD", "COMPLETE")
_PRIORITIES = ("NONE", "LOW", "MEDIUM", "HIGH")
_REF = {"id*": "integer"}
Rows = dict[str, list[dict[str, Any]]]


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


_WORK = {
    "title": "text", "description": "text?", "priority": _PRIORITIES, "dueDate": "time?", "image": _REF,
    "estimatedStartDate": "time?", "estimatedDuration": "number", "requiredSignature": "flag", "category": _REF,
    "location": _REF, "team": _REF, "primaryUser": _REF, "assignedTo": [_REF], "customers": [_REF], "files": [_REF],
    "asset": _REF, "completedBy": _REF, "completedOn": "time?", "archived": "flag",
}  # fmt: skip
_ASSET = {
    "name": "text", "description": "text?", "additionalInfos": "text?", "parentAsset": _REF, "location": _REF,
    "vendors": [_REF], "teams": [_REF], "manufacturer": "text?", "model": "text?", "serialNumber": "text?",
    "archived": "flag", "inServiceDate": "time?", "category": _REF, "barCode": "text?", "area": "text?",
    "power": "text?", "acquisitionCost": "number", "nfcId": "text?", "warrantyExpirationDate": "time?", "image": _REF,
    "primaryUser": _REF, "assignedTo": [_REF], "customers": [_REF], "files": [_REF], "parts": [_REF],
    "deprecation": _REF,
    "status": ("OPERATIONAL", "DOWN", "MODERNIZATION", "STANDBY", "INSPECTION_SCHEDULED", "COMMISSIONING",
               "EMERGENCY_SHUTDOWN"),
}  # fmt: skip
_PART = {
    "name": "text", "description": "text?", "additionalInfos": "text?", "barcode": "text?", "cost": "number",
    "quantity": "number", "minQuantity": "number", "vendors": [_REF], "teams": [_REF], "assignedTo": [_REF],
    "customers": [_REF], "files": [_REF], "image": _REF, "category": _REF, "location": _REF, "unit": "text?",
    "area": "text?", "nonStock": "flag",
}  # fmt: skip
_ORDER = {
    "name": "text", "vendor": _REF, "category": _REF, "workOrder": _REF, "shippingDueDate": "time?",
    "additionalInfoDate": "time?",
    **{f"shipping{name}": "text?" for name in ("AdditionalDetail", "ShipToName", "CompanyName", "Address", "City",
                                               "State", "ZipCode", "Phone", "Fax")},
    **{f"additionalInfo{name}": "text?" for name in ("RequisitionedName", "ShippingOrderCategory", "Term", "Notes")},
}  # fmt: skip
_REQUEST = {"title": "text", "description": "text?", "asset": _REF, "location": _REF, "priority": _PRIORITIES,
            "contact": "text?"}  # fmt: skip
TAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "work-orders": ("title", _WORK),
    "assets": ("name", _ASSET),
    "parts": ("name", _PART),
    "purchase-orders": ("name", _ORDER),
    "requests": ("title", _REQUEST),
}
# Where references lead; categories, files and the like are not kept here.
_LISTS = {
    "asset": "assets", "parentAsset": "assets", "location": "locations", "team": "teams", "primaryUser": "users",
    "vendor": "vendors", "vendors": "vendors", "teams": "teams",
}  # fmt: skip
_EMPTY = {"number": 0.0, "flag": False}


def checked(body: Any, described: dict[str, Any]) -> None:
    wrong = fault(body, described)
    if wrong:
        raise Refused(400, wrong)


def create(name: str, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    required, described = TAKES[name]
    more = {"work-orders": {"status": STATUSES}}.get(name, {})
    _check(body, {f"{n}*" if n == required else n: kind for n, kind in {**described, **more}.items()}, rows)
    number = max([row["id"] for row in rows[name]], default=0) + 1
    barcode = body.get("barcode")
    if name == "parts" and barcode is not None and barcode in [one.get("barcode") for one in rows["parts"]]:
        raise Refused(406, "Part with same barcode exists")
    made = {"work-orders": {"status": "OPEN", "customId": f"WO{number:06}", "archived": False},
            "purchase-orders": {"status": "PENDING", "partQuantities": []}, "parts": {"quantity": 0.0},
            "requests": {"cancelled": False}, "assets": {"archived": False, "status": "OPERATIONAL"}}  # fmt: skip
    return {"id": number, **made[name], **{n: value for n, value in body.items() if n != "customFields"}}


def replace(name: str, row: dict[str, Any], body: dict[str, Any], rows: Rows) -> None:
    _, described = TAKES[name]
    _check(body, described, rows)
    for member, kind in described.items():
        empty: Any = [] if isinstance(kind, list) else _EMPTY.get(kind) if isinstance(kind, str) else None
        given = body.get(member, "NONE" if member == "priority" else empty)
        # A reference is shown with its name.
        same = kind == _REF and given and (row.get(member) or {}).get("id") == given["id"]
        row[member] = row[member] if same else given


def _check(body: dict[str, Any], described: dict[str, Any], rows: Rows) -> None:
    given = {name: value for name, value in body.items() if value is not None}
    if given.get("customFields") == []:
        del given["customFields"]
    elif "additionalInfoTerm" not in described:
        # A list that is not there is an error of the server.
        raise Refused(500, "customFields is null")
    checked(given, described)
    for member, listed in _LISTS.items():
        value = given.get(member)
        for one in value if isinstance(value, list) else [value] if value else []:
            if one["id"] not in [row["id"] for row in rows[listed]]:
                raise Refused(404, f"{member} not found")


def part(body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    found = next((one for one in rows["parts"] if one["id"] == body["part"]["id"]), None)
    if found is None:
        raise Refused(404, "Part not found")
    return {name: found[name] for name in ("id", "name", "barcode", "cost") if name in found}


def set_lines(order: dict[str, Any], body: Any, rows: Rows) -> Any:
    """One after the other: those before one that is refused stay."""
    checked(body, [{"part*": REFERENCE, "quantity*": "number"}])
    before = {line["part"]["id"]: line["id"] for line in order["partQuantities"]}
    order["partQuantities"] = []
    for place, one in enumerate(body):
        number = before.get(one["part"]["id"], order["id"] * 100 + place)
        order["partQuantities"].append({"id": number, "part": part(one, rows), "quantity": one["quantity"]})
    return order["partQuantities"]


def respond(order: dict[str, Any], query: str, rows: Rows) -> None:
    if order["status"] == "APPROVED":
        raise Refused(406, "The purchase order has already been approved")
    if query not in ("approved=true", "approved=false"):
        raise Refused(400, "approved is required")
    approved = query == "approved=true"
    for line in order["partQuantities"] if approved else []:
        next(one for one in rows["parts"] if one["id"] == line["part"]["id"])["quantity"] += line["quantity"]
    order["status"] = "APPROVED" if approved else "REJECTED"
