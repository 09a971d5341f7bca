"""A simulator of the Business Central API v2.0, cloud and on premises.

Built from the fields of Microsoft's published standard API application and its developer documentation: addresses
below a company, server paging with `Prefer: odata.maxpagesize`, error codes, encoded enumeration values, dates and
ids that mean nothing, 401 without rights in the tenant, 429 without Retry-After, 405 for services that are off.
Set the attributes before or between requests.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.simulators.dynamics import Refused, Tables, Tokens
from tests.simulators.dynamics_bc_writes import Writes
from tests.simulators.published import published
from tests.transport.servers import Exchange, Server, serving

FACTS = published(Path(__file__).parent / "dynamics" / "business_central.yaml")
COMPANY = "7d3f2c10-5a1b-4b6e-9c44-0f1e2d3c4b5a"
ROOT = "/v2.0/plant.example/Production"
USER, KEY = "APPLIANCE", "k" * 43 + "="
NONE = "00000000-0000-0000-0000-000000000000"
STAMP = "2026-01-02T08:00:00.123Z"


class BusinessCentral:
    """`throttled`: how many of the next requests answer 429. `disabled`: the API services are off."""

    def __init__(self) -> None:
        self.tables = Tables("BadRequest", facts=FACTS)
        self.users = Tables("BadRequest", facts=FACTS)
        self.tokens = Tokens("https://api.businesscentral.dynamics.com/.default")
        self.throttled = 0
        self.disabled = False
        fill(self.tables)
        self._writes = Writes(self.tables, guid)
        self.users.put(
            "users",
            ("userSecurityId",),
            {
                "userSecurityId": "9d1b0c52-0000-4000-8000-000000000001",
                "userName": "ANNA",
                "displayName": "Anna Muster",
                "state": "Enabled",
                "expiryDate": "0001-01-01T00:00:00Z",
                "contactEmail": "anna@plant.example",
            },
        )

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        headers = dict(exchange.headers)
        if exchange.path.endswith("/oauth2/v2.0/token") and exchange.command == "POST":
            status, content = self.tokens.answer(exchange.path, headers, exchange.body)
        else:
            try:
                status, content = self._answer(exchange.command, exchange.path, headers, exchange.body)
            except Refused as refused:
                said = f"{refused}  CorrelationId:  6f2c."
                status, content = refused.status, {"error": {"code": refused.code, "message": said}}
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        basic = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        sent = headers.get("Authorization", "")
        if not self.tokens.accepts(sent) and sent != basic:
            raise Refused(
                401, "Authentication_InvalidCredentials", "The server has rejected the client credentials."
            )
        if self.disabled or method not in ("GET", "POST", "PATCH"):
            raise Refused(405, "BadRequest_MethodNotAllowed", "The service is not enabled.")
        if self.throttled:
            self.throttled -= 1
            raise Refused(429, "Application_TooManyRequests", "Too many requests reached.")
        parts = urlsplit(path)
        place = unquote(parts.path)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        prefer = headers.get("Prefer", "")
        if not place.startswith(f"{ROOT}/api/"):
            raise Refused(404, "BadRequest_NotFound", "There is no such environment.")
        below = place.removeprefix(f"{ROOT}/api/")
        if below == "v2.0/companies":
            root = f"http://inside.example{ROOT}/api/v2.0/"
            return 200, self.tables.answer("companies", options, prefer, root)
        match = re.fullmatch(
            r"(v2\.0|microsoft/automation/v2\.0)/companies\(([^)]*)\)(?:/(\w+)(?:\(([^)]*)\))?)?", below
        )
        if match is None:
            raise Refused(404, "BadRequest_NotFound", f"No HTTP resource was found that matches {below}.")
        service, company, name, number = match.groups()
        if company != COMPANY:
            raise Refused(404, "Internal_CompanyNotFound", "The company does not exist.")
        if name is None:
            return 200, dict(self.tables.rows["companies"][0])
        if method != "GET":
            return self._writes.answer(method, name, number, headers.get("If-Match"), json.loads(body))
        if name.endswith("Lines"):
            raise Refused(
                400,
                "BadRequest_RequiredParamNotProvided",
                "You must specify an Id or a Document Id to get the lines.",
            )
        tables = self.tables if service == "v2.0" else self.users
        root = f"http://inside.example{ROOT}/api/{service}/companies({company})/"
        return 200, tables.answer(name, options, prefer, root)


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def order(number: int, status: str = "Open", stamp: str = STAMP) -> dict[str, Any]:
    address = {f"shipTo{name}": "" for name in ("Contact", "AddressLine2", "State")}
    return {
        "id": guid(1000 + number),
        "number": f"10{number:04}",
        "orderDate": "2026-01-02",
        "postingDate": "2026-01-03",
        "vendorId": guid(1),
        "vendorNumber": "V-10",
        "vendorName": "Pumps Ltd",
        **address,
        "shipToName": "Plant North",
        "shipToAddressLine1": "Quay 1",
        "shipToCity": "Bremen",
        "shipToCountry": "DE",
        "shipToPostCode": "28195",
        "shortcutDimension1Code": "MAINT",
        "shortcutDimension2Code": "",
        "currencyCode": "EUR",
        "purchaser": "RL",
        "requestedReceiptDate": "0001-01-01",
        "totalAmountExcludingTax": 1234.10,
        "totalTaxAmount": 234.48,
        "totalAmountIncludingTax": 1468.58,
        "fullyReceived": False,
        "status": status,
        "lastModifiedDateTime": stamp,
    }


def line(document: str, number: int, kind: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "id": guid(int(document[-4:]) * 100 + number),
        "documentId": document,
        "sequence": number * 10000,
        "lineType": kind,
        "lineObjectNumber": code,
        "description": f"Line {number}",
        "description2": "",
        "unitOfMeasureCode": "PCS",
        "quantity": 2.5,
        "expectedReceiptDate": "2026-02-01",
        **more,
    }


def billed(kind: str) -> dict[str, Any]:
    """What lines of orders and invoices have beyond those of receipts."""
    return {"itemId": guid(2) if kind == "Item" else NONE, "discountAmount": 0}


def fill(tables: Tables) -> None:
    """One company with 30 orders and one to three records of everything else."""
    stamp = {"lastModifiedDateTime": STAMP}
    tables.put(
        "companies",
        ("id",),
        {
            "id": COMPANY,
            "systemVersion": "29.0",
            "name": "PLANT",
            "displayName": "Plant Ltd",
            "businessProfileId": "",
        },
    )
    cost = {
        "directUnitCost": 12.345,
        "receivedQuantity": 1,
        "invoicedQuantity": 0,
        "totalTaxAmount": 5.86,
        "amountExcludingTax": 30.86,
    }
    kinds = [("Item", "P-1", guid(3)), ("Account", "8110", NONE), ("Fixed_x0020_Asset", "FA-1", NONE)]
    for number in range(1, 31):
        made = order(number)
        tables.put("purchaseOrders", ("number",), made)
        for index, (kind, code, location) in enumerate(kinds, 1):
            tables.put(
                "purchaseOrderLines",
                ("id",),
                line(made["id"], index, kind, code, locationId=location, **billed(kind), **cost),
            )
    tables.navigation["purchaseOrders", "purchaseOrderLines"] = ("purchaseOrderLines", {"documentId": "id"})
    tables.put(
        "purchaseReceipts",
        ("id",),
        {
            "id": guid(2001),
            "number": "R-1",
            "invoiceDate": "0001-01-01",
            "postingDate": "2026-01-04",
            "dueDate": "0001-01-01",
            "vendorNumber": "V-10",
            "vendorName": "Pumps Ltd",
            "currencyCode": "EUR",
            "orderNumber": "100001",
            **stamp,
        },
    )
    tables.put("purchaseReceiptLines", ("id",), line(guid(2001), 1, "Item", "P-1", unitCost=12.345))
    tables.navigation["purchaseReceipts", "purchaseReceiptLines"] = (
        "purchaseReceiptLines",
        {"documentId": "id"},
    )
    tables.put(
        "purchaseInvoices",
        ("id",),
        {
            "id": guid(3001),
            "number": "I-1",
            "postingDate": "2026-01-05",
            "invoiceDate": "2026-01-05",
            "dueDate": "2026-02-05",
            "vendorInvoiceNumber": "77/26",
            "vendorNumber": "V-10",
            "vendorName": "Pumps Ltd",
            "currencyCode": "EUR",
            "orderId": NONE,
            "orderNumber": "100001",
            "totalAmountExcludingTax": 30.86,
            "totalTaxAmount": 5.86,
            "totalAmountIncludingTax": 36.72,
            "status": "Paid",
            **stamp,
        },
    )
    tables.put(
        "purchaseInvoiceLines", ("id",), line(guid(3001), 1, "Item", "P-1", unitCost=12.345, **billed("Item"))
    )
    tables.navigation["purchaseInvoices", "purchaseInvoiceLines"] = (
        "purchaseInvoiceLines",
        {"documentId": "id"},
    )
    tables.put(
        "vendors",
        ("number",),
        {
            "id": guid(1),
            "number": "V-10",
            "displayName": "Pumps Ltd",
            "currencyCode": "EUR",
            "email": "",
            "phoneNumber": "",
            "taxRegistrationNumber": "DE1",
            "blocked": "_x0020_",
            **stamp,
        },
    )
    tables.put(
        "items",
        ("number",),
        *(
            {
                "id": guid(number + 1),
                "number": f"P-{number}",
                "displayName": "Seal",
                "displayName2": "",
                "type": kind,
                "itemCategoryCode": "SPARE",
                "blocked": number == 2,
                "gtin": "4006381333931",
                "inventory": 7.25,
                "unitPrice": 20.5,
                "unitCost": 12.345,
                "baseUnitOfMeasureCode": "PCS",
                **stamp,
            }
            for number, kind in ((1, "Inventory"), (2, "Service"))
        ),
    )
    tables.put(
        "itemCategories", ("code",), {"id": guid(4), "code": "SPARE", "displayName": "Spare parts", **stamp}
    )
    tables.put(
        "itemLedgerEntries",
        ("entryNumber",),
        {
            "id": guid(5),
            "entryNumber": 41,
            "itemNumber": "P-1",
            "postingDate": "2026-01-04",
            "entryType": "Negative_x0020_Adjmt_x002E_",
            "sourceNumber": "",
            "sourceType": "_x0020_",
            "documentNumber": "J-9",
            "documentType": "_x0020_",
            "description": "Count",
            "quantity": -1.5,
            **stamp,
        },
    )
    tables.put(
        "locations",
        ("id",),
        {"id": guid(3), "code": "MAIN", "displayName": "Main store", "contact": "", "email": "", **stamp},
    )
    tables.put(
        "fixedAssetLocations", ("code",), {"id": guid(6), "code": "HALL1", "displayName": "Hall 1", **stamp}
    )
    tables.put(
        "fixedAssets",
        ("number",),
        {
            "id": guid(7),
            "number": "FA-1",
            "displayName": "Press",
            "fixedAssetLocationCode": "HALL1",
            "fixedAssetLocationId": guid(6),
            "classCode": "TANGIBLE",
            "subclassCode": "MACH",
            "blocked": False,
            "serialNumber": "S1",
            "employeeNumber": "E1",
            "employeeId": guid(8),
            "underMaintenance": True,
            **stamp,
        },
    )
    for number, code in ((1, "DEPARTMENT"), (2, "PROJECT")):
        tables.put(
            "dimensions", ("code",), {"id": guid(10 + number), "code": code, "displayName": code, **stamp}
        )
        value = {
            "id": guid(20 + number),
            "code": "MAINT" if number == 1 else "P1",
            "dimensionId": guid(10 + number),
        }
        tables.put(
            "dimensionValues",
            ("code",),
            {**value, "displayName": "Maintenance", "consolidationCode": "", **stamp},
        )
    tables.navigation["dimensions", "dimensionValues"] = ("dimensionValues", {"dimensionId": "id"})
    tables.put(
        "unitsOfMeasure",
        ("code",),
        {"id": guid(9), "code": "PCS", "displayName": "Piece", "internationalStandardCode": "EA", **stamp},
    )
    tables.put("currencies", ("code",), {"id": guid(30), "code": "EUR", "displayName": "Euro", **stamp})
    tables.put(
        "employees",
        ("number",),
        {
            "id": guid(8),
            "number": "E1",
            "displayName": "Anna Muster",
            "givenName": "Anna",
            "middleName": "",
            "surname": "Muster",
            "jobTitle": "Fitter",
            "status": "Active",
            **stamp,
        },
    )
