"""Purchase orders with their lines, computed from an index on demand; only changes are kept.

100,000 orders cost two arrays of 8 bytes an order. What a test changes, inserts or archives lies in an
overlay. Order `n` has the number 4500000000 + n, and numbers ascend with the day of creation, as internal
number ranges do.
"""

import json
import threading
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from appliance.clock import Clock

from ..odata.metadata import Service
from ..odata.wire import Value, to_json
from . import masters

FIRST_NUMBER = 4_500_000_000
MAX_LINES = 1000
_DAY = 86_400_000
_NEVER = -1
_STATUSES = ["02", "02", "02", "05", "05", "03", "02", "08"]
_BUYERS = ["MILLER", "SCHMIDT", "TANAKA", "O'NEILL"]

MutableRow = dict[str, str]


class Line(NamedTuple):
    """An order line with its schedule line and, for cost center orders, its account assignment."""

    item: MutableRow
    schedule: MutableRow
    account: MutableRow | None


class NewLine(NamedTuple):
    """The values of a line to create, of its schedule line and of its account assignment."""

    item: Mapping[str, Value]
    schedule: Mapping[str, Value] = {}
    account: Mapping[str, Value] = {}


class Orders:
    """The orders of the system; safe for several threads.

    `created` and `changed` hold milliseconds per order (`changed` is -1 for an order that was never
    changed): filters on dates read these instead of rows.
    """

    def __init__(self, service: Service, clock: Clock, *, count: int, lines: int, days: int) -> None:
        self._clock = clock
        self._generated = count
        self._lines_each = lines
        self._types = service.sets
        self._overlay: dict[int, MutableRow] = {}
        self._overlay_lines: dict[int, list[Line]] = {}
        self.archived: set[int] = set()
        self.version = 0
        self.row_versions: dict[int, int] = {}
        self.lock = threading.RLock()
        now = clock.now_ms()
        first_day = now - now % _DAY - (days - 1) * _DAY
        self.created = array(
            "q", (first_day + index * days // max(count, 1) * _DAY for index in range(count))
        )
        self.changed = array("q", (_last_change(index, day, now) for index, day in enumerate(self.created)))
        self._header_base = masters.initial_row(self._types["A_PurchaseOrder"]) | _texts(_HEADER)
        self._item_base = masters.initial_row(self._types["A_PurchaseOrderItem"]) | _texts(_ITEM)
        self._schedule_base = masters.initial_row(self._types["A_PurchaseOrderScheduleLine"])
        self._account_base = masters.initial_row(self._types["A_PurOrdAccountAssignment"]) | _texts(_ACCOUNT)
        self._suppliers, self._products = _master_texts()

    def __len__(self) -> int:
        return len(self.created) - len(self.archived)

    def positions(self) -> Sequence[int]:
        """The positions of all orders that are not archived, ascending by number."""
        everything = range(len(self.created))
        return [n for n in everything if n not in self.archived] if self.archived else everything

    def position(self, number: str) -> int | None:
        """The position of an order number, or None."""
        if len(number) != 10 or not number.isdigit():
            return None
        position = int(number) - FIRST_NUMBER
        return position if 0 <= position < len(self.created) and position not in self.archived else None

    def header(self, position: int) -> Mapping[str, str]:
        return self._overlay.get(position) or self._generate_header(position)

    def line_count(self, position: int) -> int:
        lines = self._overlay_lines.get(position)
        return self._lines_each if lines is None else len(lines)

    def item(self, position: int, line: int) -> Mapping[str, str]:
        lines = self._overlay_lines.get(position)
        return self._generate_item(position, line) if lines is None else lines[line].item

    def schedule(self, position: int, line: int) -> Mapping[str, str]:
        lines = self._overlay_lines.get(position)
        if lines is not None:
            return lines[line].schedule
        return self._generate_schedule(position, self._generate_item(position, line))

    def account(self, position: int, line: int) -> Mapping[str, str] | None:
        lines = self._overlay_lines.get(position)
        if lines is not None:
            return lines[line].account
        return self._generate_account(self._generate_item(position, line))

    def insert(self, values: Mapping[str, Value], lines: Sequence[NewLine]) -> int:
        """Create an order with the next number; returns its position.

        Lines are numbered 10, 20, ... unless they say.
        """
        with self.lock:
            position = len(self.created)
            now = self._clock.now_ms()
            today = now - now % _DAY
            row = dict(self._header_base)
            row |= {
                "PurchaseOrder": f'"{FIRST_NUMBER + position}"', "CreationDate": f'"/Date({today})/"',
                "PurchaseOrderDate": f'"/Date({today})/"', "PurchasingProcessingStatus": '"02"',
            }  # fmt: skip
            row |= self._fragments("A_PurchaseOrder", values)
            self._overlay[position] = row
            self._overlay_lines[position] = []
            for n, line in enumerate(lines, start=1):
                self._overlay_lines[position].append(self._new_line(row, n, line))
            self.created.append(today)
            self.changed.append(_NEVER)
            self._moved(position)
            return position

    def change(self, position: int, values: Mapping[str, Value]) -> None:
        """Change the header and move LastChangeDateTime to now, unless `values` sets it."""
        with self.lock:
            row = self._overlay.setdefault(position, dict(self.header(position)))
            stamp = values.get("LastChangeDateTime", self._clock.now_ms())
            row |= self._fragments("A_PurchaseOrder", {**values, "LastChangeDateTime": stamp})
            self.changed[position] = _NEVER if stamp is None else int(stamp)
            if values.get("CreationDate") is not None:
                self.created[position] = int(values["CreationDate"] or 0)
            self._moved(position)

    def change_line(
        self, position: int, line: int, values: Mapping[str, Value], *, moves_header: bool
    ) -> None:
        """Change one line.

        The time stamp of the header moves only when `moves_header`: SAP does not always do it.
        """
        with self.lock:
            self._own_lines(position)[line].item.update(self._fragments("A_PurchaseOrderItem", values))
            self._moved(position)
            if moves_header:
                self.change(position, {})

    def flag_deleted(self, position: int) -> None:
        """Delete as SAP does: header and every line get the deletion code L, nothing disappears."""
        with self.lock:
            for line in self._own_lines(position):
                line.item["PurchasingDocumentDeletionCode"] = '"L"'
            self.change(position, {"PurchasingDocumentDeletionCode": "L"})

    def archive(self, position: int) -> None:
        """Take the order out of the database, as archiving does: it is not found any more."""
        with self.lock:
            self.archived.add(position)
            self._moved(position)

    def _moved(self, position: int) -> None:
        self.version += 1
        self.row_versions[position] = self.version

    def _own_lines(self, position: int) -> list[Line]:
        if position not in self._overlay_lines:
            generated = [dict(self._generate_item(position, n)) for n in range(self._lines_each)]
            self._overlay_lines[position] = [
                Line(item, self._generate_schedule(position, item), self._generate_account(item))
                for item in generated
            ]
        return self._overlay_lines[position]

    def _new_line(self, header: Mapping[str, str], n: int, new: NewLine) -> Line:
        item = dict(self._item_base)
        item |= {"PurchaseOrderItem": f'"{n * 10}"', "OrderQuantity": '"1.000"'}
        item |= self._fragments("A_PurchaseOrderItem", new.item)
        item |= {"PurchaseOrder": header["PurchaseOrder"], "DocumentCurrency": header["DocumentCurrency"]}
        schedule = self._schedule_of(item, "") | self._fragments("A_PurchaseOrderScheduleLine", new.schedule)
        account = self._generate_account(item)
        if new.account:
            account = (account or self._account_of(item)) | self._fragments(
                "A_PurOrdAccountAssignment", new.account
            )
        return Line(item, schedule, account)

    def _fragments(self, set_name: str, values: Mapping[str, Value]) -> MutableRow:
        properties = self._types[set_name].properties
        return {
            name: to_json(value, properties[name]) for name, value in values.items() if name in properties
        }

    def _generate_header(self, position: int) -> MutableRow:
        mixed = _mixed(position)
        day = f'"/Date({self.created[position]})/"'
        changed = self.changed[position]
        status = _STATUSES[mixed >> 3 & 7]
        company = masters.PLANTS[mixed % 5][2]
        return {
            **self._header_base,
            **self._suppliers[mixed % masters.SUPPLIERS],
            "PurchaseOrder": f'"{FIRST_NUMBER + position}"',
            "CompanyCode": f'"{company}"',
            "PurchaseOrderType": '"FO"' if mixed % 23 == 0 else '"NB"',
            "PurchasingDocumentDeletionCode": '"L"' if mixed % 97 == 0 else '""',
            "PurchasingProcessingStatus": f'"{status}"',
            "ReleaseIsNotCompleted": "true" if status == "03" else "false",
            "PurchasingCompletenessStatus": "true" if mixed % 211 == 0 else "false",
            "CreatedByUser": f'"{_BUYERS[mixed >> 5 & 3]}"',
            "CreationDate": day,
            "PurchaseOrderDate": day,
            "LastChangeDateTime": "null" if changed == _NEVER else f'"/Date({changed}+0000)/"',
            "PurchasingOrganization": f'"{company}"',
            "PurchasingGroup": f'"{mixed % 9 + 1:03d}"',
            "CorrespncExternalReference": f'"Q-{mixed % 1_000_000:06d}"',
        }

    def _generate_item(self, position: int, line: int) -> MutableRow:
        order = _mixed(position)
        mixed = _mixed(position * 31 + line + 1)
        plant = masters.PLANTS[order % 5][0]
        delivered = mixed % 3 == 0
        currency = self._suppliers[order % masters.SUPPLIERS]["DocumentCurrency"]
        cents = f".{mixed >> 9 & 63:02d}" if currency != '"JPY"' else ""
        return {
            **self._item_base,
            **self._products[mixed % masters.PRODUCTS],
            "PurchaseOrder": f'"{FIRST_NUMBER + position}"',
            "PurchaseOrderItem": f'"{(line + 1) * 10}"',
            "PurchasingDocumentDeletionCode": '"L"' if order % 97 == 0 or mixed % 53 == 0 else '""',
            "Plant": f'"{plant}"',
            "StorageLocation": f'"{plant[:3]}A"',
            "OrderQuantity": f'"{mixed % 200 + 1}.{(mixed >> 7 & 7) * 125:03d}"',
            "DocumentCurrency": currency,
            "NetPriceAmount": f'"{mixed >> 4 & 4095}{cents}"',
            "NetPriceQuantity": '"100"' if mixed % 19 == 0 else '"1"',
            "IsCompletelyDelivered": "true" if delivered else "false",
            "IsFinallyInvoiced": "true" if delivered and mixed & 1 else "false",
            "AccountAssignmentCategory": '"K"' if mixed % 6 == 1 else '""',
            "PurchaseRequisition": f'"{10_000_000 + mixed % 900_000:010d}"',
            "PurchaseRequisitionItem": f'"{mixed % 9 * 10 + 10:05d}"',
        }

    def _generate_schedule(self, position: int, item: Mapping[str, str]) -> MutableRow:
        return self._schedule_of(item, str(self.created[position] + (_mixed(position) % 60 + 3) * _DAY))

    def _schedule_of(self, item: Mapping[str, str], delivery: str) -> MutableRow:
        date = f'"/Date({delivery})/"' if delivery else "null"
        return {
            **self._schedule_base,
            "PurchasingDocument": item["PurchaseOrder"], "PurchasingDocumentItem": item["PurchaseOrderItem"],
            "ScheduleLine": '"1"', "DelivDateCategory": '"1"', "ScheduleLineDeliveryDate": date,
            "SchedLineStscDeliveryDate": date, "ScheduleLineDeliveryTime": '"PT00H00M00S"',
            "PurchaseOrderQuantityUnit": item["PurchaseOrderQuantityUnit"],
            "ScheduleLineOrderQuantity": item["OrderQuantity"],
            "PurchaseRequisition": item["PurchaseRequisition"],
            "PurchaseRequisitionItem": item["PurchaseRequisitionItem"],
        }  # fmt: skip

    def _generate_account(self, item: Mapping[str, str]) -> MutableRow | None:
        if item["AccountAssignmentCategory"] in ('""', "null"):
            return None
        return self._account_of(item)

    def _account_of(self, item: Mapping[str, str]) -> MutableRow:
        return {
            **self._account_base,
            "PurchaseOrder": item["PurchaseOrder"], "PurchaseOrderItem": item["PurchaseOrderItem"],
            "PurchaseOrderQuantityUnit": item["PurchaseOrderQuantityUnit"], "Quantity": item["OrderQuantity"],
            "DocumentCurrency": item["DocumentCurrency"],
        }  # fmt: skip


_HEADER = {
    "Language": "EN", "PaymentTerms": "0004", "PurchasingDocumentOrigin": "9", "PurchaseOrderSubtype": "",
    "ExchangeRate": "1.00000", "IncotermsClassification": "EXW", "CompanyCode": "1010",
    "DocumentCurrency": "EUR",
    "CashDiscount1Days": "14", "CashDiscount2Days": "30", "NetPaymentDays": "45",
    "CashDiscount1Percent": "3.000",
    "CashDiscount2Percent": "2.000",
}  # fmt: skip
_ITEM = {
    "PurchaseOrderItemCategory": "0", "TaxCode": "V1", "OrderPriceUnitToOrderUnitNmrtr": "1",
    "OrdPriceUnitToOrderUnitDnmntr": "1", "NetPriceQuantity": "1", "RequisitionerName": "MILLER",
    "DeliveryAddressName": "Goods receipt, gate 2", "DeliveryAddressCityName": "Walldorf",
    "DeliveryAddressCountry": "DE", "IncotermsClassification": "EXW", "ItemWeightUnit": "KG",
}  # fmt: skip
_ACCOUNT = {
    "AccountAssignmentNumber": "1", "GLAccount": "0065100000", "CostCenter": "0017101301",
    "ControllingArea": "A000",
}  # fmt: skip


def _texts(values: Mapping[str, str]) -> MutableRow:
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def _supplier_texts(n: int) -> MutableRow:
    town, postal_code, country, currency = masters.city(n)
    number = masters.supplier_number(n)
    return _texts({
        "Supplier": number, "InvoicingParty": number, "AddressName": masters.supplier_name(n),
        "AddressStreetName": "Industriestrasse", "AddressHouseNumber": str(n % 90 + 1),
        "AddressCityName": town, "AddressPostalCode": postal_code, "AddressCountry": country,
        "SupplierPhoneNumber": f"+49 6227 {n:06d}", "SupplierRespSalesPersonName": f"Contact {n:03d}",
        "IncotermsLocation1": town, "DocumentCurrency": currency,
    })  # fmt: skip


def _product_texts(n: int) -> MutableRow:
    quantity_unit = masters.unit(n)
    return _texts({
        "Material": masters.product_number(n), "ManufacturerMaterial": masters.product_number(n),
        "PurchaseOrderItemText": masters.product_text(n), "MaterialGroup": f"A{n % 40:03d}",
        "PurchaseOrderQuantityUnit": quantity_unit, "OrderPriceUnit": quantity_unit,
        "SupplierMaterialNumber": f"SM-{n * 17:07d}", "PurchasingInfoRecord": f"{5_300_000_000 + n}",
        "ItemNetWeight": f"{n % 400 // 8}.{n % 8 * 125:03d}",
    }) | {"GoodsReceiptIsExpected": "true", "InvoiceIsExpected": "true"}  # fmt: skip


@cache
def _master_texts() -> tuple[list[MutableRow], list[MutableRow]]:
    """What orders take over from each supplier, and lines from each product."""
    return (
        [_supplier_texts(n) for n in range(masters.SUPPLIERS)],
        [_product_texts(n) for n in range(masters.PRODUCTS)],
    )


def _mixed(number: int) -> int:
    """A well mixed 32 bit value of an index: the same in every run, unlike in neighbors."""
    value = number * 2_654_435_761 & 0xFFFFFFFF
    return (value ^ value >> 15) * 2_246_822_519 & 0xFFFFFFFF


def _last_change(index: int, created: int, now: int) -> int:
    """Milliseconds of the last change, or -1.

    A fifth changed in a monthly mass run and share its time stamp.
    """
    mixed = _mixed(index)
    if mixed % 10 < 3:
        return _NEVER
    if mixed % 10 < 5:
        stamp = (created // (30 * _DAY) + 1) * 30 * _DAY + 7_200_000
    else:
        stamp = created + (mixed >> 8) % (20 * _DAY)
    return stamp if stamp <= now else _NEVER
