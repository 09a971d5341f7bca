"""What the tests of the connector ask."""

from typing import Any

from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.runtime.protocols import EVERYTHING, Since
from tests.runtime.opened import MODEL, PART, all_records, opened, outbound, probed
from tests.simulators.sap_s4hana import S4
from tests.transport.servers import Server


def connected(s4: S4, server: Server, **fields: Any) -> Connector:
    base = {"url": server.url, "sign_in": "basic", "username": s4.user, "password": s4.password}
    return opened("sap_s4hana", {**base, "client": "100", "time_zone": "Europe/Berlin", **fields})


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def status(scope: str, code: str) -> str | None:
    return key("Status", scope, code)


def records(s4: S4, server: Server, entity: str, since: Since = EVERYTHING) -> dict[str, dict[str, Any]]:
    connector = connected(s4, server)
    try:
        return all_records(connector, entity, since)
    finally:
        connector.close()


def report_of(connector: Connector, *, read: bool = True) -> Report:
    try:
        return probed(connector, outbound(), read=read)
    finally:
        connector.close()


def given(record: dict[str, Any]) -> dict[str, Any]:
    """What a record holds, without what is not known, at every level; keys of custom fields too."""
    return {
        name: [given(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else given(value)
        if isinstance(value, dict)
        else value
        for name, value in record.items()
        if value not in (None, "", [])
    }
