"""Rows a second and core of a mapping of 40 fields, from a row's JSON text to the unified record's JSON text.

    python -m tests.benchmarks.mapping

Counted in processor time of one process, the best of some rounds of each, in turn with a function written by hand for
just this mapping; the ratio of the two holds on any machine.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import process_time
from typing import Any

import msgspec

from appliance.model.entity import load_model
from appliance.runtime.definition import parse_definition
from appliance.runtime.mapping.projection import Projection

REFERRED = ("Site", "Organization", "Vendor", "User", "Status", "Currency", "Location", "PurchaseOrder")

ROWS = 20_000
ROUNDS = 7
TARGET = 50_000
PART = "5f0c2a"
STATES = {"1": "New", "2": "Released", "3": "Done"}
SHIPPING = {"R": "Road", "S": "Sea", "A": "Air"}

MAP: dict[str, Any] = {
    "orderNo": "Number",
    "title": "Subject",
    "description": {"join": ["Text1", "Text2"], "with": " / "},
    "notes": "Note",
    "terms": {"first": ["TermsText", "Terms"]},
    "shippingMethod": {"path": "Shipping", "values": SHIPPING},
    "siteKey": "Site",
    "organizationKey": "Company",
    "vendorKey": {"parts": ["Company", "Vendor"]},
    "userRequestedKey": "Requester",
    "userApprovedKey": "Approver",
    "locationKey": "Store",
    "currencyKey": "Currency",
    "statusKey": {"status": "orders", "path": "State"},
    "orderDate": "Ordered",
    "dueAt": "Due",
    "approvedAt": "Approved",
    "completedAt": "Completed",
    "shipmentDate": "Shipped",
    "totalNetValue": "Net",
    "totalGrossValue": "Gross",
    "deliveryAddress": {
        "object": {
            "addressee": "ShipTo.Name",
            "addressLines": "ShipTo.Street",
            "city": "ShipTo.City",
            "postCode": "ShipTo.Zip",
            "country": "ShipTo.Country",
        }
    },
    "billingAddress": {
        "object": {
            "addressee": "BillTo.Name",
            "addressLines": "BillTo.Street",
            "city": "BillTo.City",
            "postCode": "BillTo.Zip",
            "country": "BillTo.Country",
        }
    },
    "customFields": {
        "fields": {
            "plant": "XPlant",
            "buyer": "XBuyer",
            "project": "XProject",
            "weight": "XWeight",
            "urgent": "XUrgent",
            "class": "XClass",
            "reference": "XReference",
        }
    },
}


def raw_row(number: int) -> bytes:
    """Purchase order `number` as a source sends it: 60 members, of which the mapping uses 38."""
    day = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number % 365)
    place = {"Street": f"Hafenstrasse {number % 90}", "City": "Hamburg", "Zip": "20457", "Country": "DE"}
    row = {
        "Number": f"45{number:08}",
        "Subject": f"Spare parts for line {number % 40}",
        "Text1": "Deliver to gate 3",
        "Text2": "call before" if number % 3 else None,
        "Note": "" if number % 2 else "Second delivery",
        "TermsText": None if number % 2 else "30 days net",
        "Terms": "Z030",
        "Shipping": "RSA"[number % 3],
        "Site": f"10{number % 20:02}",
        "Company": "1000",
        "Vendor": f"{100000 + number % 3000}",
        "Requester": f"user{number % 200}",
        "Approver": f"user{number % 30}",
        "Store": f"S{number % 50}",
        "Currency": "EUR",
        "State": "123"[number % 3],
        "Ordered": f"{day:%Y-%m-%d}",
        "Due": f"{day + timedelta(days=20):%Y-%m-%d}",
        "Approved": f"{day:%Y-%m-%d}T09:{number % 60:02}:00Z",
        "Completed": None,
        "Shipped": f"{day + timedelta(days=9):%Y-%m-%d}",
        "Net": Decimal(number * 37 % 10_000_000 * 10 + 1) / 1000,
        "Gross": Decimal(number * 44 % 10_000_000 * 10 + 1) / 1000,
        "ShipTo": {"Name": f"Plant {number % 20}", **place},
        "BillTo": {"Name": "Head office", **place},
        "XPlant": f"10{number % 20:02}",
        "XBuyer": "T-L01",
        "XProject": f"P-{number % 700}",
        "XWeight": Decimal(number % 5000) / 10,
        "XUrgent": number % 7 == 0,
        "XClass": number % 5,
        "XReference": f"REF-{number}",
        "Changed": f"{day:%Y-%m-%d}T{number % 24:02}:{number % 60:02}:{number % 59:02}.{number % 1000:03}Z",
        **{f"Unused{n}": f"value {n}" if n % 2 else n * 1.5 for n in range(22)},
    }
    return msgspec.json.Encoder(decimal_format="number").encode(row)


def by_hand() -> Callable[[bytes], tuple[str, bytes, bytes]]:
    """What a person would write for this mapping and no other: the same key, hash and record."""
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    encode = msgspec.json.Encoder(decimal_format="number").encode
    compact = msgspec.json.Encoder().encode
    keys: dict[tuple[str, ...], str] = {}
    dates: dict[str, str] = {}
    model = load_model()
    head = {name: str(model.entities[name].prefix) for name in REFERRED}

    def made(entity: str, *parts: str | None) -> str | None:
        given = [part for part in parts if part is not None]
        if not given:
            return None
        known = keys.get((entity, *given))
        if known is None:
            known = head[entity] + PART + hashlib.md5(compact(given), usedforsecurity=False).hexdigest()
            keys[entity, *given] = known
        return known

    def text(value: str | None) -> str | None:
        return value if value and not value.isspace() else None

    def moment(value: str | None) -> str | None:
        if not value:
            return None
        known = dates.get(value)
        if known is None:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is None:
                parsed = parsed.replace(tzinfo=UTC)
            spec = "milliseconds" if parsed.microsecond else "seconds"
            known = parsed.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
            if len(dates) < 8192:
                dates[value] = known
        return known

    def address(place: dict[str, Any]) -> dict[str, Any]:
        return {
            "country": text(place["Country"]),
            "addressLines": text(place["Street"]),
            "addressee": text(place["Name"]),
            "state": None,
            "city": text(place["City"]),
            "postCode": text(place["Zip"]),
            "phone": None,
            "email": None,
            "notes": None,
            "isActive": None,
            "createdAt": None,
            "updatedAt": None,
        }

    def convert(raw: bytes) -> tuple[str, bytes, bytes]:
        row = decode(raw)
        number = row["Number"]
        key = head["PurchaseOrder"] + PART + hashlib.md5(compact([number])).hexdigest()
        shipping = row["Shipping"]
        record = {
            "key": key,
            "siteKey": made("Site", text(row["Site"])),
            "organizationKey": made("Organization", text(row["Company"])),
            "orderDate": moment(row["Ordered"]),
            "vendorKey": made("Vendor", text(row["Company"]), text(row["Vendor"])),
            "userRequestedKey": made("User", text(row["Requester"])),
            "userApprovedKey": made("User", text(row["Approver"])),
            "orderNo": text(number),
            "statusKey": made("Status", "orders", text(row["State"])),
            "title": text(row["Subject"]),
            "description": " / ".join(part for part in (text(row["Text1"]), text(row["Text2"])) if part),
            "dueAt": moment(row["Due"]),
            "approvedAt": moment(row["Approved"]),
            "completedAt": moment(row["Completed"]),
            "shippingMethod": SHIPPING.get(shipping, shipping),
            "shipmentDate": moment(row["Shipped"]),
            "shipmentAddress": None,
            "billingAddress": address(row["BillTo"]),
            "terms": text(row["TermsText"]) or text(row["Terms"]),
            "notes": text(row["Note"]),
            "deliveryAddress": address(row["ShipTo"]),
            "currencyKey": made("Currency", text(row["Currency"])),
            "locationKey": made("Location", text(row["Store"])),
            "totalNetValue": format(row["Net"], "f"),
            "totalGrossValue": format(row["Gross"], "f"),
            "updatedAt": moment(row["Changed"]),
            "lineItems": None,
            "customFields": {
                "plant": row["XPlant"],
                "buyer": row["XBuyer"],
                "project": row["XProject"],
                "weight": row["XWeight"],
                "urgent": row["XUrgent"],
                "class": row["XClass"],
                "reference": row["XReference"],
            },
        }
        return key, hashlib.sha256(raw).digest()[:16], encode(record)

    return convert


def projection() -> Projection:
    model = load_model()
    definition = parse_definition(
        {
            "system": "plant",
            "name": "Plant",
            "summary": "Forty fields.",
            "categories": ["erp"],
            "tier": 1,
            "hosting": "either",
            "evidence": "contract",
            "statuses": {"orders": STATES},
            "entities": {
                "PurchaseOrder": {
                    "read": {"protocol": "http", "request": {"path": "/orders"}},
                    "key": ["Number"],
                    "modified": "Changed",
                    "map": MAP,
                }
            },
        },
        where="plant",
    )
    return Projection(
        model,
        model.entities["PurchaseOrder"],
        definition.entities["PurchaseOrder"],
        part=PART,
        zone=None,
        where="plant.PurchaseOrder",
        statuses=definition.statuses,
    )


def as_a_run_does(mapping: Projection) -> Callable[[bytes], tuple[str, bytes, bytes]]:
    return lambda raw: (mapping.key(raw), mapping.hash(raw), mapping.record(raw).payload)


def rate(convert: Callable[[bytes], Any], rows: list[bytes]) -> float:
    began = process_time()
    for raw in rows:
        convert(raw)
    return len(rows) / (process_time() - began)


def fields_of(mapping: dict[str, Any]) -> int:
    """How many fields a mapping fills, those inside objects and custom fields included, with its key and time."""
    inner = [one.get("object") or one.get("fields") for one in mapping.values() if isinstance(one, dict)]
    return 2 + len(mapping) + sum(len(one) - 1 for one in inner if one)


def main() -> None:
    rows = [raw_row(number) for number in range(1, ROWS + 1)]
    hand = by_hand()
    mapping = projection()
    whole = as_a_run_does(mapping)
    for raw in rows[:500]:
        ours, theirs = whole(raw), hand(raw)
        assert ours[0] == theirs[0]
        assert msgspec.json.decode(ours[2]) == msgspec.json.decode(theirs[2])
    ways = {"by hand": hand, "key, hash, record": whole, "record alone": mapping.record}
    best = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for name, convert in ways.items():
            best[name] = max(best[name], rate(convert, rows))
    print(f"{fields_of(MAP)} fields, {len(rows[0]):,} bytes a row")
    for name, reached in best.items():
        print(f"{name:18} {reached:9,.0f} rows/s  {reached / best['by hand']:5.2f} x by hand")


if __name__ == "__main__":
    main()
