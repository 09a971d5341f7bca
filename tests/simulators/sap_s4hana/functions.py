"""Function imports of maintenance orders, with the transitions that SAP's system status allows."""

import re
from typing import Any

from .filter import Wrong

_MOMENT = r"datetimeoffset'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'"
_FLAG = "true|false"
_CLOSING = {"MaintOrderReferenceDateTime": _MOMENT, "AssignedMaintNotifIsToBeClosed": _FLAG}

# Parameters beside the order, the status it must have, the status and the sub-phase it gets.
_FUNCTIONS: dict[str, tuple[dict[str, str], tuple[str, ...], str, str]] = {
    "ReleaseMaintenanceOrder": ({}, ("CRTD",), "REL", "0065"),
    "SubmitMaintOrderForApproval": ({}, ("CRTD",), "CRTD", "0040"),
    "ApproveMaintenanceOrder": ({}, ("CRTD",), "CRTD", "0045"),
    "RejectMaintenanceOrder": ({}, ("CRTD",), "CRTD", "0050"),
    "SetMaintOrderToReadyForSchedg": ({}, ("CRTD",), "CRTD", "0060"),
    "SetMaintOrdToMainWorkComplete": (
        {"MainWorkCompletedDateTime": _MOMENT, "MainWrkCmpltdDateTimeIsUsed": _FLAG},
        ("REL",),
        "REL",
        "0075",
    ),
    "SetMaintOrdToTechCompleted": (
        {**_CLOSING, "MainWrkCmpltdDateTimeIsUsed": _FLAG},
        ("REL",),
        "TECO",
        "0085",
    ),
    "SetMaintOrderStatusToClosed": (_CLOSING, ("TECO",), "CLSD", "0095"),
    "SetMaintOrdStsToMrkdForDeltn": (
        {"AssgdMaintNotifIsToBeSetDel": _FLAG},
        ("CRTD", "TECO", "CLSD"),
        "DLFL",
        "0105",
    ),
}


def call(rows: dict[str, list[dict[str, Any]]], name: str, options: dict[str, str]) -> dict[str, Any]:
    """The order after the function. Raises Wrong."""
    if name not in _FUNCTIONS:
        raise Wrong(f"Resource not found for segment '{name}'", 404)
    parameters, before, after, phase = _FUNCTIONS[name]
    wanted = {"MaintenanceOrder": "'[^']+'", **parameters}
    if set(options) != set(wanted):
        raise Wrong(f"The parameters of {name} are {', '.join(wanted)}", 400)
    for parameter, pattern in wanted.items():
        if not re.fullmatch(pattern, options[parameter]):
            raise Wrong(f"{options[parameter]} is no literal for {parameter}", 400)
    number = options["MaintenanceOrder"].strip("'")
    order = next((row for row in rows["MaintenanceOrder"] if row["MaintenanceOrder"] == number), None)
    if order is None:
        raise Wrong(f"Order {number} does not exist", 404)
    status = order["SystemStatusText"].split()[0]
    if status not in before:
        raise Wrong(f"System status {status} is active: {name} is not possible", 400, "IW/080")
    order["SystemStatusText"] = f"{after}  PRC"
    if order.get("MaintOrdProcessSubPhaseCode"):
        order["MaintOrdProcessSubPhaseCode"] = phase
    return {"MaintenanceOrder": number}
