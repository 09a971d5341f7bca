"""Access tokens: asked for as each grant wants it, renewed in time, and refresh tokens that are never lost."""

import base64
import hashlib
import json
import time
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from appliance.errors import (
    ConfigurationError,
    InternalError,
    InvalidInput,
    SourceCredentialsRejected,
    SourceError,
    SourceUnreachable,
)
from tests.runtime.auth.asking import at_once, get
from tests.support.clock import ManualClock
from tests.transport.servers import serving

FIELDS = {"client_id": "app 1", "client_secret": "s:cret", "refresh_token": "r0"}
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
REFRESH_FORM = [
    {"name": "url", "label": "Address", "type": "url"},
    {"name": "refresh_token", "label": "Refresh token", "secret": True},
]


def pem(key, passphrase=None):
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


class Tokens:
    """A token endpoint at /token, and an interface that believes the last token given out."""

    def __init__(self, *, rotating=False, expires=3600, slow=0.0):
        self.rotating, self.expires, self.slow = rotating, expires, slow
        self.asked = []
        self.headers = []
        self.good = None
        self.refresh = "r0"
        self.refusal = None

    def __call__(self, it):
        if it.path != "/token":
            it.reply(200 if it.headers["Authorization"] == f"Bearer {self.good}" else 401)
            return
        form = {name: values[0] for name, values in parse_qs(it.body.decode()).items()}
        self.asked.append(form)
        self.headers.append(dict(it.headers))
        time.sleep(self.slow)
        if self.refusal:
            it.reply(*self.refusal)
        elif form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            it.reply(400, b'{"error": "invalid_grant", "error_description": "token was used"}')
        else:
            it.reply(200, json.dumps(self.grant()).encode())

    def grant(self):
        self.good = f"a{len(self.asked)}"
        answer = {"access_token": self.good, "token_type": "Bearer"}
        if self.expires:
            answer["expires_in"] = self.expires
        if self.rotating:
            self.refresh = answer["refresh_token"] = f"r{len(self.asked)}"
        return answer


class Kept:
    """A vault of a test; `events` shows what happened in which order."""

    def __init__(self, **values):
        self.values = values
        self.broken = False
        self.events = []

    def read(self, name):
        return self.values.get(name)

    def keep(self, name, value):
        if self.broken:
            raise InternalError("The disk is full.")
        self.events.append((name, value))
        self.values[name] = value


def oauth2(**changes):
    return {"scheme": "oauth2", "token_url": "/token", **changes}


def test_client_credentials_by_body(open_source):
    tokens = Tokens()
    with serving(tokens) as server:
        source = open_source(server.url, oauth2(scope="read write", params={"resource": "erp"}), FIELDS)
        assert [get(source).status for _ in range(3)] == [200] * 3
    wanted = {"grant_type": "client_credentials", "client_id": "app 1", "client_secret": "s:cret"}
    assert tokens.asked == [{**wanted, "scope": "read write", "resource": "erp"}]


def test_client_credentials_by_basic_header(open_source):
    tokens = Tokens()
    with serving(tokens) as server:
        get(open_source(server.url, oauth2(client="basic"), FIELDS))
    # Form-encoded before it is joined, or a colon in the secret would be mistaken (RFC 6749, 2.3.1).
    assert base64.b64decode(tokens.headers[0]["Authorization"].removeprefix("Basic ")) == b"app+1:s%3Acret"
    assert tokens.asked == [{"grant_type": "client_credentials"}]


def test_the_password_grant(open_source):
    tokens = Tokens()
    with serving(tokens) as server:
        get(open_source(server.url, oauth2(grant="password"), {**FIELDS, "username": "ann", "password": "p"}))
    assert tokens.asked[0]["grant_type"] == "password" and tokens.asked[0]["password"] == "p"


def test_a_token_endpoint_elsewhere_is_asked_at_its_own_address(open_source):
    tokens = Tokens()
    with serving(tokens) as elsewhere, serving(tokens) as server:
        assert get(open_source(server.url, oauth2(token_url=f"{elsewhere.url}/token"), FIELDS)).status == 200
    assert len(elsewhere.requests) == 1 and len(server.requests) == 1


def test_a_token_is_renewed_before_it_expires(open_source):
    tokens, clock = Tokens(expires=3600), ManualClock()
    with serving(tokens) as server:
        source = open_source(server.url, oauth2(margin=60), FIELDS, clock=clock)
        get(source)
        clock.advance(3539)
        get(source)
        assert len(tokens.asked) == 1
        clock.advance(1)
        get(source)
    assert len(tokens.asked) == 2


def test_a_token_shorter_than_the_margin_is_still_used(open_source):
    tokens, clock = Tokens(expires=40), ManualClock()
    with serving(tokens) as server:
        source = open_source(server.url, oauth2(margin=60), FIELDS, clock=clock)
        assert [get(source).status for _ in range(3)] == [200] * 3
    assert len(tokens.asked) == 1


def test_a_withdrawn_token_is_replaced_once(open_source):
    tokens = Tokens()
    with serving(tokens) as server:
        source = open_source(server.url, oauth2(), FIELDS)
        get(source)
        tokens.good = "another"
        assert get(source).status == 200
    assert len(tokens.asked) == 2


def test_threads_share_one_renewal(open_source):
    tokens = Tokens(slow=0.05)
    with serving(tokens) as server:
        source = open_source(server.url, oauth2(), FIELDS, http={"budget": {"concurrency": 8}})
        assert [answer.status for answer in at_once(6, lambda: get(source))] == [200] * 6
    assert len(tokens.asked) == 1


def test_a_rotated_refresh_token_is_stored_before_it_is_used(open_source):
    tokens, clock, kept = Tokens(rotating=True), ManualClock(), Kept(refresh_token="r0")

    def answer(it):
        if it.path != "/token":
            kept.events.append(("used", it.headers["Authorization"]))
        tokens(it)

    with serving(answer) as server:
        source = open_source(
            server.url, oauth2(grant="refresh_token"), FIELDS,
            clock=clock, credentials=kept, form=REFRESH_FORM,
        )  # fmt: skip
        get(source)
        clock.advance(4000)
        get(source)
    stored = [("refresh_token", "r1"), ("used", "Bearer a1"), ("refresh_token", "r2"), ("used", "Bearer a2")]
    assert kept.events == stored
    assert [form["refresh_token"] for form in tokens.asked] == ["r0", "r1"]


def test_a_refresh_token_that_cannot_be_stored_is_not_used_and_not_lost(open_source):
    tokens, kept = Tokens(rotating=True), Kept(refresh_token="r0")
    with serving(tokens) as server:
        source = open_source(
            server.url, oauth2(grant="refresh_token"), FIELDS, credentials=kept, form=REFRESH_FORM
        )
        kept.broken = True
        with pytest.raises(InternalError):
            get(source)
        assert len(server.requests) == 1
        kept.broken = False
        assert get(source).status == 200
    assert kept.events == [("refresh_token", "r1"), ("refresh_token", "r2")]
    assert [form["refresh_token"] for form in tokens.asked] == ["r0", "r1"]


def test_a_refresh_token_that_another_process_rotated_is_read_again(open_source):
    tokens, kept, clock = Tokens(rotating=True), Kept(refresh_token="r0"), ManualClock()
    with serving(tokens) as server:
        source = open_source(
            server.url, oauth2(grant="refresh_token"), FIELDS,
            clock=clock, credentials=kept, form=REFRESH_FORM,
        )  # fmt: skip
        get(source)
        tokens.refresh = kept.values["refresh_token"] = "theirs"
        clock.advance(4000)
        assert get(source).status == 200


def test_a_dead_refresh_token_asks_for_a_new_authorization(open_source):
    tokens = Tokens()
    tokens.refresh = "other"
    with serving(tokens) as server, pytest.raises(SourceCredentialsRejected) as caught:
        get(open_source(server.url, oauth2(grant="refresh_token"), FIELDS, form=REFRESH_FORM))
    assert (
        "authorize the connection again" in caught.value.message and "token was used" in caught.value.message
    )


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((401, b'{"error": "invalid_client"}'), SourceCredentialsRejected),
        ((400, b'{"error": "unauthorized_client"}'), SourceCredentialsRejected),
        ((400, b'{"error": "invalid_scope"}'), SourceError),
        ((503, b"busy"), SourceUnreachable),
        ((200, b'{"token": 1}'), SourceError),
        ((200, b"<html>sign in</html>"), SourceError),
    ],
)
def test_only_what_speaks_of_the_credentials_asks_for_others(open_source, refusal, kind):
    tokens = Tokens()
    tokens.refusal = refusal
    with serving(tokens) as server, pytest.raises(kind) as caught:
        get(open_source(server.url, oauth2(), FIELDS))
    assert type(caught.value) is kind or kind is SourceError
    assert isinstance(caught.value, SourceCredentialsRejected) == (kind is SourceCredentialsRejected)
    assert "s:cret" not in caught.value.message


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token, algorithm):
    """The header and claims of a token, its signature checked with the public key."""
    head, body, signature = token.split(".")
    signed, raw = f"{head}.{body}".encode(), decoded(signature)
    match algorithm:
        case "RS256":
            RSA_KEY.public_key().verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())
        case "PS256":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            RSA_KEY.public_key().verify(raw, signed, pss, hashes.SHA256())
        case "ES256":
            r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
            EC_KEY.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    return json.loads(decoded(head)), json.loads(decoded(body))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_client_assertion_is_signed_by_the_private_key(open_source, algorithm):
    tokens, clock = Tokens(expires=None), ManualClock()
    fields = {
        **FIELDS,
        "private_key": pem(EC_KEY if algorithm == "ES256" else RSA_KEY),
        "certificate_id": "c7",
    }
    assertion = {
        "algorithm": algorithm,
        "key_id": "${certificate_id}",
        "claims": {"scope": ["rest_webservices"], "sub": None},
    }
    with serving(tokens) as server:
        get(open_source(server.url, oauth2(client="assertion", assertion=assertion), fields, clock=clock))
    asked = tokens.asked[0]
    assert asked["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in asked
    head, claims = verified(asked["client_assertion"], algorithm)
    assert head == {"alg": algorithm, "typ": "JWT", "kid": "c7"}
    now = int(clock.now().timestamp())
    assert claims.pop("jti") and claims == {
        "iss": "app 1",
        "aud": f"{server.url}/token",
        "scope": ["rest_webservices"],
        "iat": now - 5,
        "exp": now + 300,
    }


def test_a_jwt_bearer_grant_speaks_for_a_user_and_is_fresh_each_time(open_source, authority):
    tokens, clock = Tokens(expires=None), ManualClock()
    certificate = authority.issue("client", lasts=timedelta(days=1))[0].read_text()
    assertion = {
        "algorithm": "RS256", "certificate": "${certificate}", "thumbprint": "x5t", "passphrase": "${passphrase}",
        "claims": {"sub": "${username}"},
    }  # fmt: skip
    fields = {
        **FIELDS, "username": "ann", "certificate": certificate, "passphrase": "open",
        "private_key": pem(RSA_KEY, b"open"),
    }  # fmt: skip
    auth = oauth2(grant="jwt_bearer", minutes=10, assertion=assertion)
    with serving(tokens) as server:
        source = open_source(server.url, auth, fields, clock=clock)
        get(source)
        clock.advance(600)
        get(source)
    assert tokens.asked[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    (head, first), (_, second) = (verified(asked["assertion"], "RS256") for asked in tokens.asked)
    assert first["sub"] == "ann" and first["iss"] == "app 1" and first["jti"] != second["jti"]
    leaf = x509.load_pem_x509_certificate(certificate.encode())
    assert decoded(head["x5t"]) == hashlib.sha1(leaf.public_bytes(serialization.Encoding.DER)).digest()


@pytest.mark.parametrize(
    ("algorithm", "key", "says"),
    [
        ("RS256", "nonsense", "no PEM"),
        ("ES256", pem(RSA_KEY), "P-256"),
        ("PS256", pem(EC_KEY), "RSA"),
        ("PS256", pem(RSA_KEY, b"x"), "passphrase"),
    ],
)
def test_an_unusable_key_is_named_before_anything_is_sent(open_source, algorithm, key, says):
    auth = oauth2(client="assertion", assertion={"algorithm": algorithm})
    with pytest.raises(InvalidInput, match=says):
        open_source("http://127.0.0.1:9", auth, {**FIELDS, "private_key": key})


@pytest.mark.parametrize(
    "changes", [{"client": "assertion"}, {"grant": "jwt_bearer"}, {"grant": "refresh_token"}]
)
def test_a_definition_that_lacks_what_its_grant_needs_is_refused(open_source, changes):
    with pytest.raises(ConfigurationError):
        open_source("http://127.0.0.1:9", oauth2(**changes), FIELDS)
