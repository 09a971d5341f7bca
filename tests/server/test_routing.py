"""Declaring a route compiles nothing that builds its address; asking for one still builds it."""

import pytest
from werkzeug.routing import Map, Rule

from appliance.server.routing import Route

RULES = ("/api/erp/purchase-orders/<string:key>", "/admin/connections/<id>/runs", "/plain")


def test_addresses_are_built_as_by_a_plain_rule() -> None:
    plain, late = (
        Map([kind(path, endpoint=path) for path in RULES]).bind("localhost") for kind in (Rule, Route)
    )
    for values in ({}, {"key": "a b/ü"}, {"id": "con_1", "page": "2"}, {"id": "x", "rule": "y", "self": "z"}):
        for path in RULES:
            for unknown in (True, False):
                assert built(late, path, values, unknown) == built(plain, path, values, unknown)


def built(adapter: object, path: str, values: dict[str, str], unknown: bool) -> str:
    try:
        return str(adapter.build(path, values, append_unknown=unknown))  # type: ignore[attr-defined]
    except Exception as failure:
        return type(failure).__name__


def test_declaring_compiles_no_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    original = Rule._get_func_code
    monkeypatch.setattr(
        Rule, "_get_func_code", staticmethod(lambda *of: compiled.append(of) or original(*of))
    )
    urls = Map([Route(path, endpoint=path) for path in RULES]).bind("localhost")
    assert compiled == [], "most of what a route costs at the start"
    assert urls.match("/plain") == ("/plain", {})
    urls.build("/plain")
    urls.build("/plain")
    assert len(compiled) == 1
