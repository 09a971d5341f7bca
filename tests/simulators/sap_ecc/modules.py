"""The customer's modules that write, as the connector's documentation describes them: one call, one unit of work.

A parameter that a module does not know and a value that is not of its type end in a fault, as in SAP; what the BAPI
refuses comes as messages of type E with status 200, and nothing is stored then. A table comes back only when sent.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.simulators.soap_rfc.node import AbapException

if TYPE_CHECKING:
    from .system import Ecc

PREFIX = "Z_APPLIANCE_"
_TODAY = "20260120"
_DATES = {"DOC_DATE", "DELIVERY_DATE", "PSTNG_DATE", "START_DATE", "FINISH_DATE"}
_NUMBERS = {"QUANTITY", "NET_PRICE", "PRICE_UNIT", "ENTRY_QNT"}
_FIELDS = {
    "POHEADER": "DOC_TYPE:4 COMP_CODE:4 PURCH_ORG:4 PUR_GROUP:3 VENDOR:10 DOC_DATE:10 CURRENCY:5 PMNTTRMS:4"
    " REF_1:12 OUR_REF:12",
    "POITEM": "PO_ITEM:5 SHORT_TEXT:40 MATERIAL:18 MATL_GROUP:9 PLANT:4 STGE_LOC:4 QUANTITY:17 PO_UNIT:3"
    " NET_PRICE:29 PRICE_UNIT:5 ACCTASSCAT:1 DELETE_IND:1",
    "POSCHEDULE": "PO_ITEM:5 SCHED_LINE:4 DELIVERY_DATE:10 QUANTITY:17",
    "POACCOUNT": "PO_ITEM:5 SERIAL_NO:2 QUANTITY:17 COSTCENTER:10 GL_ACCOUNT:10",
    "GOODSMVT_HEADER": "PSTNG_DATE:10 DOC_DATE:10 REF_DOC_NO:16 HEADER_TXT:25",
    "GOODSMVT_ITEM": "MATERIAL:18 PLANT:4 STGE_LOC:4 MOVE_TYPE:3 MVT_IND:1 PO_NUMBER:10 PO_ITEM:5 ENTRY_QNT:17"
    " ENTRY_UOM:3",
    "HEADER": "ORDERID:12 ORDER_TYPE:4 PLANPLANT:4 MN_WK_CTR:8 SHORT_TEXT:40 PRIORITY:1 START_DATE:10"
    " FINISH_DATE:10 EQUIPMENT:18 FUNCT_LOC:40 NOTIF_NO:12",
    "OPERATIONS": "ACTIVITY:4 DESCRIPTION:40 CONTROL_KEY:4 WORK_CNTR:8 PLANT:4",
    "NOTIFHEADER": "SHORT_TEXT:40 EQUIPMENT:18 REPORTEDBY:12 PRIORITY:1 PLANPLANT:4",
    "RETURN": "",
}
_PARAMETERS = {
    "PO_CREATE": {"POHEADER", "POITEM", "POSCHEDULE", "POACCOUNT", "RETURN"},
    "PO_CHANGE": {"PURCHASEORDER", "POHEADER", "POITEM", "POSCHEDULE", "RETURN"},
    "GOODS_RECEIPT": {"GOODSMVT_HEADER", "GOODSMVT_ITEM", "RETURN"},
    "ORDER_SAVE": {"ACTION", "HEADER", "OPERATIONS", "RETURN"},
    "NOTIF_CREATE": {"NOTIF_TYPE", "NOTIFHEADER", "DESCRIPTION", "RETURN"},
}
Parameters = dict[str, Any]


class _Refused(Exception):
    """Comes back as a message of type E."""


class Modules:
    def __init__(self, system: "Ecc") -> None:
        self._system = system
        self._number = 100
        self._modules: dict[str, Callable[[Parameters], dict[str, str]]] = {
            "PO_CREATE": self._create_order,
            "PO_CHANGE": self._change_order,
            "GOODS_RECEIPT": self._receive,
            "ORDER_SAVE": self._save_job,
            "NOTIF_CREATE": self._notify,
        }

    def call(self, name: str, parameters: Parameters) -> dict[str, Any]:
        if name not in self._modules:
            raise AbapException(f"FU_NOT_FOUND: {PREFIX}{name}")
        for parameter, value in parameters.items():
            if parameter not in _PARAMETERS[name]:
                raise AbapException(f"CALL_FUNCTION_PARM_UNKNOWN: {parameter}")
            for row in value if isinstance(value, list) else [value]:
                if parameter in _FIELDS and isinstance(row, dict):
                    _check(parameter, row)
        message = {"TYPE": "S", "ID": "06", "NUMBER": "017", "MESSAGE": "Done"}
        exported: dict[str, str] = {}
        before = {name: [dict(row) for row in table.rows] for name, table in self._system.tables.items()}
        try:
            exported = self._modules[name](parameters)
        except _Refused as refused:
            for table, rows in before.items():
                self._system.tables[table].rows = rows
            message = {"TYPE": "E", "ID": "06", "NUMBER": "321", "MESSAGE": str(refused)}
        return {**exported, **({"RETURN": [message]} if "RETURN" in parameters else {})}

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _rows(self, table: str, **cells: str) -> list[dict[str, str]]:
        rows = self._system.tables[table].rows
        return [row for row in rows if all(row[name] == value for name, value in cells.items())]

    def _create_order(self, parameters: Parameters) -> dict[str, str]:
        head = parameters["POHEADER"]
        earlier = self._rows("EKKO", LIFNR=head.get("VENDOR", ""), UNSEZ=head.get("OUR_REF", "none"))
        if earlier:
            return {"EXPPURCHASEORDER": earlier[0]["EBELN"]}
        if not self._rows("LFA1", LIFNR=head.get("VENDOR", "")):
            raise _Refused(f"Vendor {head.get('VENDOR')} does not exist")
        for needed in ("DOC_TYPE", "COMP_CODE", "PURCH_ORG", "PUR_GROUP"):
            if not head.get(needed):
                raise _Refused(f"Enter {needed}")
        if not parameters.get("POITEM"):
            raise _Refused("Document contains no items")
        number = f"45{self._next():08d}"
        names = {"DOC_TYPE": "BSART", "COMP_CODE": "BUKRS", "VENDOR": "LIFNR", "PURCH_ORG": "EKORG"}
        names |= {"PUR_GROUP": "EKGRP", "DOC_DATE": "BEDAT", "CURRENCY": "WAERS", "PMNTTRMS": "ZTERM"}
        names |= {"REF_1": "IHREZ", "OUR_REF": "UNSEZ"}
        fixed = {"EBELN": number, "BSTYP": "F", "AEDAT": _TODAY, "ERNAM": "SYNC", "PROCSTAT": "02"}
        self._system.put("EKKO", **fixed, **_cells(head, names))
        self._items(number, parameters)
        return {"EXPPURCHASEORDER": number}

    def _items(self, number: str, parameters: Parameters) -> None:
        names = {"SHORT_TEXT": "TXZ01", "MATERIAL": "MATNR", "PLANT": "WERKS", "STGE_LOC": "LGORT"}
        names |= {"QUANTITY": "MENGE", "PO_UNIT": "MEINS", "NET_PRICE": "NETPR", "PRICE_UNIT": "PEINH"}
        names |= {"MATL_GROUP": "MATKL", "DELETE_IND": "LOEKZ"}
        items = parameters.get("POITEM") or []
        known = [item.get("PO_ITEM") for item in items]
        for row in (parameters.get("POSCHEDULE") or []) + (parameters.get("POACCOUNT") or []):
            if row.get("PO_ITEM") not in known:
                raise _Refused(f"Item {row.get('PO_ITEM')} is not there")
        for item in items:
            line = item.get("PO_ITEM") or ""
            if not re.fullmatch(r"\d{5}", line):
                raise _Refused(f"Item number {line!r} is not valid")
            if item.get("MATERIAL") and not self._rows("MARA", MATNR=item["MATERIAL"]):
                raise _Refused(f"Material {item['MATERIAL']} does not exist")
            there = self._rows("EKPO", EBELN=number, EBELP=line)
            if there:
                there[0].update(_cells(item, names))
                continue
            if not item.get("PLANT") or not (item.get("MATERIAL") or item.get("MATL_GROUP")):
                raise _Refused(f"Item {line}: enter plant and material group")
            fixed = {"EBELN": number, "EBELP": line, "BSTYP": "F", "AEDAT": _TODAY, "PEINH": "1 "}
            self._system.put("EKPO", **{**fixed, **_cells(item, names)})

    def _change_order(self, parameters: Parameters) -> dict[str, str]:
        found = self._rows("EKKO", EBELN=parameters.get("PURCHASEORDER", ""))
        if not found:
            raise _Refused(f"Purchase order {parameters.get('PURCHASEORDER')} does not exist")
        names = {"PMNTTRMS": "ZTERM", "REF_1": "IHREZ", "DOC_DATE": "BEDAT", "PUR_GROUP": "EKGRP"}
        found[0].update(_cells(parameters.get("POHEADER") or {}, names))
        self._items(parameters["PURCHASEORDER"], parameters)
        return {}

    def _receive(self, parameters: Parameters) -> dict[str, str]:
        head = parameters["GOODSMVT_HEADER"]
        posted = head["PSTNG_DATE"].replace("-", "")
        earlier = self._rows("MKPF", BUDAT=posted, BKTXT=head.get("HEADER_TXT") or "none")
        if earlier:
            return {"MATERIALDOCUMENT": earlier[0]["MBLNR"], "MATDOCUMENTYEAR": earlier[0]["MJAHR"]}
        number, year = f"50{self._next():08d}", posted[:4]
        names = {"PSTNG_DATE": "BUDAT", "DOC_DATE": "BLDAT", "REF_DOC_NO": "XBLNR", "HEADER_TXT": "BKTXT"}
        fixed = {"MBLNR": number, "MJAHR": year, "VGART": "WE", "CPUDT": _TODAY, "CPUTM": "080000"}
        self._system.put("MKPF", **fixed, **_cells(head, names))
        names = {"MOVE_TYPE": "BWART", "STGE_LOC": "LGORT", "PO_NUMBER": "EBELN", "PO_ITEM": "EBELP"}
        names |= {"ENTRY_QNT": "ERFMG", "ENTRY_UOM": "ERFME"}
        for line, item in enumerate(parameters.get("GOODSMVT_ITEM") or [], 1):
            order = self._rows("EKPO", EBELN=item.get("PO_NUMBER", ""), EBELP=item.get("PO_ITEM", ""))
            if not order or item.get("MVT_IND") != "B":
                raise _Refused(f"PO item {item.get('PO_NUMBER')} {item.get('PO_ITEM')} does not exist")
            fixed = {"MBLNR": number, "MJAHR": year, "ZEILE": f"{line:04d}", "SHKZG": "S", "WAERS": "EUR"}
            taken = {"MATNR": order[0]["MATNR"], "WERKS": item.get("PLANT") or order[0]["WERKS"]}
            vendor = {"LIFNR": self._rows("EKKO", EBELN=item["PO_NUMBER"])[0]["LIFNR"]}
            self._system.put("MSEG", **fixed, **taken, **vendor, **_cells(item, names))
        return {"MATERIALDOCUMENT": number, "MATDOCUMENTYEAR": year}

    def _save_job(self, parameters: Parameters) -> dict[str, str]:
        head, action = parameters["HEADER"], parameters["ACTION"]
        if action == "CREATE":
            return self._create_job(head, parameters.get("OPERATIONS") or [])
        found = self._rows("AUFK", AUFNR=head.get("ORDERID", ""))
        if not found:
            raise _Refused(f"Order {head.get('ORDERID')} does not exist")
        (maintenance,) = self._rows("AFIH", AUFNR=head["ORDERID"])
        phase, wanted = maintenance["IPHAS"], {"RELEASE": ("0", "2"), "TECHNICALCOMPLETE": ("2", "3")}
        if action in wanted:
            if phase != wanted[action][0]:
                raise _Refused(f"Order in phase {phase}: {action} is not possible")
            maintenance["IPHAS"] = wanted[action][1]
        elif action != "CHANGE":
            raise _Refused(f"Method {action} is not known")
        found[0].update(_cells(head, {"SHORT_TEXT": "KTEXT"}))
        maintenance.update(_cells(head, {"PRIORITY": "PRIOK", "EQUIPMENT": "EQUNR", "NOTIF_NO": "QMNUM"}))
        dates = self._rows("AFKO", AUFNR=head["ORDERID"])
        dates[0].update(_cells(head, {"START_DATE": "GSTRP", "FINISH_DATE": "GLTRP"}))
        return {"ORDERID": head["ORDERID"]}

    def _create_job(self, head: Parameters, operations: list[Parameters]) -> dict[str, str]:
        if not head.get("ORDER_TYPE") or not head.get("PLANPLANT"):
            raise _Refused("Enter order type and planning plant")
        if head.get("EQUIPMENT") and not self._rows("EQUI", EQUNR=head["EQUIPMENT"]):
            raise _Refused(f"Equipment {head['EQUIPMENT']} does not exist")
        number, plan, place = f"{4000000 + self._next():012d}", f"{self._next():010d}", f"{self._next():012d}"
        self._system.put(
            "AUFK",
            AUFNR=number,
            AUTYP="30",
            ERDAT=_TODAY,
            ERNAM="SYNC",
            **_cells(head, {"ORDER_TYPE": "AUART", "SHORT_TEXT": "KTEXT"}),
        )
        names = {"PRIORITY": "PRIOK", "EQUIPMENT": "EQUNR", "NOTIF_NO": "QMNUM", "PLANPLANT": "IWERK"}
        self._system.put("AFIH", AUFNR=number, IPHAS="0", ILOAN=place, **_cells(head, names))
        self._system.put("ILOA", ILOAN=place, **_cells(head, {"FUNCT_LOC": "TPLNR"}))
        dates = _cells(head, {"START_DATE": "GSTRP", "FINISH_DATE": "GLTRP"})
        self._system.put("AFKO", AUFNR=number, AUFPL=plan, **dates)
        names = {"ACTIVITY": "VORNR", "DESCRIPTION": "LTXA1", "CONTROL_KEY": "STEUS"}
        for line, operation in enumerate(operations, 1):
            if not re.fullmatch(r"\d{4}", operation.get("ACTIVITY") or ""):
                raise _Refused(f"Operation {operation.get('ACTIVITY')} is not valid")
            self._system.put("AFVC", AUFPL=plan, APLZL=f"{line:08d}", **_cells(operation, names))
        return {"ORDERID": number}

    def _notify(self, parameters: Parameters) -> dict[str, str]:
        head = parameters["NOTIFHEADER"]
        if head.get("EQUIPMENT") and not self._rows("EQUI", EQUNR=head["EQUIPMENT"]):
            raise _Refused(f"Equipment {head['EQUIPMENT']} does not exist")
        number = f"{10000000 + self._next():012d}"
        self._system.put(
            "QMEL",
            QMNUM=number,
            QMART=parameters["NOTIF_TYPE"],
            PHASE="1",
            ERDAT=_TODAY,
            ERNAM="SYNC",
            **_cells(head, {"SHORT_TEXT": "QMTXT", "PRIORITY": "PRIOK", "REPORTEDBY": "QMNAM"}),
        )
        names = {"EQUIPMENT": "EQUNR", "PLANPLANT": "IWERK"}
        self._system.put("QMIH", QMNUM=number, **_cells(head, names))
        return {"NUMBER": number}


def _check(parameter: str, row: Parameters) -> None:
    lengths = dict(field.split(":") for field in _FIELDS[parameter].split())
    for name, value in row.items():
        if name not in lengths:
            raise AbapException(f"Field {name} of {parameter} is not known")
        if name in _DATES and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise AbapException(f"Conversion error: {name} is {value}")
        if name in _NUMBERS and not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise AbapException(f"Conversion error: {name} is {value}")
        if len(value) > int(lengths[name]):
            raise AbapException(f"Conversion error: {name} is longer than {lengths[name]}")


def _cells(sent: Parameters, names: dict[str, str]) -> dict[str, str]:
    """What was sent as a table holds it."""
    return {
        column: value.replace("-", "") if name in _DATES else f"{value} " if name in _NUMBERS else value
        for name, column in names.items()
        if (value := sent.get(name))
    }
