"""What the tests of the Tryton connector ask, of the connector and of Tryton itself."""

from datetime import UTC, datetime
from typing import Any

from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.select import decode
from tests.real.tryton import Tryton
from tests.runtime.opened import MODEL, PART, all_pages, opened

PURCHASE, LINE = "model.purchase.purchase", "model.purchase.line"
BY_ID = [["id", "ASC"]]
COMPANY = {"company": 1}


def connected(tryton: Tryton, **fields: Any) -> Connector:
    base = {
        "url": tryton.url,
        "database": tryton.database,
        "username": tryton.user,
        "password": tryton.password,
    }
    return opened("tryton", {**base, "company": 1, **fields})


def key(entity: str, *parts: object) -> str | None:
    return unified_key(
        str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts if part is not None]
    )


def date(value: dict[str, int] | None) -> str | None:
    return None if value is None else f"{value['year']:04}-{value['month']:02}-{value['day']:02}T00:00:00Z"


def time(value: dict[str, int]) -> str:
    moment = datetime(
        value["year"],
        value["month"],
        value["day"],
        value["hour"],
        value["minute"],
        value["second"],
        value["microsecond"],
        UTC,
    )
    milliseconds = round(moment.timestamp() * 1000)
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(
        timespec="milliseconds" if milliseconds % 1000 else "seconds"
    )
    return text.replace("+00:00", "Z")


def moment(tryton: Tryton, model: str, number: int) -> datetime:
    (row,) = tryton.call(f"{model}.read", [number], ["last_modified_at"])
    return datetime.fromisoformat(time(row["last_modified_at"]))


def ids(connector: Connector, entity: str, since: Since = EVERYTHING) -> set[int]:
    return {decode(row)["id"] for page in all_pages(connector, entity, since) for row in page.rows}
