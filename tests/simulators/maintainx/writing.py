"""Bodies that MaintainX takes, after the vendor's description, and what it makes of them."""

from typing import Any

from tests.simulators.given import fault, read_body
from tests.simulators.strict_rest import Answer, Asked, Refused

NOW = "2026-01-05T08:00:00.000Z"
_PRIORITY = ("NONE", "LOW", "MEDIUM", "HIGH")
_ADDRESS = {"city*": "text", "country*": "text", "postalCode*": "text", "state*": "text", "street*": "text",
            "label": "text"}  # fmt: skip
_WORK = {
    "title": "text", "description": "text?", "priority": _PRIORITY, "type": ("OTHER", "REACTIVE", "PREVENTIVE"),
    "assetId": "integer?", "locationId": "integer?", "dueDate": "time?", "startDate": "time?",
    "estimatedTime": "integer?", "assignees": [{"type*": ("USER", "TEAM"), "id*": "integer"}],
    "requesterId": "integer?", "categories": ["text"], "externalData": "any", "extraFields": "any",
    "vendorIds": ["number"],
    "partsUsed": [{"partId*": "integer", "quantityUsed*": "integer", "locationId": "integer?"}],
}  # fmt: skip
_ASSET = {
    "name": "text", "description": "text?", "barcode": "text?", "criticalityId": "integer?", "parentId": "integer?",
    "locationId": "integer?", "teamIds": ["integer"], "assetTypes": ["text"], "extraFields": "any",
    "vendorIds": ["number"], "serialNumber": "text?", "manufacturer": {"id": "integer", "name": "text"},
    "model": {"id": "integer", "name": "text"}, "depreciation": {"purchasePrice": "number", "purchaseDate": "time"},
}  # fmt: skip
_PLACE = {"locationId*": "integer", "availableQuantity": "integer", "minimumQuantity": "integer?",
          "maximumQuantity": "integer?", "area": "text?"}  # fmt: skip
_PART = {
    "name": "text", "description": "text?", "unitCost": "integer?", "minimumQuantity": "integer?", "barcode": "text?",
    "partTypes": ["text"], "assetIds": ["integer"], "extraFields": "any",
    "vendors": [{"vendorId": "integer", "partNumber": "text"}],
}  # fmt: skip
_ORDER = {
    "note": "text?", "title": "text?", "dueDate": "time?", "vendorId": "number", "overrideNumber": "text?",
    "shippingAddress": _ADDRESS, "billingAddress": _ADDRESS, "extraFields": "any",
}  # fmt: skip
_ITEM = {"partId": "number?", "name": "text?", "partNumber": "text?", "price": "number?", "quantityOrdered*": "number",
         "unitCost": "number?", "lineExtraFields": "any"}  # fmt: skip


def _with(described: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """A description in which some members are required."""
    whole = {**described, **more}
    return {f"{name}*" if name in required else name: inner for name, inner in whole.items()}


CREATE: dict[str, tuple[int, dict[str, Any]]] = {
    "/workorders": (200, _with(_WORK, "title", workRequestId="integer")),
    "/workrequests": (
        200,
        {"title*": "text", "description": "text?", "priority": _PRIORITY, "assetId": "integer?",
         "locationId": "integer?", "extraFields": "any"},
    ),
    "/assets": (201, _with(_ASSET, "name")),
    "/parts": (201, _with(_PART, "name", locations=[_PLACE])),
    "/purchaseorders": (201, _with(_ORDER, "vendorId", "items", items=[_ITEM])),
}  # fmt: skip
UPDATE: dict[str, dict[str, Any]] = {
    "/workorders": _WORK,
    "/assets": _ASSET,
    "/parts": {**_PART, "locations": {"addedUpdated": [_PLACE], "removedLocationIds": ["integer"]}},
    "/purchaseorders": _ORDER,
}
STATUS: dict[str, dict[str, Any]] = {
    "/workorders": {"status*": ("OPEN", "IN_PROGRESS", "ON_HOLD", "DONE", "CANCELED")},
    "/purchaseorders": {
        "status*": ("APPROVED", "CANCELED", "COMPLETED", "DECLINED", "PARTIALLY_FULFILLED", "PENDING"),
        "reviewNote": "text",
    },
}
SINGLE = {
    "/workorders": "workOrder",
    "/workrequests": "workRequest",
    "/assets": "asset",
    "/parts": "part",
    "/purchaseorders": "purchaseOrder",
}


# Members of a single work order that come only when asked for, by the word that asks.
_EXPANDED = {"assignees": "assignees", "asset": "asset", "estimated_time": "estimatedTime", "parts": "parts",
             "time_items": "timeItems", "extra_fields": "extraFields", "times": "times", "location": "location",
             "expenditures": "expenditures"}  # fmt: skip


def hidden(expanded: list[str]) -> set[str]:
    unknown = set(expanded) - set(_EXPANDED)
    if unknown:
        raise Refused(
            400, {"errors": [{"error": f"expand {min(unknown)} is not valid", "fieldPath": "expand"}]}
        )
    return {member for word, member in _EXPANDED.items() if word not in expanded}


def create(path: str, asked: Asked, rows: dict[str, list[dict[str, Any]]]) -> Answer:
    status, described = CREATE[path]
    body = _body(asked, described)
    number = max([row["id"] for row in rows[path]], default=0) + 1
    row: dict[str, Any] = {"id": number, "createdAt": NOW, "updatedAt": NOW}
    match path:
        case "/workorders":
            row |= {"sequentialId": number - 90, "status": "OPEN", "priority": "NONE", "type": "OTHER"}
        case "/workrequests":
            row |= {"requestStatus": "PENDING", "priority": "NONE"}
        case "/purchaseorders":
            row |= {"status": "PENDING", "autoGeneratedNumber": number}
    _put(path, row, body, rows)
    rows[path].append(row)
    return Answer({"id": number}, status)


def change(path: str, row: dict[str, Any], asked: Asked, rows: dict[str, list[dict[str, Any]]]) -> Answer:
    _put(path, row, _body(asked, UPDATE[path]), rows)
    return Answer({SINGLE[path]: row})


def change_status(path: str, row: dict[str, Any], asked: Asked) -> Answer:
    row |= {**_body(asked, STATUS[path]), "updatedAt": NOW}
    return Answer({SINGLE[path]: row})


def _body(asked: Asked, described: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = read_body(asked.body)
    wrong = fault(body, described)
    if wrong:
        where, _, said = wrong.partition(" ")
        raise Refused(400, {"errors": [{"error": f"{where} {said}", "fieldPath": where}]})
    return body


def _put(path: str, row: dict[str, Any], body: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> None:
    """Members as they are read: what is sent by number is shown whole."""
    for name, target in (("vendorId", "/vendors"), ("assetId", "/assets"), ("locationId", "/locations")):
        wanted = body.get(name)
        if wanted is not None and wanted not in [one["id"] for one in rows[target]]:
            raise Refused(400, {"errors": [{"error": f"{name} {wanted} does not exist", "fieldPath": name}]})
    given = {name: value for name, value in body.items() if name != "externalData"}
    if path == "/workorders" and "assetId" in given:
        number = given.pop("assetId")
        row["asset"] = None if number is None else {"id": number}
    parts = given.pop("partsUsed", None)
    if parts is not None:
        row["parts"] = [
            {"id": one["partId"], "quantityUsed": one["quantityUsed"], "locationId": one.get("locationId")}
            for one in parts
        ]
    for name in ("manufacturer", "model"):
        if name in given:
            given[name] = given[name]["name"]
    if path == "/purchaseorders" and "items" in given:
        given["items"] = [_item(number, one) for number, one in enumerate(given["items"], 1)]
    if path == "/parts" and isinstance(given.get("locations"), dict):
        places = {one["locationId"]: one for one in row.get("locations") or []}
        for one in given["locations"].get("addedUpdated", []):
            places[one["locationId"]] = {**places.get(one["locationId"], {}), **one}
        given["locations"] = list(places.values())
    row |= {**given, "updatedAt": NOW}


def _item(number: int, given: dict[str, Any]) -> dict[str, Any]:
    cents = given.get("unitCost")
    exact = None if cents is None else f"{cents / 100:.2f}"
    return {"quantityReceived": 0, **given, "id": number, "unitCostDecimal": exact}
