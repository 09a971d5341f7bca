"""Writes to the API v2.0: fields that may be set as the published standard API application says, ETags, deep insert."""

import re
from collections.abc import Callable
from typing import Any

from tests.simulators.dynamics import Refused, Tables

Row = dict[str, Any]
CHANGED = "2026-01-09T07:00:00.000Z"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Fields that pages take, to what is in them where nothing is sent.
TAKES: dict[str, Row] = {
    "purchaseOrders": {
        "vendorNumber": "", "vendorId": "", "orderDate": "2026-01-09", "postingDate": "2026-01-09",
        "requestedReceiptDate": "0001-01-01", "currencyCode": "EUR", "purchaser": "", "shipToName": "",
        "shipToContact": "", "shipToAddressLine1": "", "shipToAddressLine2": "", "shipToCity": "", "shipToCountry": "",
        "shipToState": "", "shipToPostCode": "", "shortcutDimension1Code": "", "shortcutDimension2Code": "",
    },
    "purchaseOrderLines": {
        "itemId": "", "lineType": "Comment", "lineObjectNumber": "", "description": "", "description2": "",
        "unitOfMeasureCode": "", "quantity": 0, "directUnitCost": 0, "discountAmount": 0,
        "expectedReceiptDate": "0001-01-01", "locationId": "00000000-0000-0000-0000-000000000000",
    },
    "items": {
        "number": "", "displayName": "", "displayName2": "", "type": "Inventory", "itemCategoryCode": "",
        "blocked": False, "gtin": "", "unitPrice": 0, "unitCost": 0, "baseUnitOfMeasureCode": "PCS",
    },
}  # fmt: skip
SHOWN: dict[str, Row] = {
    "purchaseOrders": {"totalAmountExcludingTax": 0, "totalTaxAmount": 0, "totalAmountIncludingTax": 0,
                       "fullyReceived": False, "status": "Draft", "vendorName": "Pumps Ltd"},
    "purchaseOrderLines": {"receivedQuantity": 0, "invoicedQuantity": 0, "totalTaxAmount": 0, "amountExcludingTax": 0},
    "items": {"inventory": 0},
}  # fmt: skip
# A code that a field has to lead to.
LEADS = {
    "vendorNumber": ("vendors", "number"),
    "currencyCode": ("currencies", "code"),
    "unitOfMeasureCode": ("unitsOfMeasure", "code"),
    "baseUnitOfMeasureCode": ("unitsOfMeasure", "code"),
    "itemCategoryCode": ("itemCategories", "code"),
    "locationId": ("locations", "id"),
    "lineObjectNumber": ("items", "number"),
}


class Writes:
    def __init__(self, tables: Tables, guid: Callable[[int], str]) -> None:
        self._tables, self._guid = tables, guid
        self._last = 9000

    def answer(
        self, method: str, name: str, number: str | None, tag: str | None, values: Row
    ) -> tuple[int, Row]:
        if name in self._tables.denied:
            raise Refused(403, "Authorization_RequestDenied", f"You do not have permission to change {name}.")
        if name not in TAKES or name == "purchaseOrderLines":
            raise Refused(405, "BadRequest_MethodNotAllowed", f"{name} cannot be changed.")
        return (
            (201, self._create(name, values))
            if method == "POST"
            else (200, self._patch(name, number, tag, values))
        )

    def _create(self, name: str, values: Row) -> Row:
        lines = values.pop("purchaseOrderLines", []) if name == "purchaseOrders" else []
        for set_, row in ((name, values), *(("purchaseOrderLines", line) for line in lines)):
            self._check(set_, row)
        if name == "purchaseOrders" and not (values.get("vendorNumber") or values.get("vendorId")):
            said = 'A "vendorNumber" or a "vendorId" must be provided.'
            raise Refused(400, "BadRequest_RequiredParamNotProvided", said)
        if any(row["number"] == values.get("number") for row in self._tables.rows[name]):
            raise Refused(400, "Internal_EntityWithSameKeyExists", "The record already exists.")
        row = self._put(name, values)
        for position, line in enumerate(lines, 1):
            if line.get("itemId") and line.get("accountId"):
                raise Refused(400, "Application_DialogException", "Not both an item and an account.")
            item = next(i for i in self._tables.rows["items"] if i["number"] == line["lineObjectNumber"])
            filled = {"description": item["displayName"], "unitOfMeasureCode": item["baseUnitOfMeasureCode"]}
            self._put(
                "purchaseOrderLines",
                {**filled, **line, "documentId": row["id"], "sequence": position * 10000},
            )
        return dict(row)

    def _put(self, name: str, values: Row) -> Row:
        self._last += 1
        row = {
            **TAKES[name],
            **SHOWN[name],
            **values,
            "id": self._guid(self._last),
            "lastModifiedDateTime": CHANGED,
        }
        row["@odata.etag"] = f'W/"{self._last}"'
        if not row.get("number") and name != "purchaseOrderLines":
            row["number"] = f"N{self._last}"
        self._tables.rows[name].append(row)
        return row

    def _patch(self, name: str, number: str | None, tag: str | None, values: Row) -> Row:
        row = next((row for row in self._tables.rows[name] if row["id"] == number), None)
        if row is None:
            raise Refused(404, "BadRequest_ResourceNotFound", "The resource was not found.")
        if tag is None:
            raise Refused(400, "BadRequest_RequiredParamNotProvided", "The request must be conditional.")
        if tag not in ("*", row.get("@odata.etag", 'W/"1"')):
            raise Refused(409, "Request_EntityChanged", "Another user has already changed the record.")
        self._check(name, values)
        self._last += 1
        row |= {**values, "@odata.etag": f'W/"{self._last}"', "lastModifiedDateTime": CHANGED}
        return dict(row)

    def _check(self, name: str, values: Row) -> None:
        for field, value in values.items():
            if field not in TAKES[name]:
                known = self._tables.rows[name][0]
                kind = "Read only property" if field in known else "Could not find a property"
                raise Refused(400, "BadRequest", f"{kind} '{field}' on type '{name}'.")
            if field.endswith("Date") and not (isinstance(value, str) and DAY.fullmatch(value)):
                raise Refused(400, "BadRequest", f"Cannot convert '{value}' to Edm.Date.")
            if isinstance(TAKES[name][field], int) and not isinstance(value, int | float):
                raise Refused(400, "BadRequest", f"Cannot convert '{value}' to Edm.Decimal.")
            if isinstance(TAKES[name][field], str) and not isinstance(value, str):
                raise Refused(400, "BadRequest", f"Cannot convert {value} to Edm.String.")
            table, column = LEADS.get(field, ("", ""))
            if value and table and all(row[column] != value for row in self._tables.rows[table]):
                said = (
                    f"The field {field} contains a value ({value}) that cannot be found in the related table."
                )
                raise Refused(400, "Internal_InvalidTableRelation", said)
