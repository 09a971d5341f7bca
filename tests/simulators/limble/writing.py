"""Bodies that Limble takes, after the tables of the vendor's description, and what it makes of them."""

from typing import Any

from tests.simulators.given import fault, read_body
from tests.simulators.strict_rest import Answer, Asked, Refused

NOW = 1767600000  # 2026-01-05T08:00:00Z
_ASSIGNED = {"assignment": "integer", "assignmentType": ("user", "team", "multi")}
_TASK = {
    "name": "text", "locationID": "integer", "due": "integer", "type": (1, 2, 4, 6), "description": "text",
    "priority": "integer", "estimatedTime": "integer", "scheduledStart": "integer", "scheduledEnd": "integer",
    "requestName": "text", "requestEmail": "text", "requestPhone": "text", "requestDescription": "text",
    "meta1": "text", "meta2": "text", "meta3": "text", **_ASSIGNED,
}  # fmt: skip
_ORDER = {
    "vendorID": "integer", "userID": "integer", "taskID": "integer", "budgetID": "integer", "date": "integer",
    "expectedDate": "integer", "requestDescription": "text", **{f"customField{n}": "text" for n in range(1, 7)},
}  # fmt: skip
_PART = {
    "name": "text", "number": "text", "generalStock": "number", "generalPrice": "number", "unitCode": "text",
    "location": "text", "categoryID": "integer", "minQtyThreshold": "integer", "maxQtyThreshold": "integer",
    **_ASSIGNED,
}  # fmt: skip
_ASSET = {"name": "text", "hoursPerWeek": "integer", "parentAssetID": "integer"}
_ITEM = {
    "itemType*": (1, 2, 4), "name": "text", "description": "text", "glID": "integer", "taskID": "integer",
    "assetID": "integer", "partID": "integer", "quantity": "integer", "rate": "number", "tax": "number",
    "discount": "number", "shipping": "number",
}  # fmt: skip


def _with(described: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    return {f"{n}*" if n in required else n: inner for n, inner in {**described, **more}.items()}


CREATE: dict[str, dict[str, Any]] = {
    "tasks": _with(_TASK, "name", "locationID", "due", "type", assetID="integer", templateID="integer"),
    "po": _with(_ORDER, "locationID", "vendorID", "userID", locationID="integer"),
    "assets": _with(_ASSET, "name", "locationID", locationID="integer"),
    "parts": _with(_PART, "locationID", "name", locationID="integer"),
    "work-requests/work-request-submissions": {
        "locationID*": "integer", "dueDateUnit*": ("days", "hours"), "assetID": "integer?", "priorityID": "integer?",
        "requestTitle": "text", "requestDescription": "text", "requesterName": "text", "timeUnix": "integer",
    },
}  # fmt: skip
UPDATE: dict[str, dict[str, Any]] = {
    "tasks": {**_TASK, "asset": "integer", "status": (0, 1), "statusID": "integer"},
    "po": _ORDER,
    "assets": {**_ASSET, "startedOn": "integer"},
    "parts": _with(_PART, "locationID", locationID="integer"),
}
Rows = dict[str, list[dict[str, Any]]]


def refused(status: int, message: str) -> Refused:
    return Refused(status, {"success": False, "message": message, "raw": None})


def create(path: str, number: str, asked: Asked, rows: Rows) -> Answer:
    body = _body(asked, CREATE[path])
    # Some numbers in between belong to rows the account does not show.
    made = max([row[number] for row in rows[path]], default=0) + 100
    if path == "work-requests/work-request-submissions":
        given = {name[:-2] + "Id" if name.endswith("ID") else name: value for name, value in body.items()}
        times = {"createdAt": "2026-01-05 08:00:00", "updatedAt": "2026-01-05 08:00:00"}
        row = {**given, **times, "status": "Pending", number: made}
        rows[path].append(row)
        return Answer(row)
    row = {number: made, "lastEdited": NOW}
    match path:
        case "tasks":
            row |= {
                "userID": 0,
                "teamID": 0,
                "template": False,
                "createdDate": NOW,
                "dateCompleted": 0,
                "assetID": 0,
            }
            row |= {"priorityID": 0, "statusID": 1, "status": 0}
        case "po":
            row |= {
                "poNumber": made,
                "poPrefix": "PO-",
                "status": 0,
                "userIDStarted": 1,
                "requestedByUserID": 0,
            }
            if body["vendorID"] not in [one["vendorID"] for one in rows["vendors"]]:
                raise refused(404, "Vendor not found")
        case "assets":
            row |= {"parentAssetID": 0, "startedOn": NOW}
        case "parts":
            row |= {"stockOnHand": 0, "generalStock": 0, "minQtyThreshold": -1, "maxQtyThreshold": -1}
    rows[path].append(row)
    _put(row, body)
    # Of assets alone the number comes as text.
    return Answer({number: str(made) if path == "assets" else made}, 201)


def change(path: str, row: dict[str, Any], asked: Asked) -> Answer:
    body = _body(asked, UPDATE[path])
    if path == "tasks":
        if body.get("statusID") in (1, 2):
            raise refused(400, "Cannot update custom status to Open or Complete")
        if body.get("status") == 1 and not {"assignment", "assignmentType"} <= set(body):
            raise refused(400, "assignment is required to complete a task")
        state = body.pop("status", None)
        if state is not None:
            row |= {"status": state, "statusID": 2 if state else 1, "dateCompleted": NOW if state else 0}
        if "asset" in body:
            body["assetID"] = body.pop("asset")
    _put(row, body)
    return Answer(None)


def move(row: dict[str, Any], asked: Asked) -> Answer:
    """An order to its next state: setup, ready to receive, closed when all is there; there is no budget step."""
    wanted = _body(asked, {"newState*": "integer", "reason": "text"})["newState"]
    if wanted not in {0: (97, 101), 97: (98, 99), 98: (99,), 99: (100,)}.get(row["status"], ()):
        raise refused(400, "Transition not allowed from current state")
    row["status"] = wanted
    return Answer({"success": True, "message": "State changed"})


def add_item(order: dict[str, Any], asked: Asked, rows: Rows) -> Answer:
    body = _body(asked, _ITEM)
    if body["itemType"] == 1 and ("name" in body or "partID" not in body):
        raise refused(400, "An item of type 1 has a partID and no name")
    if body["itemType"] != 1 and ("partID" in body or "name" not in body):
        raise refused(400, f"An item of type {body['itemType']} has a name and no partID")
    part = next((one for one in rows["parts"] if one["partID"] == body.get("partID")), None)
    if body["itemType"] == 1 and part is None:
        raise refused(404, "Part not found")
    number = max([one["poItemID"] for one in rows["po/items"]], default=0) + 1
    row = {
        "poItemID": number,
        "poID": order["poID"],
        "poNumber": order["poNumber"],
        "qtyReceived": 0,
        "glID": 0,
    }
    row |= {"partID": 0, "name": part["name"] if part else None, "lastEdited": NOW}
    given = {name: value for name, value in body.items() if name not in ("quantity", "rate", "assetID")}
    row |= {**given, "qty": body.get("quantity", 1), "rate": round(body.get("rate", 0) * 10000)}
    rows["po/items"].append(row)
    return Answer({"itemID": number}, 201)


def delete_order(order: dict[str, Any], rows: Rows) -> Answer:
    rows["po"].remove(order)
    rows["po/items"][:] = [one for one in rows["po/items"] if one["poID"] != order["poID"]]
    return Answer(None)


def _put(row: dict[str, Any], body: dict[str, Any]) -> None:
    given = dict(body)
    kind, whom = given.pop("assignmentType", None), given.pop("assignment", None)
    if (kind is None) != (whom is None):
        raise refused(400, "assignment and assignmentType go together")
    if kind is not None:
        row |= {"userID": whom if kind == "user" else 0, "teamID": whom if kind == "team" else 0}
    if "expectedDate" in given:
        given["expectedDate"] = str(given["expectedDate"])
    if "generalStock" in given:
        row["stockOnHand"] = given["generalStock"]
    names = {
        "requestName": "requestorName",
        "requestEmail": "requestorEmail",
        "requestDescription": "requestorDescription",
    }
    row |= {names.get(name, name): value for name, value in given.items()}
    row["lastEdited"] = NOW


def _body(asked: Asked, described: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = read_body(asked.body)
    wrong = fault(body, described)
    if wrong:
        raise refused(400, wrong)
    return body
