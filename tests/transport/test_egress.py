"""What may be connected to, decided on the address and not on the name."""

import socket

import pytest

from appliance.errors import ConfigurationError, PermissionDenied
from appliance.transport.egress import Egress
from appliance.transport.errors import EgressRefused
from appliance.transport.http import Request
from tests.transport.servers import serving

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "169.254.169.254",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "100.100.100.200",
]


@pytest.mark.parametrize("address", FORBIDDEN)
@pytest.mark.parametrize("allow", [[], ["0.0.0.0/0", "::/0", "erp.plant.test"]], ids=["open", "all-listed"])
def test_some_addresses_are_never_connected_to(address, allow):
    with pytest.raises(EgressRefused, match=r"erp\.plant\.test"):
        Egress(allow).check("erp.plant.test", address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "8.8.8.8", "fd12::5"])
def test_without_a_list_plant_addresses_and_loopback_are_permitted(address):
    Egress().check("erp.plant.test", address)


@pytest.mark.parametrize(
    ("allow", "host", "address", "permitted"),
    [
        (["10.0.0.0/8"], "erp", "10.9.9.9", True),
        (["10.0.0.0/8"], "erp", "::ffff:10.9.9.9", True),
        (["10.0.0.0/8"], "erp", "11.0.0.1", False),
        (["10.0.0.0/8"], "localhost", "127.0.0.1", False),
        (["127.0.0.1"], "localhost", "127.0.0.1", True),
        (["ERP.plant.test"], "erp.Plant.test.", "192.0.2.1", True),
        (["erp.plant.test"], "a.erp.plant.test", "192.0.2.1", False),
        (["*.plant.test"], "a.b.plant.test", "192.0.2.1", True),
        (["*.plant.test"], "plant.test", "192.0.2.1", False),
        (["*.plant.test"], "evilplant.test", "192.0.2.1", False),
    ],
)
def test_with_a_list_only_what_it_names_is_permitted(allow, host, address, permitted):
    if permitted:
        Egress(allow).check(host, address)
        return
    with pytest.raises(PermissionDenied, match=r"egress\.allow") as caught:
        Egress(allow).check(host, address)
    assert caught.value.details == {"host": host, "address": address, "setting": "egress.allow"}


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "0xA9FEA9FE", "2852039166", "0", "metadata.google.internal"]
)
def test_a_proxy_is_not_asked_for_forbidden_destinations_however_they_are_spelled(host):
    with pytest.raises(EgressRefused):
        Egress().check_name(host)


def test_a_proxy_is_asked_only_for_listed_names():
    egress = Egress(["*.plant.test", "10.0.0.0/8"])
    egress.check_name("erp.plant.test")
    egress.check_name("10.1.1.1")
    with pytest.raises(EgressRefused):
        egress.check_name("elsewhere.test")


@pytest.mark.parametrize("entry", ["*", "http://erp", "erp:443", "10.0.0.0/99", "*.10.0.0.1/x", "a b"])
def test_an_entry_that_means_nothing_is_refused_at_start(entry):
    with pytest.raises(ConfigurationError, match=r"egress\.allow"):
        Egress([entry])


def resolving_to(monkeypatch, *addresses):
    """Each look-up of a name gives the next of `addresses`; real look-ups of literal addresses stay."""
    real, answers = socket.getaddrinfo, list(addresses)

    def getaddrinfo(host, port, *args, **kwargs):
        if host.endswith(".test"):
            return real(answers.pop(0), port, *args, **kwargs)
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_that_resolves_to_the_metadata_service_is_not_connected_to(make_client, monkeypatch):
    resolving_to(monkeypatch, "169.254.169.254")
    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail("connected"))
    with pytest.raises(EgressRefused, match=r"metadata\.plant\.test \(169\.254\.169\.254\)"):
        make_client().send(Request("GET", "http://metadata.plant.test/", safe=True))


def test_the_address_judged_is_the_address_connected_to(make_client, monkeypatch):
    with serving(lambda it: it.reply()) as server:
        resolving_to(monkeypatch, "127.0.0.1", "169.254.169.254")
        url = f"http://rebinding.test:{server.port}/"
        assert make_client(egress=Egress(["127.0.0.0/8"])).send(Request("GET", url)).status == 200
        assert server.requests[0][2]["Host"] == f"rebinding.test:{server.port}"
        with pytest.raises(EgressRefused):
            make_client().send(Request("GET", url))


def test_of_several_addresses_only_permitted_ones_are_tried(make_client, monkeypatch):
    real = socket.getaddrinfo

    def both(host, port, *args, **kwargs):
        return real("169.254.1.1", port, *args, **kwargs) + real("127.0.0.1", port, *args, **kwargs)

    with serving(lambda it: it.reply()) as server:
        monkeypatch.setattr(socket, "getaddrinfo", both)
        assert make_client().send(Request("GET", f"http://erp.test:{server.port}/")).status == 200


def test_a_loopback_source_outside_the_list_is_refused(make_client):
    with serving(lambda it: it.reply()) as server, pytest.raises(EgressRefused):
        make_client(egress=Egress(["10.0.0.0/8"])).send(Request("GET", server.url, safe=True))
    assert not server.requests and not server.connections
