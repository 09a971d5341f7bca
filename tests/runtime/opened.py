"""A definition written in a test, opened against a server on loopback with the real transport."""

from functools import cache
from typing import Any

from appliance.clock import SystemClock
from appliance.model.entity import load_model
from appliance.runtime.connector import Connector
from appliance.runtime.definition import parse_definition
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.source import Source
from appliance.transport.budget import Budget, BudgetLimits
from appliance.transport.egress import Egress
from appliance.transport.http import HttpClient, HttpOptions


def opened(url: str, read: dict[str, Any], *, key: str = "Number", **more: Any) -> Connector:
    """A connector with one entity, Vendor, read as `read` says; `more` are keys of the definition."""
    fields = more.pop("fields", {})
    document = {
        "system": "test",
        "name": "Test",
        "summary": "Test",
        "categories": ["erp"],
        "tier": 3,
        "hosting": "either",
        "evidence": "contract",
        "http": {"base_url": "${url}"},
        "entities": {"Vendor": {"read": read, "key": [key], "map": {"name": key}}},
        **more,
    }
    clock = SystemClock()
    client = HttpClient(
        HttpOptions(attempts=1),
        egress=Egress(),
        budget=Budget("127.0.0.1", BudgetLimits(), clock),
        clock=clock,
    )
    definition = parse_definition(document, where="test")
    source = Source(definition, {"url": url, **fields}, client, clock, created_at=0)
    return Connector(_model(), None, definition, source, "0a1b2c")  # type: ignore[arg-type]


def read_all(connector: Connector, since: Since = EVERYTHING) -> list[Page]:
    """All pages of a pass; a test fails instead of reading for ever."""
    pages = connector.pages("Vendor")
    position = pages.first()
    found: list[Page] = []
    while True:
        page = pages.fetch(position, since, resuming=False, sample=False)
        found.append(page)
        if page.next is None:
            return found
        assert len(found) < 100, "it never ends"
        position = page.next


_model = cache(load_model)
