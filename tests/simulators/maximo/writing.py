"""What Maximo takes: attributes of the structures that are written, their keys, statuses and children.

It is stricter than Maximo in one thing: an attribute it does not know is refused instead of ignored, so that a wrong
name shows.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.simulators.maximo.query import Refused, Row

SITES = {"BEDFORD": "EAGLENA"}
TIME = "2026-01-05T09:00:00-05:00"


@dataclass(frozen=True)
class Structure:
    """`takes`: attribute to kind (text with its length, number, integer, time). `fixed`: given at creation only."""

    key: tuple[str, ...]
    takes: Mapping[str, object]
    fixed: Mapping[str, object]
    required: tuple[str, ...] = ()
    numbers: str = ""
    starts: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, tuple[str, Mapping[str, object]]] = field(default_factory=dict)
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_WORK = {
    "WAPPR": ("APPR", "WSCH", "WMATL", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"),
    "APPR": ("WAPPR", "WSCH", "WMATL", "WPCOND", "INPRG", "COMP", "CLOSE", "CAN"),
    "INPRG": ("WMATL", "WPCOND", "COMP", "CLOSE"),
    "COMP": ("CLOSE",),
}
_ORDER = {
    "WAPPR": ("APPR", "INPRG", "HOLD", "CAN"),
    "INPRG": ("WAPPR", "APPR", "CAN"),
    "APPR": ("CLOSE", "CAN"),
}
_LINE = {
    "polinenum": "integer", "linetype": 15, "itemnum": 30, "itemsetid": 8, "description": 100, "orderqty": "number",
    "orderunit": 16, "unitcost": "number", "storeloc": 12, "gldebitacct": 23, "assetnum": 25, "location": 12,
    "refwo": 10, "reqdeliverydate": "time",
}  # fmt: skip

STRUCTURES: Mapping[str, Structure] = {
    "wodetail": Structure(
        key=("siteid", "wonum"),
        fixed={"siteid": 8, "wonum": 10, "jpnum": 10},
        required=("siteid",),
        numbers="wonum",
        takes={
            "description": 100, "description_longdescription": 32000, "location": 12, "assetnum": 25,
            "glaccount": 23, "pmnum": 8, "worktype": 5, "wopriority": "integer", "targcompdate": "time",
            "schedstart": "time", "reportedby": 30, "lead": 30, "supervisor": 30, "persongroup": 8, "crewid": 10,
            "failurecode": 8, "problemcode": 8, "vendor": 12, "estdur": "number",
        },
        starts={"status": "WAPPR", "istask": False, "woclass": "WORKORDER", "reportdate": TIME},
        children={
            "woactivity": ("taskid", {"taskid": "integer", "description": 100}),
            "wpmaterial": ("wpitemid", {"itemnum": 30, "itemsetid": 8, "itemqty": "number", "location": 12}),
            "matusetrans": ("matusetransid", {"itemnum": 30, "itemsetid": 8, "quantity": "number", "storeloc": 12}),
        },
        moves=_WORK,
    ),
    "sr": Structure(
        key=("class", "ticketid"),
        fixed={},
        numbers="ticketid",
        takes={
            "description": 100, "description_longdescription": 32000, "reportedby": 82, "assetnum": 25,
            "assetsiteid": 8, "siteid": 8, "affectedperson": 82, "externalrecid": 20,
        },
        starts={"class": "SR", "status": "NEW", "reportdate": TIME},
    ),
    "asset": Structure(
        key=("siteid", "assetnum"),
        fixed={"siteid": 8, "assetnum": 25},
        required=("siteid", "assetnum"),
        takes={
            "parent": 25, "vendor": 12, "location": 12, "glaccount": 23, "description": 100,
            "description_longdescription": 32000, "assettype": 50, "priority": "integer", "manufacturer": 12,
            "serialnum": 64, "installdate": "time", "failurecode": 8, "warrantyexpdate": "time",
            "purchaseprice": "number", "replacecost": "number",
        },
        starts={"status": "NOT READY", "disabled": False},
    ),
    "po": Structure(
        key=("siteid", "ponum", "revisionnum"),
        fixed={"siteid": 8, "ponum": 8},
        required=("siteid", "vendor"),
        numbers="ponum",
        takes={
            "vendor": 12, "description": 100, "description_longdescription": 32000, "orderdate": "time",
            "vendeliverydate": "time", "currencycode": 8, "freightterms": 20, "paymentterms": 20,
            "purchaseagent": 30, "shipto": 12, "billto": 12,
        },
        starts={"status": "WAPPR", "revisionnum": 0, "receipts": "NONE"},
        children={"poline": ("polinenum", _LINE)},
        moves=_ORDER,
    ),
    "item": Structure(
        key=("itemsetid", "itemnum"),
        fixed={"itemsetid": 8, "itemnum": 30},
        required=("itemsetid", "itemnum"),
        takes={"description": 100, "description_longdescription": 32000, "issueunit": 16, "orderunit": 16},
        starts={"status": "PENDING", "statusdate": TIME, "itemtype": "ITEM"},
    ),
}  # fmt: skip

_UNIQUE = {"wodetail": "workorderid", "sr": "ticketuid", "asset": "assetuid", "po": "poid", "item": "itemid"}
_CHILD_REQUIRES = {"poline": ("linetype", "orderqty"), "wpmaterial": ("itemnum", "itemqty", "location"),
                   "matusetrans": ("itemnum", "quantity", "storeloc"), "woactivity": ()}  # fmt: skip


def rest_id(name: str, row: Row) -> str:
    """The name of a member: its key, encoded."""
    text = "/".join(str(row[part]) for part in STRUCTURES[name].key)
    return "_" + base64.b64encode(text.encode()).decode().replace("=", "-")


def create(name: str, body: Row, rows: list[Row], line: Mapping[str, Any]) -> Row:
    """A new row. `line`: other rows of the plant that lines refer to."""
    structure = STRUCTURES[name]
    unique = _UNIQUE[name]
    row: Row = {**structure.starts, unique: max([row[unique] for row in rows], default=0) + 1}
    _put(name, row, body, {**structure.fixed, **structure.takes}, merge=True, line=line)
    if structure.numbers and row.get(structure.numbers) is None:
        row[structure.numbers] = str(5000 + row[unique])
    for required in structure.required:
        if row.get(required) is None:
            raise Refused(400, "BMXAA4195E", f"A value is required for the field {required}")
    if any(all(other.get(part) == row.get(part) for part in structure.key) for other in rows):
        raise Refused(400, "BMXAA4129E", f"The record {name.upper()} already exists")
    if "siteid" in row:
        if row["siteid"] not in SITES:
            raise Refused(400, "BMXAA4191E", f"{row['siteid']} is not a valid site")
        row["orgid"] = SITES[row["siteid"]]
    row["status_maxvalue"] = row["status"]
    row["changedate"] = TIME
    return row


def change(name: str, row: Row, body: Row, *, merge: bool, line: Mapping[str, Any]) -> None:
    stamp = body.pop("_rowstamp", None)
    if stamp is not None and stamp != row.get("_rowstamp", "36654"):
        raise Refused(412, "BMXAA8229W", "The record has been updated by another user")
    _put(name, row, body, STRUCTURES[name].takes, merge=merge, line=line)
    touch(row)


def touch(row: Row) -> None:
    row["_rowstamp"] = str(int(row.get("_rowstamp", "36654")) + 1)
    row["changedate"] = TIME


def change_status(name: str, row: Row, body: Row) -> None:
    if set(body) - {"status", "memo", "date"} or "status" not in body:
        raise Refused(400, "BMXAA2661E", f"changeStatus does not take {sorted(body)}")
    wanted, now = body["status"], row["status_maxvalue"]
    if wanted not in STRUCTURES[name].moves.get(now, ()):
        raise Refused(400, "BMXAA4679E", f"{wanted} is not a valid status from {now}")
    row |= {"status": wanted, "status_maxvalue": wanted}
    touch(row)


def _put(
    name: str, row: Row, body: Row, takes: Mapping[str, object], *, merge: bool, line: Mapping[str, Any]
) -> None:
    children = STRUCTURES[name].children
    for attribute, value in body.items():
        if attribute in children:
            row[attribute] = _children(attribute, row, value, children[attribute], merge, line)
            continue
        if attribute not in takes:
            raise Refused(400, "BMXAA2661E", f"{attribute} cannot be set on {name.upper()}")
        row[attribute] = _value(attribute, value, takes[attribute])


def _children(
    name: str,
    row: Row,
    given: list[Row],
    said: tuple[str, Mapping[str, object]],
    merge: bool,
    line: Mapping[str, Any],
) -> list[Row]:
    key, takes = said
    found: list[Row] = [dict(child) for child in row.get(name) or []] if merge else []
    for one in given:
        for attribute in one:
            if attribute not in takes:
                raise Refused(400, "BMXAA2661E", f"{attribute} cannot be set on {name.upper()}")
        values = {attribute: _value(attribute, value, takes[attribute]) for attribute, value in one.items()}
        same = next((child for child in found if key in values and child[key] == values[key]), None)
        if same is not None:
            same |= values
            child = same
        else:
            for required in _CHILD_REQUIRES[name]:
                if values.get(required) is None:
                    raise Refused(400, "BMXAA4195E", f"A value is required for the field {required}")
            child = {key: max([other[key] for other in found], default=0) + 1, **values}
            found.append(child)
        item = child.get("itemnum")
        if item is not None and item not in line["items"]:
            raise Refused(400, "BMXAA4191E", f"{item} is not a valid item")
        if name == "matusetrans":
            # An issue is kept as a negative quantity.
            child |= {"quantity": -child["quantity"], "issuetype": "ISSUE"}
        if name == "poline":
            child["linecost"] = child["orderqty"] * child.get("unitcost", Decimal(0))
    return found


def _value(attribute: str, value: Any, kind: object) -> Any:
    if value is None:
        return None
    refused = Refused(400, "BMXAA2661E", f"{value!r} is not a valid {attribute}")
    if isinstance(kind, int):
        if not isinstance(value, str):
            raise refused
        if len(value) > kind:
            raise Refused(400, "BMXAA4049E", f"The value for {attribute} exceeds the maximum length")
        return value
    if kind == "time":
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise refused from None
        if moment.tzinfo is None:
            raise refused
        return value.replace("Z", "+00:00")
    if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | Decimal):
        raise refused
    return value
