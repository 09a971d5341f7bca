"""Whose address counts behind proxies."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from appliance.api.address import address_of


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("10.0.0.9", "1.1.1.1", [], "10.0.0.9"),
        ("10.0.0.9", "1.1.1.1", ["10.0.0.0/24"], "1.1.1.1"),
        ("10.0.0.9", "9.9.9.9, 1.1.1.1", ["10.0.0.0/24"], "1.1.1.1"),
        ("10.0.0.9", "9.9.9.9, 1.1.1.1, 10.0.0.8", ["10.0.0.0/24"], "1.1.1.1"),
        ("1.1.1.1", "10.0.0.5", ["10.0.0.0/24"], "1.1.1.1"),
        ("10.0.0.9", "", ["10.0.0.0/24"], "10.0.0.9"),
        ("10.0.0.9", "no address", ["10.0.0.0/24"], "no address"),
        ("10.0.0.9", "1.1.1.1", ["proxy.plant.example"], "10.0.0.9"),
    ],
)
def test_the_last_address_that_no_trusted_proxy_vouches_for(
    peer: str, forwarded: str, trusted: list[str], expected: str
) -> None:
    builder = EnvironBuilder(headers={"X-Forwarded-For": forwarded}, environ_base={"REMOTE_ADDR": peer})
    assert address_of(Request(builder.get_environ()), trusted) == expected
