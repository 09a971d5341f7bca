"""Request templates to requests."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.runtime.definition import Http, RequestTemplate
from appliance.runtime.request import compile_request, follow_link, join
from appliance.transport.http import Request

BASE = "https://host.plant.example:8443/api"


def prepared(template: dict[str, Any], http: dict[str, Any] | None = None, **context: Any) -> Request:
    made = Http(base_url="${url}", **(http or {}))
    request = compile_request(RequestTemplate(**template), made, where="plant", safe=True)
    return request({"url": BASE, **context})


def test_the_parts_of_a_request() -> None:
    request = prepared(
        {
            "method": "POST",
            "path": "/items/${id}",
            "query": {"n": "${n}"},
            "headers": {"X-Id": "${id}"},
            "json": {"a": "${n}"},
        },
        {"query": {"client": "100"}, "headers": {"X-All": "1"}, "timeout": 7},
        id="7",
        n=5,
    )
    assert (request.method, request.url, request.params) == (
        "POST",
        BASE + "/items/7",
        [("client", "100"), ("n", "5")],
    )
    assert request.headers == {
        "Accept": "application/json",
        "X-All": "1",
        "X-Id": "7",
        "Content-Type": "application/json",
    }
    assert (request.body, request.safe, request.timeout) == (b'{"a":5}', True, 7)


def test_empty_query_parameters_are_left_out_and_lists_repeat_the_name() -> None:
    query = {"a": "${a}", "b": "", "c": ["1", "${a}", 2], "d": True, "e": 0}
    assert prepared({"query": query}, a=None).params == [("c", "1"), ("c", "2"), ("d", "true"), ("e", "0")]


def test_a_header_of_an_empty_optional_field_is_not_sent() -> None:
    assert prepared({"headers": {"X-Client": "${client}"}}, client=None).headers == {
        "Accept": "application/json"
    }


def test_a_form_body_is_encoded() -> None:
    request = prepared({"method": "POST", "form": {"user": "ü&=", "none": "${x}"}}, x=None)
    assert request.body == b"user=%C3%BC%26%3D"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("base", "path", "whole"), [("a/", "/b", "a/b"), ("a", "b/", "a/b/"), ("a/", "", "a/"), ("a", "", "a")]
)
def test_joining(base: str, path: str, whole: str) -> None:
    assert join(base, path) == whole


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (
            "https://internal.local:50000/api/items?skip=2#x",
            "https://host.plant.example:8443/api/items?skip=2",
        ),
        ("http://user:pw@evil.example/api/items?skip=2", "https://host.plant.example:8443/api/items?skip=2"),
        ("//evil.example/x", "https://host.plant.example:8443/x"),
        ("/api/items?skip=2", "https://host.plant.example:8443/api/items?skip=2"),
        ("items?skip=2", "https://host.plant.example:8443/api/items?skip=2"),
        ("?skip=2", "https://host.plant.example:8443/api/items?skip=2"),
    ],
)
def test_a_next_link_stays_on_the_configured_host(link: str, expected: str) -> None:
    assert follow_link(BASE + "/items?first=1", link) == expected


@given(st.text())
def test_no_link_leads_to_another_host(link: str) -> None:
    try:
        target = urlsplit(follow_link(BASE + "/items", link))
    except ValueError:
        return
    assert (target.scheme, target.netloc) == ("https", "host.plant.example:8443")


def test_a_base_without_a_host_is_a_fault_of_the_address() -> None:
    with pytest.raises(ConfigurationError, match="has no host name"):
        follow_link("plant", "/x")
