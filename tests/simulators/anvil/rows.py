"""What is in the system: plain numbers of rows, changed one minute after the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

FIRST = datetime(2026, 1, 5, 6, 0, 0, 250_000, tzinfo=UTC)


def moment(minutes: int) -> str:
    return (FIRST + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows() -> dict[str, dict[int, Row]]:
    """Rows by collection and id."""
    made = {
        "suppliers": [_supplier(n) for n in range(1, 8)],
        "parts": [_part(n) for n in range(1, 121)],
        "machines": [_machine(n) for n in range(1, 61)],
        "jobs": [_job(n) for n in range(1, 56)],
        "purchases": [_purchase(n) for n in range(1, 56)],
    }
    return {
        # Days apart, so that a filter by time has something to leave out.
        name: {row["id"]: {**row, "created": moment(0), "changed": moment(row["id"] * 90)} for row in listed}
        for name, listed in made.items()
    }


def _supplier(n: int) -> Row:
    return {"id": n, "number": f"S-{n:04}", "title": f"Supplier {n}"}


def _part(n: int) -> Row:
    return {
        "id": n,
        "sku": f"{n:06}",
        "title": f"Bearing {n}",
        "price": {"amount": f"{n}.10", "currency": "EUR"},
        "suppliers": [{"id": 1 + n % 7}],
        "active": "N" if n % 10 == 0 else "Y",
    }


def _machine(n: int) -> Row:
    return {
        "id": n,
        "title": f"Pump {n}",
        "serial": f"P{n:05}",
        "parent_id": None if n < 6 else 1 + n % 5,
        "supplier_id": 1 + n % 7,
        "state": ("running", "stopped", "scrapped")[n % 3],
        "x_permit": "hot work" if n % 4 == 0 else None,
    }


def _job(n: int) -> Row:
    return {
        "id": n,
        "number": f"J-{n:05}",
        "subject": f"Grease pump {n}",
        "text": f"Two strokes of the gun, pump {n}.",
        "machine": {"id": 1 + n % 60},
        "state": ("NEW", "WIP", "DONE")[n % 3],
        "hours": {"planned": 1.25, "spent": 0.1 * n},
        "due": "2026-02-01",
        "steps": [{"id": n * 10 + k, "step": k, "text": f"Step {k}"} for k in (1, 2)],
    }


def _purchase(n: int) -> Row:
    return {
        "id": n,
        "number": f"P-{n:05}",
        "subject": f"Bearings {n}",
        "ordered": "2026-01-04",
        "supplier": {"id": 1 + n % 7},
        "state": ("DRAFT", "SENT", "RECEIVED")[n % 3],
        "total": f"{n * 3}.30",
        "lines": [{"position": k, "part_id": n + k, "quantity": k, "price": f"{n}.10"} for k in (1, 2)],
    }
