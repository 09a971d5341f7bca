"""Values as they are sent and taken in both versions, and what a refusal looks like."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .filter import Wrong

# What the metadata says of the length of texts, where a test comes near it.
LENGTHS = {
    **dict.fromkeys(("CorrespncExternalReference", "CorrespncInternalReference"), 12),
    **dict.fromkeys(("EquipmentName", "MaintenanceOrderDesc", "NotificationText", "ProductDescription"), 40),
    **dict.fromkeys(
        ("CompanyCode", "Plant", "StorageLocation", "MaintenancePlanningPlant", "ScheduleLine"), 4
    ),
    "MaintenanceOrderOperation": 4,
    "PurchaseOrderItem": 5,
    "MaintNotifExtReferenceNumber": 20,
    "TechnicalObjectSortCode": 25,
    "MaterialDocumentHeaderText": 25,
    "ReferenceDocument": 16,
    "PurchasingDocumentDeletionCode": 1,
    "MaintNotifLongTextForEdit": 1333,
    "AccountAssignmentNumber": 2,
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DAY, _MOMENT = re.compile(r"/Date\((\d+)\)/"), re.compile(r"/Date\((\d+)\+0000\)/")


def shown_value(version: int, kind: str, value: Any, headers: Mapping[str, str]) -> Any:
    if value is None:
        return "" if kind == "" else False if kind == "b" else "0" if kind == "n" and version == 2 else None
    if version == 2 and kind == "d":
        return f"/Date({_ms(value)})/"
    if version == 2 and kind == "t":
        return f"/Date({_ms(value)}+0000)/"
    if kind == "f" or (
        kind == "n" and version == 4 and "IEEE754Compatible=true" not in headers.get("accept", "")
    ):
        return float(value)
    return value


def taken_value(version: int, kind: str, name: str, value: Any) -> Any:
    """A value of a body as it is kept. Raises Wrong where its form is not that of its type."""
    if value is None:
        return None if kind else ""
    match kind:
        case "b":
            good = isinstance(value, bool)
        case "n" | "f" if version == 2:
            good = isinstance(value, str) and _NUMBER.fullmatch(value) is not None
        case "n" | "f":
            good = isinstance(value, int | float) and not isinstance(value, bool)
            value = format(value, "f") if isinstance(value, float) else str(value)
            value = re.sub(r"(\.\d*?)0+$", r"\1", value).rstrip(".") if "." in value else value
        case "d" | "t" if version == 2:
            found = (_DAY if kind == "d" else _MOMENT).fullmatch(value) if isinstance(value, str) else None
            good = found is not None and (kind == "t" or int(found[1]) % 86_400_000 == 0)
            if found is not None:
                moment = datetime.fromtimestamp(int(found[1]) / 1000, UTC)
                value = moment.strftime("%Y-%m-%d" if kind == "d" else "%Y-%m-%dT%H:%M:%SZ")
        case "d":
            good = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
        case _:
            good = isinstance(value, str)
    if not good:
        raise Wrong(f"Property '{name}' has invalid value '{value}'", 400)
    if isinstance(value, str) and len(value) > LENGTHS.get(name, 1333):
        raise Wrong(f"Property '{name}' has value '{value}' that exceeds its length {LENGTHS[name]}", 400)
    return value


def refusal(version: int, wrong: Wrong) -> bytes:
    message: Any = str(wrong) if version == 4 else {"lang": "en", "value": str(wrong)}
    return json.dumps({"error": {"code": wrong.code, "message": message}}).encode()


def _ms(value: str) -> int:
    moment = datetime.fromisoformat(value)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
