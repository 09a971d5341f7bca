"""Suppliers, products and plants, and plain rows for any other entity set; all computed from an index."""

from collections.abc import Iterator
from decimal import Decimal

from ..odata.metadata import EntityType, Property
from ..odata.wire import INTEGERS, Value, to_json
from .tables import Row

SUPPLIERS = 500
PRODUCTS = 2000
_DAY = 86_400_000
_FIRST_DAY = 1_420_070_400_000  # 2015-01-01, before every order

_CITIES = [
    ("Walldorf", "69190", "DE", "EUR"), ("Lyon", "69002", "FR", "EUR"), ("Turin", "10121", "IT", "EUR"),
    ("Leeds", "LS1 4AP", "GB", "GBP"), ("Ohio City", "44113", "US", "USD"), ("Osaka", "530-0001", "JP",
    "JPY"),
    ("Malmö", "211 20", "SE", "SEK"), ("São Paulo", "01310-100", "BR", "USD"),
]  # fmt: skip
_TRADES = [
    "Bearings",
    "Seals & Gaskets",
    "Valves",
    "O'Brien Pumps",
    "Fasteners",
    "Motors",
    "Filter",
    'Kabel "Nord"',
]
_PARTS = ["Mechanical seal", "Deep groove ball bearing", "Gate valve DN50", "V-belt",
"Filter cartridge 10 µm",
          "Hex bolt M12x60", "Contactor 24 V", "Gear oil ISO VG 220"]  # fmt: skip
_UNITS = ["PC", "EA", "M", "KG", "L"]
PLANTS = [("1010", "Plant 1 DE", "1010"), ("1020", "Plant 2 DE", "1010"), ("1110", "Plant 1 GB", "1110"),
          ("1210", "Plant 1 FR", "1210"), ("1710", "Plant 1 US", "1710")]  # fmt: skip


def supplier_number(n: int) -> str:
    """Ten digits with leading zeros, as document APIs give numeric supplier numbers; every 50th has
    letters.
    """
    return f"SUP-{n:06d}" if n % 50 == 49 else f"{10_300_000 + n:010d}"


def city(n: int) -> tuple[str, str, str, str]:
    """City, postal code, country and currency of supplier `n`."""
    return _CITIES[n % len(_CITIES)]


def supplier_name(n: int) -> str:
    return f"{_TRADES[n % len(_TRADES)]} {city(n)[0]} {n:03d}"


def product_number(n: int) -> str:
    return f"MRO-{n:05d}" if n % 4 == 3 else f"{100_000 + n}"


def product_text(n: int) -> str:
    return f"{_PARTS[n % len(_PARTS)]} {n:04d}"


def unit(n: int) -> str:
    return _UNITS[n * 7 % len(_UNITS)]


def rows_of(entity: EntityType, plain: int) -> Iterator[Row]:
    """The rows of a read-only set, in key order; sets unknown here get `plain` rows with a value of each
    type.
    """
    makers = {
        "A_Supplier": (SUPPLIERS, _supplier),
        "A_Product": (PRODUCTS, _product),
        "A_ProductDescription": (PRODUCTS, _description),
        "A_Plant": (len(PLANTS), _plant),
    }
    count, values = makers.get(entity.set_name, (plain, lambda n: {}))
    known = entity.set_name in makers
    rows = [
        {
            prop.name: to_json(
                made.get(prop.name, _initial(prop) if known else _plain(prop, n, entity)), prop
            )
            for prop in entity.properties.values()
        }
        for n, made in ((n, values(n)) for n in range(count))
    ]
    rows.sort(key=lambda row: [row[name] for name in entity.key])
    yield from rows


def _supplier(n: int) -> dict[str, Value]:
    _, _, country, _ = city(n)
    return {
        "Supplier": supplier_number(n), "SupplierName": supplier_name(n),
        "SupplierFullName": supplier_name(n),
        "SupplierAccountGroup": "SUPL", "CreatedByUser": "MILLER", "CreationDate": _FIRST_DAY + n * _DAY,
        "VATRegistration": f"{country}{811_000_000 + n}", "PurchasingIsBlocked": n % 40 == 7,
        "DeletionIndicator": n % 100 == 13, "TaxNumberType": country,
    }  # fmt: skip


def _product(n: int) -> dict[str, Value]:
    changed = None if n % 5 == 0 else _FIRST_DAY + n * _DAY + 37_125_000
    weight = Decimal(n % 400 + 1) / 8
    return {
        "Product": product_number(n), "ProductType": "ERSA", "CreationDate": _FIRST_DAY + n % 3000 * _DAY,
        "CreatedByUser": "SCHMIDT", "LastChangeDateTime": changed,
        "LastChangeDate": None if changed is None else changed - changed % _DAY,
        "LastChangedByUser": "" if changed is None else "MILLER", "IsMarkedForDeletion": n % 90 == 11,
        "GrossWeight": weight, "NetWeight": weight, "WeightUnit": "KG", "BaseUnit": unit(n),
        "PurchaseOrderQuantityUnit": "" if n % 3 else unit(n + 1), "ProductGroup": f"A{n % 40:03d}",
        "ProductManufacturerNumber": f"MPN-{n * 13:06d}", "IndustrySector": "M",
        "CountryOfOrigin": city(n)[2],
    }  # fmt: skip


def _description(n: int) -> dict[str, Value]:
    return {"Product": product_number(n), "Language": "EN", "ProductDescription": product_text(n)}


def _plant(n: int) -> dict[str, Value]:
    plant, name, company = PLANTS[n]
    return {
        "Plant": plant,
        "PlantName": name,
        "CompanyCode": company,
        "CompanyCodeName": f"Company Code {company}",
    }


def _initial(prop: Property) -> Value:
    """SAP's initial value: it has no null for characters and numbers, only for empty dates."""
    if prop.type == "Boolean":
        return False
    if prop.type in INTEGERS:
        return 0
    if prop.type in ("Double", "Single"):
        return 0.0
    if prop.type == "Decimal":
        return Decimal(0)
    return "" if prop.type == "String" else None


def _plain(prop: Property, n: int, entity: EntityType) -> Value:
    if prop.name not in entity.key and n % 7 == 3:
        return _initial(prop)
    match prop.type:
        case "String":
            return str(n + 1).zfill(prop.max_length or 1)[-(prop.max_length or 40) :]
        case "Boolean":
            return n % 2 == 0
        case "DateTime":
            return _FIRST_DAY + n * _DAY
        case "DateTimeOffset":
            return _FIRST_DAY + n * _DAY + 45_296_000
        case "Time":
            return n * 61 % 86_400
        case "Guid":
            return f"00000000-0000-4000-8000-{n:012d}"
        case "Decimal":
            return Decimal(n % 9)
        case "Double" | "Single":
            return float(n)
        case kind if kind in INTEGERS:
            return n % 100
    return None


def initial_row(entity: EntityType) -> dict[str, str]:
    """A row of `entity` with every property at its initial value."""
    return {prop.name: to_json(_initial(prop), prop) for prop in entity.properties.values()}
