"""A Fiix tenant as the published facts describe it: one address, signed requests, errors inside status 200.

Built from the vendor's published API guide and client (signature, request classes, throttling, errors) and from the
field lists of public clients. What is not published, such as the words of a refused signature, is ours.
Conditions are run by SQLite, so that a field Fiix does not have fails as an unknown column does.
"""

import hmac
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.transport.servers import Exchange, Server, serving

APP, ACCESS, SECRET = "macmmsackpplant", "macmmsaakpplant", "fiix secret of the plant"
LARGEST_PAGE = 100

FIELDS = {
    "Asset": "strName strCode strDescription strMake strModel strSerialNumber strBarcode strInventoryCode strNotes"
    " intKind intCategoryID intSiteID intAssetLocationID intAssetParentID bolIsOnline bolIsSite qtyStockCount"
    " qtyMinStockCount dblLastPrice intAccountID strCriticality dtmCreated intUpdated strAddress strCity strProvince"
    " strPostalCode dblLatitude dblLongitude",
    "AssetBusiness": "intAssetID intBusinessID bolPreferredVendor strBusinessAssetNumber",
    "Stock": "intAssetID intFacilityID qtyOnHand qtyMinQty qtyMaxQty strAisle strRow strBin bolDeactivated",
    "StockHistory": "intStockID intStockTxTypeID qtyBefore qtyAfter qtyQuantity dblLastPrice dtmDate intUserID",
    "Business": "strName strCode strPrimaryContact strPrimaryEmail strPhone strCity",
    "Account": "strCode strDescription",
    "Currency": "strISOCode strName strSymbol",
    "MeterReadingUnit": "strName strSymbol",
    "MeterReading": "intAssetID intMeterReadingUnitsID dblMeterReading dtmDateSubmitted intWorkOrderID",
    "User": "strFullName strUserName strEmailAddress strUserTitle strNotes intUserStatusID bolGroup strPersonnelCode"
    " dblHourlyRate",
    "PurchaseOrderStatus": "intSysCode intControlID strName strDefaultLabel",
    "ReceiptStatus": "intSysCode intControlID strName strDefaultLabel",
    "RFQStatus": "intSysCode intControlID strName strDefaultLabel",
    "WorkOrderStatus": "intSysCode intControlID strName",
    "PurchaseOrder": "intCode strPurchaseOrderReference intSupplierID intPurchaseOrderStatusID intSiteID intShipToID"
    " intPurchaseCurrencyID intAccountID intChargeDepartmentID intWorkOrderID intAssetID intCreatedByUserID"
    " intBillToID intSendToSupplierMethod dblSubtotal dblTotal dblFreight dblTax1 dblTax2 dtmDateCreated"
    " dtmDateSubmitted dtmDateExpectedDelivery"
    " dtmDateRequiredBy dtmDateReceived dtmDateLastUpdated intUpdated",
    "PurchaseOrderLineItem": "intPurchaseOrderID intAssetID intStockID intSupplierID qtyOnOrder qtyRecieved"
    " dblUnitPrice dblTotalPrice dblTaxRate dtmRequiredByDate dtmDateCreated intRequestedByUserID intSourceWorkOrderID"
    " intSourceAssetID intAccountID intChargeDepartmentID strDescription strBusinessAssetNumber",
    "Receipt": "intCode intPurchaseOrderID intReceiptStatusID intSupplierID intSiteID intPurchaseCurrencyID"
    " dtmDateReceived dtmDateOrdered strPackingSlip",
    "ReceiptLineItem": "intReceiptID intPurchaseOrderLineItemID intAssetID intStockID intReceiveToFacilityID"
    " qtyQuantityOrdered qtyQuantityReceived dblPurchasePricePerUnit dblPurchasePriceTotal strDescription",
    "RFQ": "intRFQStatusID",
    "WorkOrder": "strCode strDescription intWorkOrderStatusID intPriorityID intMaintenanceTypeID intSiteID intProjectID"
    " intScheduledMaintenanceID intRequestedByUserID strNameUserGuest strEmailUserGuest strPhoneUserGuest strAssets"
    " strAssignedUsers strVendorIds strAdminNotes dtmDateCreated dtmDateCompleted dtmDateLastModified"
    " dtmSuggestedStartDate dtmSuggestedCompletionDate strCompletionNotes intUpdated",
    "WorkOrderAsset": "intWorkOrderID intAssetID",
    "WorkOrderUser": "intWorkOrderID intUserID",
    "WorkOrderTask": "intWorkOrderID intTaskType intOrder intAssetID strDescription strResult strTaskNotesCompletion"
    " intAssignedToUserID intCompletedByUserID intParentWorkOrderTaskID dblTimeEstimatedHours dblTimeSpentHours"
    " dtmStartDate dtmDateCompleted",
    "WorkOrderPart": "intWorkOrderID intPartID intStockID intAssetID qtySuggestedQuantity qtyActualQuantityUsed",
    "ScheduledMaintenance": "strCode strDescription intScheduledMaintenanceStatusID intMaintenanceTypeID intPriorityID"
    " intSiteID dblSuggestedTime dtmCreateDate dtmUpdatedDate",
    "ScheduledMaintenanceAsset": "intScheduledMaintenanceID intAssetID",
    "ScheduledTask": "intScheduledMaintenanceID intOrder strDescription dblTimeEstimatedHours intAssignedToUserID"
    " intParentScheduledTaskID",
}


WRITES = ("AddRequest", "ChangeRequest", "RemoveRequest", "BatchRequest")
REQUIRED = {
    "WorkOrder": "intSiteID intWorkOrderStatusID strDescription",
    "WorkOrderTask": "intWorkOrderID intTaskType intOrder strDescription",
    "PurchaseOrder": "intSiteID intPurchaseOrderStatusID",
    "Asset": "strName intKind",
}
# By how a name begins; times are milliseconds, yes and no are 1 and 0.
KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,), "bol": (int,), "dtm": (int,), "dbl": (int, float), "qty": (int, float), "str": (str,)
}  # fmt: skip
READ_ONLY = {"dtmDateLastModified", "dtmDateLastUpdated", "dblTotal", "dblSubtotal", "qtyRecieved", "intUpdated",
             "strAssets", "strAssignedUsers", "qtyStockCount"}  # fmt: skip
REFERS = {
    "intSupplierID": "Business", "intSiteID": "Asset", "intAssetID": "Asset", "intPartID": "Asset",
    "intWorkOrderStatusID": "WorkOrderStatus", "intPurchaseOrderStatusID": "PurchaseOrderStatus",
    "intWorkOrderID": "WorkOrder", "intPurchaseOrderID": "PurchaseOrder", "intUserID": "User",
}  # fmt: skip


class Refused(Exception):
    """Becomes the `error` of an answer."""

    def __init__(self, code: int, message: str, leg: str = "SERVER_REQUEST_PROCESS", **more: Any) -> None:
        super().__init__(message)
        self.error = {"leg": leg, "code": code, "message": message, "stackTrace": "", "object": more}


class Fiix:
    """Set `denied` to classes the user may not read, `throttle` to how many requests are refused, `throttle_status`
    to the status they are refused with, `display` to what `dv_` fields show by field and id."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.throttle = 0
        self.throttle_status = 200
        self.display: dict[str, dict[int, str]] = {}
        self.asked: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        self._rows.row_factory = sqlite3.Row
        for name, fields in FIELDS.items():
            columns = ", ".join(f'"{field}"' for field in fields.split())
            self._rows.execute(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, {columns})')

    def put(self, name: str, **values: Any) -> None:
        columns = ", ".join(f'"{column}"' for column in values)
        places = ", ".join("?" * len(values))
        self._rows.execute(
            f'INSERT OR REPLACE INTO "{name}" ({columns}) VALUES ({places})', [*values.values()]
        )

    def remove(self, name: str, number: int) -> None:
        self._rows.execute(f'DELETE FROM "{name}" WHERE id = ?', [number])

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        status, answer = 200, {}
        try:
            self._check(exchange)
            if self.throttle:
                self.throttle -= 1
                status = self.throttle_status
                raise Refused(1100, "Too many requests", P_CLIENT_AUTO_RETRY_WAIT_ADVISORY_MS=2500)
            with self._lock:
                answer = self._answer(json.loads(exchange.body))
        except Refused as refused:
            answer = {"_maCn": "FindResponse", "error": refused.error}
        exchange.reply(status, json.dumps(answer).encode(), Content_Type="application/json")

    def _check(self, exchange: Exchange) -> None:
        """The address exactly as it came, signed; the body is not."""
        parts = urlsplit(exchange.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        signed = exchange.headers["Host"] + exchange.path
        expected = hmac.new(SECRET.encode(), signed.encode(), "sha256").hexdigest()
        if (exchange.command, parts.path) != ("POST", "/api/"):
            raise Refused(110, "No such service", "SERVER_REQUEST_RECEIVE")
        if (query.get("service"), query.get("signatureMethod")) != ("cmms", "HmacSHA256"):
            raise Refused(110, "No such service", "SERVER_REQUEST_RECEIVE")
        if not re.fullmatch(r"\d{13}", query.get("timestamp", "")) or query.get("signatureVersion") != "1":
            raise Refused(110, "The signature is not complete", "SERVER_REQUEST_UNPACK")
        if (query.get("appKey"), query.get("accessKey")) != (APP, ACCESS):
            raise Refused(120, "Unknown appKey or accessKey", "SERVER_REQUEST_UNPACK")
        if exchange.headers["Authorization"] != expected:
            raise Refused(120, "The signature does not match", "SERVER_REQUEST_UNPACK")
        if not exchange.headers["Content-Type"].startswith("text/plain"):
            raise Refused(110, "Content type", "SERVER_REQUEST_RECEIVE")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        if request["_maCn"] == "RpcRequest" and request["name"] == "Ping":
            return {"_maCn": "RpcResponse", "object": {}}
        if request["_maCn"] in WRITES:
            return self._write(request)
        if request["_maCn"] != "FindRequest":
            raise Refused(130, "Unknown request class", "SERVER_REQUEST_UNPACK")
        name = request["className"]
        if name not in FIELDS:
            raise Refused(500, f"Unknown class {name}")
        if name in self.denied:
            raise Refused(403, f"No permission to read {name}")
        known = {"id", *FIELDS[name].split()}
        fields = [field.strip() for field in request["fields"].split(",")]
        for field in fields:
            if field.removeprefix("dv_") not in known:
                raise Refused(500, f"Unknown field {field}")
        condition, parameters = self._condition(request.get("filters", []), known)
        where = f'FROM "{name}" WHERE {condition}'
        (total,) = self._rows.execute(f"SELECT count(*) {where}", parameters).fetchone()
        if request["orderBy"] not in known:
            raise Refused(500, "Unknown order")
        found = self._rows.execute(
            f'SELECT * {where} ORDER BY "{request["orderBy"]}" LIMIT ? OFFSET ?',
            [*parameters, min(request["maxObjects"], LARGEST_PAGE), request["startIndex"]],
        ).fetchall()
        objects = [self._shown(name, dict(row), fields) for row in found]
        return {"_maCn": "FindResponse", "objects": objects, "totalObjects": total, "error": None}

    def _write(self, request: dict[str, Any]) -> dict[str, Any]:
        """All of a batch or nothing of it."""
        self._rows.execute("SAVEPOINT asked")
        try:
            answer = self._do(request)
        except Refused:
            self._rows.execute("ROLLBACK TO asked")
            raise
        finally:
            self._rows.execute("RELEASE asked")
        return answer

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = request["_maCn"]
        if kind == "BatchRequest":
            return {"_maCn": "BatchResponse", "responses": [self._do(one) for one in request["requests"]]}
        name = request["className"]
        if name not in FIELDS or name in self.denied:
            raise Refused(403, f"No permission to write {name}")
        if kind == "RemoveRequest":
            removed = self._rows.execute(f'DELETE FROM "{name}" WHERE id = ?', [request["id"]]).rowcount
            return {"_maCn": "RemoveResponse", "count": removed}
        given = dict(request["object"])
        if given.pop("className", None) != name:
            raise Refused(500, "The object is of another class")
        number = given.pop("id", None)
        if kind == "ChangeRequest":
            names = [field.strip() for field in request["changeFields"].split(",")]
            if set(names) - set(given):
                raise Refused(500, f"changeFields name what is not given: {set(names) - set(given)}")
            given = {field: given[field] for field in names}
        self._accept(name, given)
        if kind == "AddRequest":
            missing = [field for field in REQUIRED.get(name, "").split() if given.get(field) is None]
            if missing:
                raise Refused(500, f"{missing[0]} is required")
            (last,) = self._rows.execute(f'SELECT coalesce(max(id), 0) FROM "{name}"').fetchone()
            number = last + 1
            self._rows.execute(f'INSERT INTO "{name}" (id) VALUES (?)', [number])
        elif not self._rows.execute(f'SELECT 1 FROM "{name}" WHERE id = ?', [number]).fetchone():
            raise Refused(404, f"There is no {name} {number}")
        for field, value in given.items():
            self._rows.execute(f'UPDATE "{name}" SET "{field}" = ? WHERE id = ?', [value, number])
        return {"_maCn": kind.replace("Request", "Response"), "object": {"className": name, "id": number}}

    def _accept(self, name: str, given: dict[str, Any]) -> None:
        for field, value in given.items():
            if field not in FIELDS[name].split():
                raise Refused(500, f"Unknown field {field}")
            if field in READ_ONLY:
                raise Refused(500, f"{field} cannot be written")
            types = next(kinds for start, kinds in KINDS.items() if field.startswith(start))
            if value is not None and type(value) not in types:
                raise Refused(500, f"{value!r} is not a value of {field}")
            target = REFERS.get(field)
            found = (
                target and self._rows.execute(f'SELECT 1 FROM "{target}" WHERE id = ?', [value]).fetchone()
            )
            if target and value is not None and not found:
                raise Refused(500, f"{field} {value} does not exist")

    def _condition(self, filters: list[dict[str, Any]], known: set[str]) -> tuple[str, list[Any]]:
        parts, parameters = ["1"], []
        for one in filters:
            words = set(re.findall(r"[A-Za-z]\w*", one["ql"]))
            unknown = words - known - {"AND", "OR", "IS", "NOT", "NULL", "LIKE"}
            if unknown or re.search(r"[^\w\s?()<>=!]", one["ql"]):
                raise Refused(500, f"Cannot be understood: {one['ql']}")
            if one["ql"].count("?") != len(one["parameters"]):
                raise Refused(500, "Another number of parameters than places")
            parts.append(f"({one['ql']})")
            parameters += [_parameter(value) for value in one["parameters"]]
        return " AND ".join(parts), parameters

    def _shown(self, name: str, row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        shown = {field: row[field] for field in ["id", *fields] if field in row and row[field] is not None}
        extra = {
            field: self.display.get(field[3:], {}).get(row[field[3:]], "")
            for field in fields
            if field.startswith("dv_") and row[field[3:]] is not None
        }
        return {"className": name, **shown, "dirty": False, "new": False, "extraFields": extra}


def _parameter(value: Any) -> Any:
    """Times are told as text and kept in milliseconds."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        raise Refused(500, f"Not a time: {value}")
    return int(datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() * 1000)
