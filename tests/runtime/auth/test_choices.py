"""A form field that decides how to sign in, and fields that are asked for only then."""

import base64

import pytest

from appliance.errors import ConfigurationError, InvalidInput
from appliance.runtime.definition import parse_definition
from appliance.runtime.form import check_form
from tests.runtime.auth.asking import get
from tests.runtime.auth.conftest import a_document
from tests.transport.servers import serving

FORM = [
    {"name": "url", "label": "Address", "type": "url"},
    {
        "name": "auth_method", "label": "Sign in by", "type": "choice", "default": "basic",
        "choices": {"basic": "User and password", "key": "Key"},
    },
    {"name": "username", "label": "User", "when": {"auth_method": "basic"}},
    {"name": "password", "label": "Password", "type": "password", "when": {"auth_method": "basic"}},
    {"name": "api_key", "label": "Key", "secret": True, "when": {"auth_method": "key"}},
]  # fmt: skip
AUTH = {
    "scheme": "choose",
    "field": "auth_method",
    "schemes": {
        "basic": {"scheme": "basic"},
        "key": {"scheme": "csrf", "inner": {"scheme": "header", "header": "apikey", "value": "${api_key}"}},
    },
}


def definition(**more):
    return parse_definition({**a_document(AUTH), "form": FORM, **more}, where="plant")


def test_the_field_decides_how_requests_are_signed_in(open_source):
    basic = {"auth_method": "basic", "username": "ann", "password": "p", "api_key": None}
    by_key = {"auth_method": "key", "username": None, "password": None, "api_key": "k"}
    with serving(lambda it: it.reply()) as server:
        for fields in (basic, by_key):
            get(open_source(server.url, AUTH, fields, form=FORM))
    first, second = (headers for _, _, headers, _ in server.requests)
    assert base64.b64decode(first["Authorization"].split()[1]) == b"ann:p" and "apikey" not in first
    assert second["apikey"] == "k" and "Authorization" not in second


def test_only_the_fields_of_the_chosen_way_are_asked_for():
    url = "https://erp.test"
    values = check_form(definition(), {"url": url, "auth_method": "key", "api_key": "k", "password": "old"})
    assert values.secret == {"api_key": "k"} and values.public["username"] is None
    with pytest.raises(InvalidInput) as caught:
        check_form(definition(), {"url": url, "api_key": "k"})
    assert set(caught.value.details["fields"]) == {"username", "password"}


@pytest.mark.parametrize(
    "more",
    [
        {"auth": {**AUTH, "field": "method"}},
        {"auth": {**AUTH, "schemes": {"basic": {"scheme": "basic"}}}},
        {"auth": {**AUTH, "schemes": {**AUTH["schemes"], "third": {"scheme": "none"}}}},
        {"form": [*FORM, {"name": "x", "label": "X", "when": {"auth_method": "oauth"}}]},
        {"form": [*FORM, {"name": "url", "label": "Again"}]},
    ],
)
def test_a_choice_that_does_not_fit_the_form_is_refused(more):
    with pytest.raises(ConfigurationError):
        definition(**more)


def test_a_source_with_a_header_of_its_own_for_user_and_password(open_source):
    auth = {"scheme": "basic", "header": "maxauth", "prefix": ""}
    with serving(lambda it: it.reply()) as server:
        get(open_source(server.url, auth, {"username": "ann", "password": "p"}, form=FORM))
    ((_, _, headers, _),) = server.requests
    assert base64.b64decode(headers["maxauth"]) == b"ann:p" and "Authorization" not in headers


@pytest.mark.parametrize("cookies", [True, False])
def test_cookies_of_the_source_go_back_unless_the_definition_says_no(open_source, cookies):
    auth = {"scheme": "header", "header": "apikey", "value": "${api_key}", "cookies": cookies}
    with serving(lambda it: it.reply(Set_Cookie="JSESSIONID=1; Path=/")) as server:
        source = open_source(server.url, auth, {"api_key": "k"}, form=FORM)
        get(source)
        get(source)
    assert [headers.get("Cookie") for _, _, headers, _ in server.requests] == [
        None,
        "JSESSIONID=1" if cookies else None,
    ]
