"""What a definition and a form say about TLS and call limits, up to the server that notices."""

import pytest
import yaml

from appliance.errors import ConfigurationError, InvalidInput, SourceThrottled, SourceUnreachable
from appliance.runtime.definition import parse_definition
from appliance.runtime.form import check_form
from appliance.runtime.terms import terms_of, tls_options
from appliance.transport.budget import Window
from appliance.transport.errors import CertificateRefused
from tests.runtime.auth.asking import get
from tests.runtime.auth.conftest import a_document
from tests.transport.authority import Authority
from tests.transport.servers import server_context, serving

NONE = {"scheme": "none"}
TLS = {"tls": ["client_certificate", "ca", "minimum"]}


def definition(http):
    return parse_definition(a_document(NONE, http), where="plant")


def client_fields(pair):
    certificate, key = pair
    return {"tls_client_certificate": certificate.read_text(), "tls_client_key": key.read_text()}


def test_forms_show_tls_fields_only_where_the_definition_says_so():
    assert [f.name for f in definition({}).form] == ["url"]
    assert [f.name for f in definition({"tls": ["ca"]}).form] == ["url", "tls_ca"]
    form = {f.name: f for f in definition(TLS).form}
    assert form["tls_client_key"].sealed and not form["tls_client_certificate"].sealed
    assert not any(f.required for name, f in form.items() if name != "url")


def test_a_client_certificate_of_the_form_reaches_the_server(open_source, authority):
    context = server_context(authority.issue("127.0.0.1"), clients=authority.ca_file)
    with serving(
        lambda it: it.reply(200, it.connection.getpeercert()["subject"][0][0][1].encode()), context
    ) as server:
        fields = {**client_fields(authority.issue("the appliance")), "tls_ca": authority.ca_file.read_text()}
        assert get(open_source(server.url, NONE, fields, http=TLS)).body == b"the appliance"
        del fields["tls_client_certificate"], fields["tls_client_key"]
        with pytest.raises(SourceUnreachable, match="client certificate"):
            get(open_source(server.url, NONE, fields, http=TLS))


def test_an_authority_of_one_connection_is_believed_by_no_other(open_source, authority):
    with serving(lambda it: it.reply(), server_context(authority.issue("127.0.0.1"))) as server:
        assert (
            get(open_source(server.url, NONE, {"tls_ca": authority.ca_file.read_text()}, http=TLS)).status
            == 200
        )
        with pytest.raises(CertificateRefused, match="Plant Root CA"):
            get(open_source(server.url, NONE, http=TLS))


def test_unusable_certificates_are_refused_by_field_before_anything_is_sent(authority, tmp_path):
    one, other = authority.issue("one"), Authority(tmp_path, "Other CA").issue("other")
    good = client_fields(one)
    cases = [
        (
            {**good, "tls_client_key": client_fields(other)["tls_client_key"]},
            "tls_client_key",
            "does not belong",
        ),
        ({**good, "tls_client_key": None}, "tls_client_key", "needs its key"),
        ({**good, "tls_client_certificate": ""}, "tls_client_certificate", "needs its certificate"),
        ({**good, "tls_client_key": "nonsense"}, "tls_client_key", "no PEM"),
        ({**good, "tls_client_certificate": "nonsense"}, "tls_client_certificate", "no PEM"),
        ({"tls_ca": "nonsense"}, "tls_ca", "no PEM"),
    ]
    for fields, name, why in cases:
        with pytest.raises(InvalidInput, match=why) as caught:
            tls_options(fields)
        assert list(caught.value.details["fields"]) == [name]


def test_the_lowest_tls_version_comes_from_the_form():
    assert tls_options({}).minimum == "1.2" and tls_options({"tls_minimum": "1.0"}).minimum == "1.0"
    with pytest.raises(InvalidInput):
        check_form(definition(TLS), {"url": "https://erp.test", "tls_minimum": "0.9"})


def test_limits_of_the_definition_become_those_of_connection_and_host():
    budget = {
        "windows": [{"calls": 60, "seconds": 60}, {"calls": 5000, "seconds": 86400}],
        "concurrency": 3,
        "reserve": 0.2,
        "host": {"windows": [{"calls": 9, "seconds": 1}], "concurrency": 8},
    }
    http = definition({"budget": budget}).http
    terms = terms_of(http, {})
    assert terms.limits.windows == (Window(60, 60), Window(5000, 86400)) and terms.limits.concurrency == 3
    assert terms.limits.interactive_share == 0.2
    assert terms.host_limits.windows == (Window(9, 1),) and terms.host_limits.concurrency == 8
    assert terms_of(definition({}).http, {}).host_limits is None


@pytest.mark.parametrize("reset_as", ["seconds", "epoch", "epoch_ms"])
def test_a_connection_waits_when_the_source_says_that_nothing_is_left(open_source, outbound, reset_as):
    clock = outbound._clock
    resets = {
        "seconds": 900,
        "epoch": int(clock.now().timestamp()) + 900,
        "epoch_ms": clock.now_ms() + 900_000,
    }
    told = {"remaining": "X-Left", "reset": "X-Reset", "reset_as": reset_as}
    left = iter([1, 0, 5])
    with serving(lambda it: it.reply(200, X_Left=str(next(left)), X_Reset=str(resets[reset_as]))) as server:
        source = open_source(server.url, NONE, http={"budget": {"headers": told}})
        get(source)
        get(source)
        with pytest.raises(SourceThrottled) as caught:
            get(source)
        assert caught.value.retry_after == pytest.approx(900, abs=1)
        clock.advance(901)
        get(source)
    assert len(server.requests) == 3


@pytest.mark.parametrize("broken", ["tls: [certificate]", "budget: {windows: [{calls: 0, seconds: 1}]}"])
def test_a_wrong_definition_is_refused(broken):
    with pytest.raises(ConfigurationError):
        definition(yaml.safe_load(broken))
