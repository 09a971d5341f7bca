"""OData V2 against the strict gateway simulator."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceCredentialsRejected
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.select import decode
from tests.runtime.opened import all_pages, all_rows, defined
from tests.simulators.gateway import Gateway
from tests.support.clock import ManualClock
from tests.transport.servers import Exchange, serving

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CHANGED = ["LastChangeDateTime", "CreationDate"]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=230, lines=2, days=300, clock=ManualClock(NOW)) as running:
        yield running


def reading(gateway: Gateway, *, service: str = "", client: str | None = None, **read: Any) -> Connector:
    """A connector with the entity PurchaseOrder, read as `read` says."""
    document = {
        "http": {"base_url": "${url}", "query": {"sap-client": "${client}"}},
        "auth": {"scheme": "basic"},
        "entities": {
            "PurchaseOrder": {
                "read": {"protocol": "odata2", "set": "A_PurchaseOrder", "service": service, **read},
                "key": ["PurchaseOrder"],
                "map": {"orderNo": "PurchaseOrder"},
            }
        },
    }
    url = gateway.service_url().rstrip("/")
    fields = {"url": url.rsplit("/", 1)[0] if service else url, "username": "SYNC", "password": "Welcome1"}
    return defined(document, {**fields, "client": client})


def numbers(connector: Connector, since: Since = EVERYTHING) -> list[str]:
    return [decode(row)["PurchaseOrder"] for row in all_rows(connector, "PurchaseOrder", since)]


def asked_for(connector: Connector, since: Since = EVERYTHING, *, sample: bool = False) -> dict[str, str]:
    """The query of the first request of a pass."""
    seen: list[str] = []
    assert connector.source.client is not None
    send = connector.source.client.send

    def watched(request: Any, **options: Any) -> Any:
        seen.append(request.full_url())
        return send(request, **options)

    connector.source.client.send = watched  # type: ignore[method-assign]
    pages = connector.pages("PurchaseOrder")
    pages.fetch(pages.first(), since, resuming=False, sample=sample)
    return dict(parse_qsl(urlsplit(seen[-1]).query))


def test_every_order_comes_once_page_after_page(gateway: Gateway) -> None:
    connector = reading(gateway)
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [100, 100, 30]
    assert pages[0].expected == 230
    assert numbers(connector) == gateway.order_numbers()


def test_a_service_may_stand_below_the_address(gateway: Gateway) -> None:
    assert len(numbers(reading(gateway, service="API_PURCHASEORDER_PROCESS_SRV"))) == 230


@pytest.mark.parametrize(
    "setting",
    [
        {"internal_base": "http://sapapp01.corp.local:8000"},
        {"hollow_page_every": 2},
        {"unstable_order": True},
    ],
)
def test_what_systems_do_to_pages(gateway: Gateway, setting: dict[str, Any]) -> None:
    (name, value), before = next(iter(setting.items())), {}
    before[name] = getattr(gateway.settings, name)
    setattr(gateway.settings, name, value)
    try:
        assert sorted(numbers(reading(gateway))) == gateway.order_numbers()
    finally:
        setattr(gateway.settings, name, before[name])


def test_the_client_is_sent_with_every_page(gateway: Gateway) -> None:
    connector = reading(gateway, client="100")
    assert connector.source.client is not None
    sent: list[str] = []
    send = connector.source.client.send

    def watched(request: Any, **options: Any) -> Any:
        sent.append(request.full_url())
        return send(request, **options)

    connector.source.client.send = watched  # type: ignore[method-assign]
    assert len(numbers(connector)) == 230
    assert len(sent) == 4
    assert all(url.count("sap-client=100") == 1 for url in sent)
    with pytest.raises(SourceCredentialsRejected):
        numbers(reading(gateway, client="200"))


def test_what_is_asked_for(gateway: Gateway) -> None:
    query = asked_for(
        reading(
            gateway,
            select=["PurchaseOrder", "to_PurchaseOrderItem/Plant"],
            expand=["to_PurchaseOrderItem"],
            filter="CompanyCode eq '1010'",
        )
    )
    assert query == {
        "$format": "json",
        "$inlinecount": "allpages",
        "$orderby": "PurchaseOrder",
        "$select": "PurchaseOrder,to_PurchaseOrderItem/Plant",
        "$expand": "to_PurchaseOrderItem",
        "$filter": "(CompanyCode eq '1010')",
    }
    assert asked_for(reading(gateway), sample=True) == {"$format": "json", "$top": "1"}


def test_literals_are_written_by_the_type_of_the_property(gateway: Gateway) -> None:
    since = Since(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    query = asked_for(
        reading(gateway, changed=CHANGED, filter="CompanyCode eq '1010' or CompanyCode eq '1710'"), since
    )
    assert query["$filter"] == (
        "(CompanyCode eq '1010' or CompanyCode eq '1710') and "
        "(LastChangeDateTime ge datetimeoffset'2026-01-02T03:04:05Z' or CreationDate ge datetime'2026-01-01T00:00:00')"
    )
    assert "$filter" not in asked_for(reading(gateway, changed=CHANGED))
    assert "$filter" not in asked_for(reading(gateway), since)


def test_only_what_changed_is_read(gateway: Gateway) -> None:
    connector = reading(gateway, changed=CHANGED)
    order = gateway.order_numbers()[3]
    before = set(numbers(connector, Since(NOW)))
    gateway.touch(order)
    new = gateway.insert()
    try:
        assert set(numbers(connector, Since(NOW))) - before == {order, new}
    finally:
        gateway.archive(new)


def test_an_order_made_where_it_still_is_the_day_before_is_not_missed(gateway: Gateway) -> None:
    # West of Greenwich the business date is one less than that of the watermark for some hours.
    new = gateway.insert(CreationDate="/Date(1767484800000)/")  # 2026-01-04
    try:
        assert new in numbers(
            reading(gateway, changed=CHANGED), Since(datetime(2026, 1, 5, 1, 30, tzinfo=UTC))
        )
    finally:
        gateway.archive(new)


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ({"set": "A_Orders"}, r"the service has no entity set 'A_Orders'\. Sets: .*A_PurchaseOrder, "),
        ({"changed": ["ChangedAt"]}, r"A_PurchaseOrder has no property 'ChangedAt'\. Properties: "),
        ({"changed": ["Supplier"]}, r"Supplier is Edm\.String; a changed-since filter needs"),
        ({"select": ["PurchaseOrder", "Vendor"]}, r"has no 'Vendor'\. There are: .*Supplier"),
        ({"expand": ["to_Items"]}, r"has no 'to_Items' to expand\. There are: .*to_PurchaseOrderItem"),
        ({"expand": ["Supplier"]}, r"has no 'Supplier' to expand\. There are: .*to_PurchaseOrderItem"),
        ({"select": ["to_Items/Plant"]}, r"has no navigation 'to_Items'\. There are: .*to_PurchaseOrderItem"),
        ({"select": ["to_PurchaseOrderItem/Werk"]}, r"has no 'Werk'\. There are: .*Plant"),
        (
            {"expand": ["to_PurchaseOrderItem/to_Nothing"]},
            r"has no 'to_Nothing' to expand\. There are: .*to_ScheduleLine",
        ),
    ],
)
def test_names_are_checked_against_the_metadata(gateway: Gateway, read: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as told:
        numbers(reading(gateway, **read))
    assert told.value.message.startswith("plant.PurchaseOrder: ")


def test_the_metadata_is_read_once(gateway: Gateway) -> None:
    gateway.clear_counters()
    connector = reading(gateway, changed=CHANGED)
    for _ in range(3):
        numbers(connector, Since(NOW))
    assert gateway.requests["GET API_PURCHASEORDER_PROCESS_SRV/$metadata"] == 1


def test_a_kept_page_that_the_source_has_forgotten_begins_the_pass_again(gateway: Gateway) -> None:
    connector = reading(gateway)
    pages = connector.pages("PurchaseOrder")
    position = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False).next
    assert position is not None
    gateway.expire_skiptokens()
    with pytest.raises(ResumeRefused):
        pages.fetch(position, EVERYTHING, resuming=True, sample=False)


def test_a_logon_page_with_status_200(gateway: Gateway) -> None:
    connector = reading(gateway)
    numbers(connector)
    gateway.fail_next(200, path="A_PurchaseOrder")
    with pytest.raises(SourceAnswerInvalid, match="a web page where data was expected"):
        numbers(connector)


METADATA = (
    b'<edmx><EntityType Name="Order"><Key><PropertyRef Name="PurchaseOrder"/></Key>'
    b'<Property Name="PurchaseOrder" Type="Edm.String"/></EntityType>'
    b'<EntitySet Name="A_PurchaseOrder" EntityType="X.Order"/></edmx>'
)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            b'{"d":{"results":[{"PurchaseOrder":"1"}],"__next":"/x/A_PurchaseOrder?$skiptoken=1"}}',
            "the same page again and again",
        ),
        (b'{"d":{"results":[],"__next":{"uri":5}}}', "a link that is no address"),
        (b'{"value":[]}', "holds no rows at `d.results`. Check that the address is an OData V2 service"),
        (b'{"d":5}', "holds no rows"),
    ],
)
def test_services_that_do_not_keep_to_the_protocol(body: bytes, says: str) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.reply(200, METADATA if "metadata" in exchange.path else body)

    with serving(answer) as server:
        fake = type("Served", (), {"service_url": lambda self: server.url + "/x/"})()
        with pytest.raises(SourceAnswerInvalid, match=says):
            numbers(reading(fake))


def test_a_version_1_service_gives_the_bare_list() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.reply(200, METADATA if "metadata" in exchange.path else b'{"d":[{"PurchaseOrder":"1"}]}')

    with serving(answer) as server:
        fake = type("Served", (), {"service_url": lambda self: server.url + "/x/"})()
        assert numbers(reading(fake)) == ["1"]


def test_what_every_request_carries_is_added_to_a_link_that_lacks_it() -> None:
    def answer(exchange: Exchange) -> None:
        more = b"" if "skiptoken" in exchange.path else b',"__next":"A_PurchaseOrder?$skiptoken=1"'
        exchange.reply(200, METADATA if "metadata" in exchange.path else b'{"d":{"results":[]' + more + b"}}")

    with serving(answer) as server:
        fake = type("Served", (), {"service_url": lambda self: server.url + "/x/"})()
        assert numbers(reading(fake, client="100")) == []
        assert server.requests[-1][1] == "/x/A_PurchaseOrder?$skiptoken=1&sap-client=100"


def test_a_set_without_a_key_is_read_in_the_order_of_the_server() -> None:
    metadata = METADATA.replace(b'<Key><PropertyRef Name="PurchaseOrder"/></Key>', b"")

    def answer(exchange: Exchange) -> None:
        exchange.reply(200, metadata if "metadata" in exchange.path else b'{"d":{"results":[]}}')

    with serving(answer) as server:
        fake = type("Served", (), {"service_url": lambda self: server.url + "/x/"})()
        assert numbers(reading(fake)) == []
        assert "orderby" not in server.requests[-1][1]


def test_hostile_metadata_is_refused() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.reply(200, b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><edmx>&f;</edmx>')

    with serving(answer) as server:
        fake = type("Served", (), {"service_url": lambda self: server.url + "/x/"})()
        with pytest.raises(SourceAnswerInvalid, match="not readable XML"):
            numbers(reading(fake))
