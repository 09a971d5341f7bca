"""POST, MERGE/PATCH and DELETE of purchase orders and their lines, with the checks that the real service
makes.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .exchange import JSON, Request, Response
from .odata.errors import Detail, GatewayError, bad_request, business_error
from .odata.filter import unknown_property
from .odata.metadata import EntityType, Service
from .odata.query import read_shape, split_path, wants_json
from .odata.wire import Value, parse_sent
from .reads import resolve, service_root
from .render import etag_of, json_writer
from .rows.data import MAX_LINES, NewLine
from .rows.tables import find
from .system import ORDER_SERVICE, System

_SETS = ("A_PurchaseOrder", "A_PurchaseOrderItem")


def write(system: System, service: Service, rest: str, request: Request, options: dict[str, str]) -> Response:
    """Answer a modifying request whose CSRF token has been checked. Raises GatewayError."""
    segments = split_path(rest)
    method = request.effective_method
    if not segments or segments[0] == "$batch":
        raise GatewayError(501, "/IWBEP/CM_MGW_RT/501", "Only single writes are part of this simulator")
    target = resolve(system, service, segments)
    entity = target.table.entity
    if service.name != ORDER_SERVICE or entity.set_name not in _SETS:
        raise _not_allowed(method, entity)
    if target.position is None:
        if method != "POST" or segments != ["A_PurchaseOrder"]:
            raise _not_allowed(method, entity)
        return _create(system, service, request, options)
    if method not in ("MERGE", "PATCH", "DELETE"):
        raise _not_allowed(method, entity)
    with system.orders.lock:
        _check_etag(system, request, entity, target.table.row(target.position))
        if entity.set_name == "A_PurchaseOrder":
            _check_lock(system, target.position)
            _change_order(system, entity, target.position, method, request)
        else:
            order, line = divmod(target.position, MAX_LINES)
            _check_lock(system, order)
            values = (
                {"PurchasingDocumentDeletionCode": "L"} if method == "DELETE" else _changes(request, entity)
            )
            system.orders.change_line(order, line, values, moves_header=True)
    return Response(204, headers=_warnings(system))


def _change_order(system: System, entity: EntityType, position: int, method: str, request: Request) -> None:
    if method == "DELETE":
        system.orders.flag_deleted(position)
        return
    values = _changes(request, entity)
    if "Supplier" in values:
        _refuse(_supplier_problems(system, values))
    system.orders.change(position, values)


def _create(system: System, service: Service, request: Request, options: dict[str, str]) -> Response:
    header_type, item_type = service.sets["A_PurchaseOrder"], service.sets["A_PurchaseOrderItem"]
    header, nested = _read_body(
        _json_body(request), header_type, creating=True, deep={"to_PurchaseOrderItem"}
    )
    header.pop("PurchaseOrder", None)  # internal number assignment: what is sent is not used
    lines, problems = [], list(_required(header, ("PurchaseOrderType", "Supplier")))
    problems += _supplier_problems(system, header)
    for n, body in enumerate(nested.get("to_PurchaseOrderItem", ()), start=1):
        deep = {"to_ScheduleLine", "to_AccountAssignment"}
        item, below = _read_body(body, item_type, creating=True, deep=deep)
        problems += _item_problems(system, n, item)
        schedule = _only(below.get("to_ScheduleLine", ()), service.sets["A_PurchaseOrderScheduleLine"])
        account = _only(below.get("to_AccountAssignment", ()), service.sets["A_PurOrdAccountAssignment"])
        lines.append(NewLine(item, schedule, account))
    if not lines:
        problems.append(Detail("06/074", "Document contains no items"))
    _refuse(problems)
    position = system.orders.insert(header, lines)
    tables = system.tables[service.name]
    row = tables["A_PurchaseOrder"].row(position)
    root = service_root(system, service, request)
    number = json.loads(row["PurchaseOrder"])
    expand = "to_PurchaseOrderItem/to_ScheduleLine,to_PurchaseOrderItem/to_AccountAssignment"
    shape = read_shape({"$expand": expand}, header_type, service)
    created = json_writer(shape, service, tables, root, system.settings.etag_sets)(row)
    if not wants_json(options, request.headers.get("accept", "")):
        raise GatewayError(501, "/IWBEP/CM_MGW_RT/501", "The created entity is only given as JSON here")
    headers = {"Location": f"{root}/A_PurchaseOrder('{number}')", **_warnings(system)}
    if "A_PurchaseOrder" in system.settings.etag_sets:
        headers["ETag"] = etag_of(row)
    return Response(201, f'{{"d":{created}}}'.encode(), JSON, headers)


def _json_body(request: Request) -> Mapping[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise GatewayError(415, "/IWBEP/CM_MGW_RT/415", "Content-Type application/json is expected")
    try:
        body = json.loads(request.body)
    except ValueError:
        raise bad_request("The request body is not valid JSON", "/IWBEP/CM_MGW_RT/024") from None
    if not isinstance(body, dict):
        raise bad_request("The request body is not one entity", "/IWBEP/CM_MGW_RT/024")
    inner = body.get("d", body)
    return inner if isinstance(inner, dict) else body


def _changes(request: Request, entity: EntityType) -> dict[str, Value]:
    values, _ = _read_body(_json_body(request), entity, creating=False, deep=())
    return {name: value for name, value in values.items() if name not in entity.key}


def _read_body(
    body: Mapping[str, Any], entity: EntityType, *, creating: bool, deep: Iterable[str]
) -> tuple[dict[str, Value], dict[str, list[Mapping[str, Any]]]]:
    """The typed properties of a body and its nested entities by navigation."""
    values: dict[str, Value] = {}
    nested: dict[str, list[Mapping[str, Any]]] = {}
    for name, sent in body.items():
        if name == "__metadata":
            continue
        if name in entity.navigations:
            if name not in deep:
                raise bad_request(f"'{name}' cannot be written together with {entity.set_name}")
            nested[name] = _nested(name, sent)
            continue
        prop = entity.properties.get(name)
        if prop is None:
            raise unknown_property(name, entity)
        if not (prop.creatable if creating else prop.updatable):
            raise bad_request(f"Property '{name}' is read-only", "/IWBEP/CM_MGW_RT/025")
        try:
            values[name] = parse_sent(sent, prop)
        except ValueError as reason:
            raise bad_request(f"Property '{name}' {reason}", "/IWBEP/CM_MGW_RT/026") from reason
    return values, nested


def _nested(name: str, sent: Any) -> list[Mapping[str, Any]]:
    rows = sent.get("results") if isinstance(sent, dict) else sent
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request(f"'{name}' must be a list of entities", "/IWBEP/CM_MGW_RT/024")
    return rows


def _only(bodies: Iterable[Mapping[str, Any]], entity: EntityType) -> dict[str, Value]:
    rows = list(bodies)
    if len(rows) > 1:
        raise GatewayError(
            501, "/IWBEP/CM_MGW_RT/501", f"More than one {entity.set_name} a line is not simulated"
        )
    values = _read_body(rows[0], entity, creating=True, deep=())[0] if rows else {}
    return {name: value for name, value in values.items() if name not in entity.key}


def _required(values: Mapping[str, Value], names: Iterable[str]) -> Iterable[Detail]:
    for name in names:
        if not values.get(name):
            yield Detail("ME/083", f"Enter {name}", propertyref=name)


def _supplier_problems(system: System, values: Mapping[str, Value]) -> list[Detail]:
    supplier = values.get("Supplier")
    if (
        not supplier
        or find(system.tables["API_BUSINESS_PARTNER"]["A_Supplier"], {"Supplier": supplier}) is not None
    ):
        return []
    return [Detail("06/321", f"Supplier {supplier} does not exist", propertyref="Supplier")]


def _item_problems(system: System, n: int, item: Mapping[str, Value]) -> Iterable[Detail]:
    reference = f"to_PurchaseOrderItem({n})"
    yield from (detail._replace(propertyref=f"{reference}/Plant") for detail in _required(item, ("Plant",)))
    plant = item.get("Plant")
    if plant and find(system.tables["API_PLANT_SRV"]["A_Plant"], {"Plant": plant}) is None:
        yield Detail("ME/059", f"Plant {plant} does not exist", propertyref=f"{reference}/Plant")


def _refuse(problems: list[Detail]) -> None:
    if problems:
        raise business_error(problems)


def _check_etag(system: System, request: Request, entity: EntityType, row: Mapping[str, str]) -> None:
    if entity.set_name not in system.settings.etag_sets:
        return
    sent = request.headers.get("if-match")
    if sent is None:
        raise GatewayError(428, "/IWBEP/CM_MGW_RT/428", "The request must carry If-Match")
    if sent != "*" and sent != etag_of(row):
        raise GatewayError(412, "/IWBEP/CM_MGW_RT/412", "The entity was changed meanwhile")


def _check_lock(system: System, position: int) -> None:
    number = json.loads(system.orders.header(position)["PurchaseOrder"])
    holder = system.locks.get(number)
    if holder:
        text = f"Purchase order {number} is locked by user {holder}"
        raise GatewayError(423, "ME/006", text, details=[Detail("ME/006", text)])


def _warnings(system: System) -> dict[str, str]:
    """The next warning that a test has queued, in the header `sap-message`; the write has succeeded all the
    same.
    """
    if not system.warnings:
        return {}
    message = {
        "code": "06/041",
        "message": system.warnings.pop(0),
        "severity": "warning",
        "target": "",
        "details": [],
    }
    return {"sap-message": json.dumps(message)}


def _not_allowed(method: str, entity: EntityType) -> GatewayError:
    return GatewayError(
        405, "/IWBEP/CM_MGW_RT/405", f"Method '{method}' is not allowed for {entity.set_name}"
    )
