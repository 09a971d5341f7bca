"""Stages of the probe: the proxy, the chain of trust, and the clocks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from appliance.model.entity import load_model
from appliance.runtime.catalog import Folder
from appliance.runtime.connector import Connector
from appliance.runtime.probe import probe, seconds_ahead
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions
from appliance.transport.outbound import Outbound, Terms
from appliance.transport.proxy import ProxyRules, parse_proxy
from appliance.transport.trust import Trust
from tests.support.clock import ManualClock
from tests.transport.servers import ConnectProxy, server_context, serving

CLOCK = ManualClock()


@pytest.fixture
def look(open_source, tmp_path):
    """The stages of a probe by name, through an outbound of the test's choice."""

    def run(url, outbound, fields=None, **more):
        source = open_source(url, {"scheme": "none"}, fields, http={"tls": ["ca"]}, **more)
        source.client = outbound.client(url, "a1b2c3", Terms(tls=source.tls))
        folder = Folder(source.definition, {}, {}, "", tmp_path, False)
        connector = Connector(load_model(), folder, source.definition, source, "a1b2c3")
        report = probe(connector, outbound.reach, CLOCK)
        return {stage.name: stage for stage in report.stages}

    return run


def outbound_with(*, proxy=None, ca_files=()):
    return Outbound(
        HttpOptions(connect_timeout=2.0, read_timeout=2.0, total_timeout=5.0, attempts=1),
        egress=Egress(),
        proxies=ProxyRules(parse_proxy(proxy) if proxy else None),
        trust=Trust(list(ca_files), system_bundles=()),
        clock=CLOCK,
    )


def rows(it):
    it.reply(200, b'[{"id": "1", "name": "Bolt Ltd"}]')


def test_without_a_proxy_no_proxy_is_spoken_of(look):
    with serving(rows) as server:
        stages = look(server.url, outbound_with())
    assert list(stages) == ["resolve", "connect", "tls", "read Vendor", "clock"]
    assert stages["read Vendor"].state == "passed"


def test_the_proxy_is_a_stage_of_its_own_and_what_lies_behind_it_another(look, authority):
    with serving(rows, server_context(authority.issue("erp.plant.test"))) as server:
        proxy = ConnectProxy(server.port)
        try:
            through = outbound_with(proxy=proxy.url, ca_files=[authority.ca_file])
            stages = look("https://erp.plant.test", through)
        finally:
            proxy.close()
    assert stages["proxy"].state == "passed" and "127.0.0.1" in stages["proxy"].message
    assert stages["connect"].message == "The proxy connects to erp.plant.test port 443."
    assert "resolve" not in stages and stages["tls"].state == "passed"


def test_a_proxy_that_refuses_fails_behind_the_stage_of_the_proxy(look):
    proxy = ConnectProxy(1, status=403)
    try:
        stages = look("https://erp.plant.test", outbound_with(proxy=proxy.url))
    finally:
        proxy.close()
    assert stages["proxy"].state == "passed" and stages["connect"].state == "failed"
    assert "no_proxy" in stages["connect"].message and "tls" not in stages


def test_a_missing_authority_is_named_and_that_of_the_form_is_believed(look, authority):
    with serving(rows, server_context(authority.issue("127.0.0.1"))) as server:
        stages = look(server.url, outbound_with())
        assert stages["tls"].state == "failed" and "CN=Plant Root CA" in stages["tls"].message
        stages = look(server.url, outbound_with(), {"tls_ca": authority.ca_file.read_text()})
        assert stages["tls"].state == stages["read Vendor"].state == "passed"


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (0, "passed", "agrees"),
        (-59, "passed", "agrees"),
        (-312, "warning", "5 min 12 s behind"),
        (312, "warning", "5 min 12 s ahead"),
        (-7200, "warning", "2.0 h behind"),
    ],
)
def test_clocks_that_differ_are_a_warning_with_what_it_means(look, ahead, state, words):
    date = format_datetime(CLOCK.now() + timedelta(seconds=ahead), usegmt=True)

    class Dated:
        def __call__(self, it):
            it.date_time_string = lambda: date
            rows(it)

    with serving(Dated()) as server:
        stage = look(server.url, outbound_with())["clock"]
    assert stage.state == state and words in stage.message
    if state == "warning":
        assert ("miss" in stage.message) and ("No change is missed" in stage.message) == (ahead > 0)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 32 Jan 2026 08:00:00 GMT"])
def test_an_unreadable_date_says_nothing(date):
    assert seconds_ahead(date, datetime(2026, 1, 5, 8, 0, tzinfo=UTC)) is None
