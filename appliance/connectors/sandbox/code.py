"""Sample rows of a small plant operator, the same for a connection every time: dates count from when it was made."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from appliance.errors import SourceError
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.select import encode
from appliance.runtime.source import Source

Row = dict[str, Any]

PAGE = 50
ORGANIZATION = "SAMPLE"
SITES = (
    ("NORTH", "North plant", "Hamburg", "20457", "53.5488", "9.9872"),
    ("SOUTH", "South plant", "Linz", "4020", "48.3069", "14.2858"),
    ("PORT", "Port terminal", "Rotterdam", "3011", "51.9244", "4.4777"),
)
AREAS = ("Boiler house", "Pump station", "Packaging hall", "Tank farm")
MACHINES = (
    ("Centrifugal pump", "Pumps", "Ridgeway", "RC-40"),
    ("Screw compressor", "Compressors", "Halden", "HS-75"),
    ("Conveyor", "Conveyors", "Beltline", "BL-12"),
    ("Steam boiler", "Boilers", "Thermax Sample", "TB-200"),
    ("Filling machine", "Packaging", "Fillwell", "FW-8"),
)
PARTS = (
    "Shaft seal",
    "Ball bearing",
    "V-belt",
    "Oil filter",
    "Pressure sensor",
    "Gasket set",
    "Relay",
    "Valve seat",
)
VENDORS = (
    "Sample Bearings",
    "Sample Seals",
    "Sample Electric",
    "Sample Lubricants",
    "Sample Fasteners",
    "Sample Valves",
)
JOBS = (
    "Replace shaft seal",
    "Lubricate bearings",
    "Inspect belt",
    "Calibrate sensor",
    "Change filter",
    "Vibration check",
)
WORK_STATES = ("draft", "approved", "in_progress", "completed", "cancelled")
ORDER_STATES = ("draft", "approved", "sent", "received", "completed", "cancelled")


# The last one, for trying out what an application does with a refusal.
BLOCKED_VENDOR = f"V{len(VENDORS):02}"


class Reader:
    """Pages of one entity's sample rows."""

    proves_absence = True

    def __init__(self, source: Source, entity: str, options: dict[str, Any]) -> None:
        self._rows = [encode(row) for row in ROWS[entity](_sample(source))]

    def first(self) -> Position:
        return {"offset": 0}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        start = position["offset"]
        size = 1 if sample else PAGE
        following = {"offset": start + size} if not sample and start + size < len(self._rows) else None
        return Page(self._rows[start : start + size], following, len(self._rows))


class Writer:
    """Answers writes as a system would and changes nothing. Two things fail on purpose, as they do in real systems."""

    def __init__(self, source: Source, entity: str, operation: str, options: dict[str, Any]) -> None:
        self._stock = {row["part"]: row["quantity"] for row in stocks(_sample(source))}
        self._operation = operation

    def write(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """A key of its own for a new record. Raises SourceError for the blocked vendor and for parts out of stock."""
        record = context["record"]
        if record.get("vendorKey") == BLOCKED_VENDOR:
            raise SourceError(
                f"Vendor {BLOCKED_VENDOR} is blocked for purchasing. Choose another vendor.",
                details={"source_code": "INVALID_VENDOR", "field": "vendorKey"},
            )
        used = (
            [record]
            if self._operation in ("add-material", "change-material")
            else record.get("lineItems") or []
        )
        for item in used:
            part = item.get("materialKey")
            if self._stock.get(part) == "0" and self._operation != "create":
                raise SourceError(
                    f"Part {part} is out of stock. Use another storeroom or order it first.",
                    details={"source_code": "OUT_OF_STOCK", "field": "materialKey"},
                )
        return {"id": f"NEW-{context['reference'][:10].upper()}"}


def _sample(source: Source) -> "Sample":
    return Sample(datetime.fromtimestamp(source.created_at / 1000, UTC))


class Sample:
    """Draws values; `anchor` is the day everything counts from."""

    def __init__(self, anchor: datetime) -> None:
        self._anchor = anchor.replace(hour=6, minute=0, second=0, microsecond=0)

    def day(self, offset: float) -> str:
        return (self._anchor + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def draw(self, *seed: object) -> random.Random:
        return random.Random("/".join(map(str, seed)))


def organizations(sample: Sample) -> list[Row]:
    return [
        {
            "id": ORGANIZATION,
            "name": "Sample Plants",
            "description": "Sample data of the sandbox",
            "currency": "EUR",
            "created": sample.day(-900),
            "modified": sample.day(-30),
        }
    ]


def sites(sample: Sample) -> list[Row]:
    return [
        {
            "id": code,
            "organization": ORGANIZATION,
            "name": name,
            "description": f"{name} in {city}",
            "country": {"Hamburg": "DE", "Linz": "AT", "Rotterdam": "NL"}[city],
            "city": city,
            "street": f"{index + 1} Harbor Road",
            "post_code": post,
            "latitude": lat,
            "longitude": lng,
            "created": sample.day(-900),
            "modified": sample.day(-60 + index),
        }
        for index, (code, name, city, post, lat, lng) in enumerate(SITES)
    ]


def locations(sample: Sample) -> list[Row]:
    rows: list[Row] = []
    for code, *_ in SITES:
        for number, area in enumerate(AREAS, 1):
            rows.append(
                {
                    "id": f"{code}-L{number}",
                    "site": code,
                    "organization": ORGANIZATION,
                    "parent": None,
                    "name": area,
                    "kind": "area",
                    "active": True,
                    "created": sample.day(-800),
                    "modified": sample.day(-70),
                }
            )
    return rows


def storerooms(sample: Sample) -> list[Row]:
    return [
        {
            "id": f"{code}-STORE",
            "site": code,
            "location": f"{code}-L3",
            "name": f"{name} storeroom",
            "kind": "storeroom",
            "created": sample.day(-800),
            "modified": sample.day(-70),
        }
        for code, name, *_ in SITES
    ]


def teams(sample: Sample) -> list[Row]:
    return [
        {
            "id": code,
            "name": name,
            "organization": ORGANIZATION,
            "created": sample.day(-700),
            "modified": sample.day(-90),
        }
        for code, name in (("MECH", "Mechanical"), ("ELEC", "Electrical"), ("INST", "Instrumentation"))
    ]


def users(sample: Sample) -> list[Row]:
    return [
        {
            "id": f"U{number:02}",
            "name": f"Sample user {number:02}",
            "role": ("planner", "technician", "buyer")[number % 3],
            "organization": ORGANIZATION,
            "sites": [SITES[number % 3][0]],
            "created": sample.day(-600),
            "modified": sample.day(-45),
        }
        for number in range(1, 10)
    ]


def assets(sample: Sample) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, 46):
        site = SITES[number % 3][0]
        name, category, maker, model = MACHINES[number % len(MACHINES)]
        rows.append(
            {
                "id": f"A-{1000 + number}",
                "site": site,
                "location": f"{site}-L{number % 4 + 1}",
                "parent": f"A-{1000 + number - 5}" if number % 7 == 0 else None,
                "vendor": f"V{number % len(VENDORS) + 1:02}",
                "team": ("MECH", "ELEC", "INST")[number % 3],
                "name": f"{name} {number:02}",
                "description": f"{name} in the {AREAS[number % 4].lower()}",
                "category": category,
                "criticality": ("A", "B", "C")[number % 3],
                "active": number % 11 != 0,
                "manufacturer": maker,
                "model": model,
                "serial": f"SN{number * 7919 % 100000:05}",
                "installed": sample.day(-500 - number),
                "x_cost_center": f"CC{100 + number % 5}",
                "created": sample.day(-500 - number),
                "modified": sample.day(-(number % 40) - 1),
            }
        )
    return rows


def vendors(sample: Sample) -> list[Row]:
    return [
        {
            "id": f"V{number:02}",
            "name": name,
            "organization": ORGANIZATION,
            "created": sample.day(-700),
            "modified": sample.day(-100 + number),
        }
        for number, name in enumerate(VENDORS, 1)
    ]


def units(sample: Sample) -> list[Row]:
    return [
        {"code": code, "name": name, "modified": sample.day(-900)}
        for code, name in (("EA", "Each"), ("KG", "Kilogram"), ("L", "Liter"), ("M", "Meter"))
    ]


def currencies(sample: Sample) -> list[Row]:
    return [
        {
            "code": code,
            "name": name,
            "base": str(code == "EUR").lower(),
            "created": None,
            "modified": sample.day(-900),
        }
        for code, name in (("EUR", "Euro"), ("USD", "US dollar"), ("JPY", "Japanese yen"))
    ]


def parts(sample: Sample) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, 61):
        draw = sample.draw("part", number)
        vendor = f"V{number % len(VENDORS) + 1:02}"
        rows.append(
            {
                "id": f"P-{2000 + number}",
                "organization": ORGANIZATION,
                "vendor": vendor,
                "part_number": f"{draw.randrange(10**6):06}",
                "name": f"{PARTS[number % len(PARTS)]} {number:02}",
                "description": f"Spare part {number:02}",
                "active": number % 13 != 0,
                "manufacturer": MACHINES[number % len(MACHINES)][2],
                "minimum": str(draw.randint(1, 10)),
                "uom": ("EA", "KG", "L", "M")[number % 4],
                "cost": money(draw, 200, 90000),
                "currency": "EUR",
                "offers": [{"vendor": vendor, "currency": "EUR", "part_number": f"M{number:04}"}],
                "created": sample.day(-400),
                "modified": sample.day(-(number % 60) - 1),
            }
        )
    return rows


def stocks(sample: Sample) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, 61):
        draw = sample.draw("stock", number)
        site = SITES[number % 3][0]
        rows.append(
            {
                "id": f"{site}-STORE/P-{2000 + number}",
                "part": f"P-{2000 + number}",
                "storeroom": f"{site}-STORE",
                "uom": ("EA", "KG", "L", "M")[number % 4],
                # Every twelfth part is out of stock.
                "quantity": "0" if number % 12 == 0 else str(draw.randint(1, 250)),
                "minimum": "5",
                "maximum": "300",
                "created": sample.day(-400),
                "modified": sample.day(-(number % 20) - 1),
            }
        )
    return rows


def service_requests(sample: Sample) -> list[Row]:
    return [
        {
            "id": f"SR-{4000 + number}",
            "site": SITES[number % 3][0],
            "asset": f"A-{1000 + number % 45 + 1}",
            "work_order": f"WO-{3000 + number}" if number % 2 else None,
            "requested_by": f"U{number % 9 + 1:02}",
            "title": f"Noise at machine {number:02}",
            "description": "Heard during the round",
            "status": ("open", "approved", "rejected", "closed")[number % 4],
            "severity": ("low", "medium", "high")[number % 3],
            "created": sample.day(-number),
            "modified": sample.day(-number + 0.5),
        }
        for number in range(1, 31)
    ]


def work_orders(sample: Sample) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, 121):
        state = WORK_STATES[number % len(WORK_STATES)]
        age = number * 0.7 + 1
        site = SITES[(number % 45 + 1) % 3][0]
        rows.append(
            {
                "id": f"WO-{3000 + number}",
                "site": site,
                "location": f"{site}-L{number % 4 + 1}",
                "asset": f"A-{1000 + number % 45 + 1}",
                "team": ("MECH", "ELEC", "INST")[number % 3],
                "request": f"SR-{4000 + number}" if number <= 30 and number % 2 else None,
                "storeroom": f"{site}-STORE",
                "title": JOBS[number % len(JOBS)],
                "instructions": "Lock out, do the job, test, hand over.",
                "status": state,
                "severity": ("low", "medium", "high")[number % 3],
                "kind": ("corrective", "preventive")[number % 2],
                "planned_minutes": 30 * (number % 6 + 1),
                "actual_minutes": 25 * (number % 6 + 1) if state == "completed" else None,
                "due": sample.day(14 - age),
                "scheduled": sample.day(10 - age),
                "approved": None if state == "draft" else sample.day(-age + 0.2),
                "completed": sample.day(-age + 1) if state == "completed" else None,
                "remarks": "Done as planned" if state == "completed" else None,
                "material_count": number % 4,
                "tasks": [
                    {"number": str(step), "title": title, "priority": "1"}
                    for step, title in enumerate(("Isolate", JOBS[number % len(JOBS)], "Test"), 1)
                ],
                "x_permit": f"PTW-{number:04}" if number % 5 == 0 else None,
                "created": sample.day(-age),
                "modified": sample.day(-age + 1),
            }
        )
    return rows


def purchase_orders(sample: Sample) -> list[Row]:
    return [purchase_order(sample, number) for number in range(1, 61)]


def purchase_order(sample: Sample, number: int) -> Row:
    draw = sample.draw("order", number)
    state = ORDER_STATES[number % len(ORDER_STATES)]
    age = number * 1.3
    lines = [order_line(draw, line, state) for line in range(1, draw.randint(1, 4) + 1)]
    net = sum((Decimal(line["total"]) for line in lines), Decimal(0))
    tax = sum((Decimal(line["tax"]) for line in lines), Decimal(0))
    return {
        "id": f"PO-{5000 + number}",
        "site": SITES[number % 3][0],
        "organization": ORGANIZATION,
        "ordered": sample.day(-age),
        "vendor": f"V{number % len(VENDORS) + 1:02}",
        "requested_by": f"U{number % 9 + 1:02}",
        "approved_by": None if state == "draft" else "U03",
        "status": state,
        "title": f"Spare parts {number:02}",
        "description": "Order of the sandbox",
        "due": sample.day(-age + 20),
        "approved": None if state == "draft" else sample.day(-age + 0.4),
        "completed": sample.day(-age + 9) if state == "completed" else None,
        "terms": "30 days net",
        "currency": "EUR",
        "net": str(net),
        "gross": str(net + tax),
        "lines": lines,
        "x_project": f"PRJ-{number % 7:03}" if number % 3 == 0 else None,
        "created": sample.day(-age),
        "modified": sample.day(-age + 1),
    }


def order_line(draw: random.Random, number: int, state: str) -> Row:
    part = draw.randint(1, 60)
    quantity = draw.randint(1, 20)
    price = Decimal(money(draw, 500, 50000))
    total = price * quantity
    return {
        "number": str(number * 10),
        "part": f"P-{2000 + part}",
        "name": f"{PARTS[part % len(PARTS)]} {part:02}",
        "quantity": str(quantity),
        "received": str(quantity if state in ("received", "completed") else 0),
        "uom": ("EA", "KG", "L", "M")[part % 4],
        "price": str(price),
        "tax": str((total * Decimal("0.2")).quantize(Decimal("0.01"))),
        "total": str(total),
    }


def money(draw: random.Random, low: int, high: int) -> str:
    return str(Decimal(draw.randint(low, high)) / 100)


ROWS: dict[str, Callable[[Sample], list[Row]]] = {
    "Organization": organizations,
    "Site": sites,
    "Location": locations,
    "Storeroom": storerooms,
    "Team": teams,
    "User": users,
    "Asset": assets,
    "Vendor": vendors,
    "UnitOfMeasure": units,
    "Currency": currencies,
    "Part": parts,
    "Stock": stocks,
    "ServiceRequest": service_requests,
    "WorkOrder": work_orders,
    "PurchaseOrder": purchase_orders,
}
