"""Signed requests: OAuth 1 and signed addresses, checked by what a server receives and by another implementation."""

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, unquote

from hypothesis import given
from hypothesis import strategies as st
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from oauthlib.oauth1.rfc5849 import signature as reference

from appliance.runtime.auth.hmac_url import signature
from appliance.runtime.auth.oauth1 import Tokens, authorization, base_string
from appliance.transport.http import Request
from tests.runtime.auth.asking import get
from tests.support.clock import ManualClock
from tests.transport.servers import serving

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
WORD = st.text("abcXYZ019-._~", min_size=1, max_size=8)


def test_the_base_string_of_rfc_5849():
    # The example of section 3.4.1.1.
    url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
    pairs = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert base_string("post", url, pairs) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26"
        "c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26"
        "oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


@given(
    tokens=st.builds(Tokens, WORD, TEXT, WORD, TEXT, st.sampled_from(["", "1234567_SB1"])),
    method=st.sampled_from(["GET", "POST", "PATCH"]),
    port=st.sampled_from(["", ":443", ":8443"]),
    path=st.lists(TEXT, max_size=3),
    query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4),
    form=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=3),
)
def test_oauth_1_signs_as_another_implementation_does(tokens, method, port, path, query, form):
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"https://erp.test{port}/" + "/".join(quote(step, safe="") for step in path)
    url += f"?{pairs}" if pairs else ""
    header = authorization(tokens, method, url, form, 1767600000, "n0nce")
    sent = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', header)}
    assert sent.pop("realm", "") == tokens.realm
    theirs = Client(
        tokens.consumer_key, tokens.consumer_secret, tokens.token, tokens.token_secret,
        signature_method=SIGNATURE_HMAC_SHA256,
    )  # fmt: skip
    oauth = [(name, value) for name, value in sent.items() if name != "oauth_signature"]
    base = reference.signature_base_string(
        method,
        reference.base_string_uri(url),
        reference.normalize_parameters([*parse_qsl(pairs, keep_blank_values=True), *form, *oauth]),
    )
    assert sent["oauth_signature"] == reference.sign_hmac_sha256_with_client(base, theirs)


OAUTH1 = {"scheme": "oauth1", "realm": "${account}"}
OAUTH1_FIELDS = {
    "consumer_key": "ck", "consumer_secret": "cs", "token_id": "tk", "token_secret": "ts", "account": "12_SB1",
}  # fmt: skip


def test_each_attempt_is_signed_anew_over_the_address_that_is_sent(open_source):
    clock = ManualClock()
    with serving(lambda it: it.reply()) as server:
        source = open_source(server.url, OAUTH1, OAUTH1_FIELDS, clock=clock)
        for _ in range(2):
            source.send(
                Request("GET", f"{server.url}/a b/q", params=[("filter", "it's [x] $1 é")], safe=True)
            )
    nonces = set()
    for method, target, headers, _ in server.requests:
        sent = {
            name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', headers["Authorization"])
        }
        nonces.add(sent["oauth_nonce"])
        assert sent["realm"] == "12_SB1" and sent["oauth_timestamp"] == str(int(clock.now().timestamp()))
        again = authorization(
            Tokens("ck", "cs", "tk", "ts", "12_SB1"), method, server.url + target, [],
            int(sent["oauth_timestamp"]), sent["oauth_nonce"],
        )  # fmt: skip
        assert headers["Authorization"] == again
    assert len(nonces) == 2


def test_a_form_body_is_signed_too(open_source):
    with serving(lambda it: it.reply()) as server:
        source = open_source(server.url, OAUTH1, OAUTH1_FIELDS)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        source.send(Request("POST", f"{server.url}/q", headers=kind, body=b"a=1+2&b=%C3%A9"))
    sent = server.requests[0][2]["Authorization"]
    values = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', sent)}
    form = [("a", "1 2"), ("b", "é")]
    tokens = Tokens("ck", "cs", "tk", "ts", "12_SB1")
    seconds = int(values["oauth_timestamp"])
    assert sent == authorization(tokens, "POST", f"{server.url}/q", form, seconds, values["oauth_nonce"])


HMAC_URL = {
    "scheme": "hmac_url",
    "query": {"service": "cmms", "timestamp": "${now|unix_ms}", "accessKey": "${access_key}"},
}


@given(query=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4), secret=TEXT.filter(bool))
def test_the_signature_is_the_hmac_of_the_address_without_scheme(query, secret):
    url = "erp.test/api/?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    # By the definition of RFC 2104 itself.
    key = secret.encode()
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + url.encode()).digest()
    expected = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    assert (
        signature(secret.encode(), f"https://{url}")
        == signature(secret.encode(), f"http://{url}")
        == expected
    )


def test_a_server_finds_the_address_signed_exactly_as_it_received_it(open_source):
    clock = ManualClock()
    with serving(lambda it: it.reply()) as server:
        fields = {"secret_key": "sé", "access_key": "k/1 +&="}
        source = open_source(server.url, HMAC_URL, fields, clock=clock)
        get(source, "/api/")
        for odd in ("a b", "[x]", "it's", "é", "%2f", "a%zz", "100%", "(1,2)", "x|y", "~_.-", "{}", '"'):
            source.send(Request("POST", f"{server.url}/api/?z={odd}", params=[("q", odd)], body=b"{}"))
    assert len(server.requests) == 13
    for _, target, headers, _ in server.requests:
        received = f"{headers['Host']}{target}".encode()
        assert headers["Authorization"] == hmac.new("sé".encode(), received, "sha256").hexdigest()
    query = dict(parse_qsl(server.requests[0][1].partition("?")[2]))
    assert query == {"service": "cmms", "timestamp": str(clock.now_ms()), "accessKey": "k/1 +&="}
