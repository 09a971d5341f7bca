"""Through a real CONNECT proxy, whose name service alone knows `erp.plant.test`."""

from contextlib import contextmanager

import pytest

from appliance.errors import ConfigurationError, SourceUnreachable
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused, EgressRefused, ProxyRefused
from appliance.transport.http import Request
from appliance.transport.proxy import ProxyRules, parse_proxy
from appliance.transport.stages import Route, handshake
from tests.support.clock import ManualClock
from tests.transport.servers import ConnectProxy, server_context, serving

URL = "https://erp.plant.test:8443/api"


@contextmanager
def plant(authority, name="erp.plant.test", **more):
    with serving(lambda it: it.reply(), server_context(authority.issue(name))) as server:
        proxy = ConnectProxy(server.port, **more)
        try:
            yield server, proxy
        finally:
            proxy.close()


def test_https_goes_through_the_tunnel_and_stays_verified(make_client, authority):
    with plant(authority) as (server, proxy):
        client = make_client(proxies=ProxyRules(parse_proxy(proxy.url)))
        assert [client.send(Request("GET", URL)).status for _ in range(2)] == [200, 200]
        assert server.requests[0][1:2] == ("/api",) and server.connections == 1
    assert len(proxy.asked) == 1 and proxy.asked[0].startswith("CONNECT erp.plant.test:8443 HTTP/1.1\r\n")


def test_through_a_proxy_that_itself_speaks_tls(make_client, authority):
    with plant(authority, context=server_context(authority.issue("127.0.0.1"))) as (_, proxy):
        client = make_client(proxies=ProxyRules(parse_proxy(proxy.url)))
        assert client.send(Request("GET", URL)).status == 200


def test_plain_http_is_handed_to_the_proxy_whole(make_client):
    proxy = ConnectProxy(1, login="joe:pass")
    client = make_client(proxies=ProxyRules(parse_proxy(proxy.url, "joe", "pass")))
    assert client.send(Request("GET", "http://erp.plant.test/a", [("b", "c")])).body == b"forwarded"
    proxy.close()
    assert proxy.asked[0].startswith("GET http://erp.plant.test/a?b=c HTTP/1.1\r\n")


def test_user_and_password_are_sent_to_the_proxy_only(make_client, authority):
    with plant(authority, login="joe:p@ss") as (server, proxy):
        rules = ProxyRules(parse_proxy(proxy.url.replace("//", "//joe:p%40ss@")))
        assert make_client(proxies=rules).send(Request("GET", URL)).status == 200
        assert "Proxy-Authorization" not in server.requests[0][2]
        with pytest.raises(ProxyRefused, match=r"offered: Basic, NTLM") as caught:
            make_client(proxies=ProxyRules(parse_proxy(proxy.url, "joe", "CANARY"))).send(
                Request("GET", URL, safe=True)
            )
    assert caught.value.details["stage"] == "proxy" and "CANARY" not in str(caught.value)
    assert len(proxy.asked) == 2, "a refused sign-in is not repeated, or the account is locked"


@pytest.mark.parametrize(
    ("status", "words"), [(403, "no_proxy"), (502, "resolve and reach"), (405, "permits CONNECT")]
)
def test_a_refusal_of_the_proxy_says_what_to_check(make_client, authority, status, words):
    with plant(authority, status=status) as (_, proxy):
        client = make_client(ManualClock(auto=True), proxies=ProxyRules(parse_proxy(proxy.url)))
        with pytest.raises(SourceUnreachable, match=words) as caught:
            client.send(Request("GET", URL, safe=True))
        assert len(proxy.asked) == (4 if status == 502 else 1)
    assert caught.value.details["stage"] == "proxy"


def test_a_proxy_that_is_down_or_no_proxy_is_blamed_itself(make_client, authority):
    with plant(authority) as (_, proxy):
        proxy.close()
        with serving(lambda it: it.raw(b"220 ready\r\n\r\n")) as other:
            for url, words in (
                (proxy.url, "proxy is not reachable|proxy cannot be used"),
                (other.url, "does not answer as a proxy"),
            ):
                client = make_client(proxies=ProxyRules(parse_proxy(url)))
                with pytest.raises(SourceUnreachable, match=words) as caught:
                    client.send(Request("GET", URL))
                assert caught.value.details["stage"] == "proxy"


def test_a_wrong_certificate_is_explained_through_the_proxy_too(make_client, authority, trust):
    with plant(authority, "other.plant.test") as (_, proxy):
        rules = ProxyRules(parse_proxy(proxy.url))
        with pytest.raises(CertificateRefused, match=r"for other\.plant\.test, not for erp\.plant\.test"):
            make_client(proxies=rules).send(Request("GET", URL))
        route = Route("erp.plant.test", 8443, Egress(), 2.0, parse_proxy(proxy.url))
        with pytest.raises(CertificateRefused, match=r"other\.plant\.test"):
            handshake(route, trust.client())


def test_the_policy_judges_the_proxys_address_and_the_targets_name(make_client, authority):
    with plant(authority) as (_, proxy):
        rules = ProxyRules(parse_proxy(proxy.url))
        both = Egress(["127.0.0.1", "*.plant.test"])
        assert make_client(proxies=rules, egress=both).send(Request("GET", URL)).status == 200
        for allow in (["127.0.0.1"], ["*.plant.test"]):
            with pytest.raises(EgressRefused):
                make_client(proxies=rules, egress=Egress(allow)).send(Request("GET", URL))
        with pytest.raises(EgressRefused):
            make_client(proxies=rules).send(Request("GET", "http://169.254.169.254/latest"))
        assert len(proxy.asked) == 1


PROXY = parse_proxy("http://proxy.test")


@pytest.mark.parametrize(
    ("entry", "host", "port", "direct"),
    [
        ("*", "anything.test", 443, True),
        ("erp.plant.test", "erp.plant.test", 443, True),
        ("erp.plant.test", "ERP.plant.test.", 443, True),
        ("plant.test", "a.plant.test", 443, True),
        (".plant.test", "a.plant.test", 443, True),
        ("*.plant.test", "a.b.plant.test", 443, True),
        ("plant.test", "notplant.test", 443, False),
        ("erp.plant.test:8443", "erp.plant.test", 8443, True),
        ("erp.plant.test:8443", "erp.plant.test", 443, False),
        ("10.0.0.0/8", "10.2.3.4", 80, True),
        ("10.0.0.0/8", "11.2.3.4", 80, False),
        ("10.0.0.0/8:8080", "10.2.3.4", 8080, True),
        ("fd00::/8", "fd12::1", 80, True),
        ("[fd12::1]:81", "fd12::1", 80, False),
        ("", "erp.plant.test", 443, False),
    ],
)
def test_no_proxy_entries(entry, host, port, direct):
    assert (ProxyRules(PROXY, [entry]).for_target(host, port) is None) is direct


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_always_direct(host):
    assert ProxyRules(PROXY).for_target(host, 80) is None


@pytest.mark.parametrize("url", ["socks5://p:1", "proxy:3128", "http://", "http://joe:CANARY@p:99999"])
def test_an_unusable_proxy_address_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigurationError, match="proxy_url") as caught:
        parse_proxy(url)
    assert "CANARY" not in str(caught.value)


def test_a_proxy_hides_its_password():
    assert "secret" not in repr(parse_proxy("http://joe:secret@proxy.test"))
    assert parse_proxy("http://[fd00::1]:8080").origin == "http://[fd00::1]:8080"
