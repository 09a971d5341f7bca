"""Opens connectors as the program does, over the real transport."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from appliance.clock import Clock, SystemClock
from appliance.model.entity import Model, load_model
from appliance.runtime.catalog import Catalog, Folder
from appliance.runtime.connector import Connector, Connectors
from appliance.runtime.definition import parse_definition
from appliance.runtime.place import database_login, files_place
from appliance.runtime.probe import Report, probe
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.source import Source
from appliance.runtime.terms import terms_of
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions, Response
from appliance.transport.outbound import Outbound
from appliance.transport.proxy import ProxyRules
from appliance.transport.trust import Trust

PART = "5f0c2a"
CREATED = 1_767_600_000_000  # 2026-01-05T08:00:00Z
MODEL: Model = load_model()


def outbound(
    clock: Clock | None = None, *, trust: Trust | None = None, folders: Sequence[Path] = (), **options: Any
) -> Outbound:
    """The way out with short times and a single attempt."""
    quick: dict[str, Any] = {"connect_timeout": 5.0, "read_timeout": 30.0, "attempts": 1}
    return Outbound(
        HttpOptions(**{**quick, **options}),
        egress=Egress(),
        proxies=ProxyRules(),
        trust=trust or Trust(),
        clock=clock or SystemClock(),
        folders=folders,
    )


def catalog(extra: Path | None = None) -> Catalog:
    return Catalog(MODEL, resources.files("appliance.connectors"), extra)


def opened(system: str, fields: Mapping[str, Any], *, way: Outbound | None = None, **more: Any) -> Connector:
    """A packaged connector; `more` may hold `extra`, a folder of connectors, and `created_at`."""
    way = way or outbound()
    connectors = Connectors(
        MODEL,
        catalog(more.get("extra")),
        way.client,
        more.get("clock") or SystemClock(),
        open_database=way.database,
        open_folder=way.folder,
    )
    return connectors.open(system, fields, part=PART, created_at=more.get("created_at", CREATED))


def defined(
    document: Mapping[str, Any],
    fields: Mapping[str, Any],
    *,
    way: Outbound | None = None,
    clock: Clock | None = None,
) -> Connector:
    """A connector of a definition written in the test; what is not said has a plain value."""
    whole = {
        "system": "plant",
        "name": "Plant system",
        "summary": "A system of the tests.",
        "categories": ["eam"],
        "tier": 3,
        "hosting": "either",
        "evidence": "contract",
        **document,
    }
    definition = parse_definition(whole, where="plant")
    folder = Folder(definition, {}, {}, "", resources.files("appliance.connectors"), packaged=True)
    client = database = files = None
    way = way or outbound(clock)
    if definition.http is not None:
        client = way.client(str(fields["url"]), PART, terms_of(definition.http, fields))
    if definition.sql is not None:
        database = way.database(database_login(definition.sql, fields))
    if definition.files is not None:
        files = way.folder(files_place(definition.files, fields))
    source = Source(
        definition,
        fields,
        client,
        clock or SystemClock(),
        created_at=CREATED,
        database=database,
        folder=files,
    )
    return Connector(MODEL, folder, definition, source, PART)


def reading(url: str, read: Mapping[str, Any], *, key: str = "Number", **more: Any) -> Connector:
    """A connector with one entity, Vendor, read as `read` says; `more` may hold `fields` and keys of the definition."""
    fields = more.pop("fields", {})
    document = {
        "categories": ["erp"],
        "http": {"base_url": "${url}"},
        "entities": {"Vendor": {"read": read, "key": [key], "map": {"name": key}}},
        **more,
    }
    return defined(document, {"url": url, **fields})


def probed(connector: Connector, way: Outbound | None = None, *, read: bool = True) -> Report:
    return probe(connector, (way or outbound()).reach, SystemClock(), read=read)


def all_pages(connector: Connector, entity: str, since: Since = EVERYTHING, *, most: int = 100) -> list[Page]:
    """Every page of a pass; positions go through JSON as they do between two runs."""
    pages = connector.pages(entity)
    position = pages.first()
    found: list[Page] = []
    for _ in range(most):
        page = pages.fetch(position, since, resuming=False, sample=False)
        found.append(page)
        if page.next is None:
            return found
        position = msgspec.json.decode(msgspec.json.encode(page.next))
    raise AssertionError(f"the pass over {entity} does not end within {most} pages")


def vendor_pages(connector: Connector, since: Since = EVERYTHING) -> list[Page]:
    """Every page of a pass over what `reading` reads."""
    return all_pages(connector, "Vendor", since)


def all_rows(connector: Connector, entity: str, since: Since = EVERYTHING) -> list[bytes]:
    return [row for page in all_pages(connector, entity, since) for row in page.rows]


def all_records(connector: Connector, entity: str, since: Since = EVERYTHING) -> dict[str, dict[str, Any]]:
    """The unified records of a pass by key, numbers as exact as they are sent."""
    projection = connector.projection(entity)
    return {
        projection.key(row): EXACT.decode(projection.record(row).payload)
        for row in all_rows(connector, entity, since)
    }


@dataclass
class _Exact:
    """JSON whose numbers keep the digits they were sent with."""

    decoder: msgspec.json.Decoder[Any]

    def decode(self, text: bytes) -> Any:
        return self.decoder.decode(text)


EXACT = _Exact(msgspec.json.Decoder(float_hook=lambda digits: Digits(digits)))


class Digits(str):
    """A JSON number with a fraction or an exponent, as its text."""


def answer(status: int = 200, body: bytes | str | object = b"", **headers: str) -> Response:
    """A response that needs no server; a body that is no text is written as JSON."""
    content = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else msgspec.json.encode(body)
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, content, "https://plant.example/api", 0.1)
