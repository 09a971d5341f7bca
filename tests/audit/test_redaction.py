"""No secret gets into a log."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.redaction import MASK, redact, redact_body, redact_query, redact_text

SECRET = "canary-7Q2x-value"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "Password", "passphrase", "client_secret", "access_token", "refreshToken", "api_key"),
        *("apiKey", "credentials", "Authorization", "Set-Cookie", "private_key", "code_verifier", "pin"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, {"deep": [SECRET]}, [SECRET], {"a": {"b": SECRET}}])
def test_a_member_with_such_a_name_is_masked_whatever_it_holds(name: str, value: Any) -> None:
    body = {"outer": [{"name": "harmless", name: value}]}
    assert SECRET not in json.dumps(redact(body))
    assert redact(body)["outer"][0]["name"] == "harmless"


@pytest.mark.parametrize("name", ["key", "code", "siteKey", "name", "next_cursor", "token_type", "status"])
def test_fields_of_records_stay(name: str) -> None:
    assert redact({name: "value"}) == {name: "value"}


def test_our_own_tokens_are_masked_wherever_they_stand() -> None:
    token = "apl_" + "aB3-_" * 8
    for given_text in (token, f"Bearer {token}", f"see {token}, there"):
        assert token not in redact_text(given_text)
        assert token not in json.dumps(redact({"note": [given_text], given_text: 1}))
    assert "apl_short" in redact_text("apl_short")


def test_query_strings_and_forms() -> None:
    assert redact_query(f"page=2&access_token={SECRET}&filter[name]=x") == (
        f"page=2&access_token={MASK}&filter[name]=x"
    )
    form = f"grant_type=authorization_code&code={SECRET}&client_secret={SECRET}".encode()
    assert SECRET not in str(redact_body(form, "application/x-www-form-urlencoded", frozenset({"code"})))


@pytest.mark.parametrize("content", [b'{"password": "canary', b"\xff\xfe", b"[" * 100_000, b"plain text"])
def test_what_cannot_be_read_is_left_out(content: bytes) -> None:
    assert redact_body(content, "application/json") is None
    assert redact_body(content, "text/plain") is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=20,
)


@given(values, st.lists(st.sampled_from(("x", "password", "list")), min_size=1, max_size=30))
def test_a_secret_at_any_depth_is_gone(value: Any, way: list[str]) -> None:
    body: Any = {"password": SECRET, "beside": value}
    for step in way:
        body = [body] if step == "list" else {step: body}
    assert SECRET not in json.dumps(redact(body))
