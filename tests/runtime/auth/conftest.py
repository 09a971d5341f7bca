from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.clock import Clock
from appliance.runtime.auth import Credentials
from appliance.runtime.definition import parse_definition
from appliance.runtime.source import Source
from appliance.runtime.terms import terms_of
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions
from appliance.transport.outbound import Outbound
from appliance.transport.proxy import ProxyRules
from appliance.transport.trust import Trust
from tests.support.clock import ManualClock
from tests.transport.authority import Authority

OpenSource = Callable[..., Source]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def outbound() -> Outbound:
    return Outbound(
        HttpOptions(connect_timeout=2.0, read_timeout=2.0, total_timeout=5.0, attempts=1),
        egress=Egress(),
        proxies=ProxyRules(),
        trust=Trust([], system_bundles=()),
        clock=ManualClock(),
    )


@pytest.fixture
def open_source(outbound: Outbound) -> Iterator[OpenSource]:
    """A live source at a URL; `auth` as in connector.yaml, `fields` as filled in, further keys of the definition."""
    opened: list[Source] = []

    def make(
        url: str,
        auth: dict[str, Any],
        fields: dict[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        credentials: Credentials | None = None,
        http: dict[str, Any] | None = None,
        **more: Any,
    ) -> Source:
        definition = parse_definition(a_document(auth, http or {}, **more), where="plant")
        assert definition.http is not None
        fields = {"url": url, **(fields or {})}
        terms = terms_of(definition.http, fields)
        source = Source(
            definition,
            fields,
            outbound.client(url, "a1b2c3", terms),
            clock or ManualClock(),
            created_at=0,
            credentials=credentials,
            tls=terms.tls,
        )
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()


def a_document(auth: dict[str, Any], http: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    read = {"protocol": "http", "request": {"path": "/vendors"}}
    return {
        "system": "plant",
        "name": "Plant",
        "summary": "A system of a test.",
        "categories": ["erp"],
        "tier": 1,
        "hosting": "on_premises",
        "evidence": "facts",
        "form": [{"name": "url", "label": "Address", "type": "url"}],
        "http": {"base_url": "${url}", **(http or {})},
        "auth": auth,
        "entities": {"Vendor": {"read": read, "key": ["id"], "map": {"name": "name"}}},
        **more,
    }
