"""Writes to data entities: keys with all their parts, numbers from sequences, rules of the business behind them."""

import json
import re
from typing import Any

from tests.simulators.dynamics import Refused, Tables

Row = dict[str, Any]
EMPTY = "1900-01-01T12:00:00Z"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# By set: the parts of its key, and the part that a number sequence gives.
KEYS = {
    "PurchaseOrderHeadersV2": (("dataAreaId", "PurchaseOrderNumber"), "PurchaseOrderNumber"),
    "PurchaseOrderLinesV2": (("dataAreaId", "PurchaseOrderNumber", "LineNumber"), "LineNumber"),
    "AssetMaintenanceRequestsV2": (("dataAreaId", "RequestId"), "RequestId"),
    "AssetMaintenanceWorkOrderTablesV2": (("dataAreaId", "WorkOrderId"), "WorkOrderId"),
    "AssetMaintenanceAssetsV3": (("dataAreaId", "MaintenanceAssetId"), "MaintenanceAssetId"),
}
# Properties that the rows of the tests do not show.
MORE = {"PurchaseOrderLinesV2": {"ReceivingSiteId"}}
READ_ONLY = {
    "PurchaseOrderStatus",
    "DocumentApprovalStatus",
    "PurchaseOrderLineStatus",
    "WorkOrderLifecycleStateId",
}


class WriteFailed(Exception):
    """The words stand in the inner error, after `Infolog:`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        inner = f"Write failed for table row of type '{kind}Entity'. Infolog: {message}"
        self.content = {
            "error": {
                "code": "",
                "message": "An error has occurred.",
                "innererror": {
                    "message": inner,
                    "type": "System.InvalidOperationException",
                    "stacktrace": "   at",
                },
            }
        }


class Writes:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._last = 100

    def answer(self, method: str, place: str, tag: str | None, body: bytes) -> tuple[int, Row]:
        name, _, key = place.partition("(")
        if name in self._tables.denied:
            raise Refused(403, "", f"You are not authorized to change {name}.")
        if name not in KEYS:
            raise Refused(404, "", f"There is no data entity {name}.")
        if method == "POST" and not key:
            return 201, self._create(name, json.loads(body))
        row = self._at(name, key)
        if method == "GET":
            return 200, {"@odata.etag": self._tag(row), **row}
        if tag not in ("*", self._tag(row)):
            raise Refused(412, "", "The etag does not match.")
        if method == "DELETE":
            self._tables.rows[name].remove(row)
        else:
            values = json.loads(body)
            self._check(name, values)
            row |= values
        return 204, {}

    def _create(self, name: str, values: Row) -> Row:
        parts, counted = KEYS[name]
        self._check(name, values)
        if not values.get("dataAreaId"):
            raise WriteFailed(name, "Field 'Company' must be filled in.")
        rules = {
            "PurchaseOrderHeadersV2": self._check_order,
            "PurchaseOrderLinesV2": self._check_line,
            "AssetMaintenanceRequestsV2": self._check_request,
        }
        if name in rules:
            rules[name](values)
        self._last += 1
        blank = {column: _blank(value) for column, value in self._tables.rows[name][0].items()}
        row = {**blank, counted: f"{self._last:08}", **values}
        if name == "PurchaseOrderHeadersV2":
            row |= {"PurchaseOrderStatus": "Backorder", "DocumentApprovalStatus": "Draft"}
        if name == "PurchaseOrderLinesV2":
            row |= {"PurchaseOrderLineStatus": "Backorder", "IsDeleted": "No"}
            price, quantity = row.get("PurchasePrice") or 0, row["OrderedPurchaseQuantity"]
            row["LineAmount"] = round(price * quantity, 2)
        if any(all(row[part] == old[part] for part in parts) for old in self._tables.rows[name]):
            raise WriteFailed(name, "The record already exists.")
        self._tables.rows[name].append(row)
        return row

    def _check_order(self, values: Row) -> None:
        accounts = {(row["dataAreaId"], row["VendorAccountNumber"]) for row in self._tables.rows["VendorsV2"]}
        if (values["dataAreaId"], values.get("OrderVendorAccountNumber")) not in accounts:
            raise WriteFailed("PurchPurchaseOrderHeaderV2", "Warning: The vendor account does not exist.")

    def _check_line(self, values: Row) -> None:
        kind = "PurchPurchaseOrderLineV2"
        header = next(
            (
                row
                for row in self._tables.rows["PurchaseOrderHeadersV2"]
                if (row["dataAreaId"], row["PurchaseOrderNumber"])
                == (values["dataAreaId"], values.get("PurchaseOrderNumber"))
            ),
            None,
        )
        if header is None:
            raise WriteFailed(kind, "Warning: The purchase order does not exist.")
        if not values.get("ItemNumber") and not values.get("ProcurementProductCategoryName"):
            raise WriteFailed(kind, "Warning: An item number or a procurement category must be specified.")
        if not values.get("ItemNumber"):
            return
        items = {(row["dataAreaId"], row["ItemNumber"]) for row in self._tables.rows["ReleasedProductsV2"]}
        if (values["dataAreaId"], values["ItemNumber"]) not in items:
            raise WriteFailed(kind, f"Warning: Item '{values['ItemNumber']}' does not exist.")
        if not values.get("ReceivingSiteId") and not header["DefaultReceivingSiteId"]:
            raise WriteFailed(kind, "Warning: Inventory dimension Site is mandatory and must be specified.")

    def _check_request(self, values: Row) -> None:
        if not values.get("RequestTypeId"):
            raise WriteFailed("EntAssetRequest", "Field 'Request type' must be filled in.")

    def _check(self, name: str, values: Row) -> None:
        known = self._tables.rows[name][0]
        for column, value in values.items():
            if column not in known and column not in MORE.get(name, ()):
                raise Refused(400, "", f"The property '{column}' does not exist on type '{name}'.")
            if column in READ_ONLY:
                raise WriteFailed(name, f"Field '{column}' is not allowed to be edited.")
            sample = known.get(column)
            if isinstance(sample, str) and MOMENT.fullmatch(sample):
                if not (isinstance(value, str) and MOMENT.fullmatch(value)):
                    raise Refused(400, "", f"Cannot convert '{value}' to Edm.DateTimeOffset.")
            elif isinstance(sample, int | float) and not isinstance(value, int | float):
                raise Refused(400, "", f"Cannot convert '{value}' to a number.")
            elif isinstance(sample, str) and not isinstance(value, str):
                raise Refused(400, "", f"Cannot convert {value} to Edm.String.")

    def _at(self, name: str, key: str) -> Row:
        parts = dict(re.findall(r"(\w+)='((?:[^']|'')*)'", key))
        if set(parts) != set(KEYS[name][0]):
            raise Refused(400, "", "All parts of the key are needed.")
        for row in self._tables.rows[name]:
            if all(str(row[part]) == value.replace("''", "'") for part, value in parts.items()):
                return row
        raise Refused(404, "", f"No HTTP resource was found that matches {name}({key}.")

    @staticmethod
    def _tag(row: Row) -> str:
        return f'W/"{abs(hash(json.dumps(row, sort_keys=True)))}"'


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return EMPTY if MOMENT.fullmatch(value) else ""
    return type(value)()
