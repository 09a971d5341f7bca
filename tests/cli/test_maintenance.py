"""`appliance maintenance`."""

import os

import pytest

from tests.cli.conftest import Call


def test_a_user_without_a_name_is_told_by_number(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert call("maintenance", "on").status == 0
    assert call("maintenance", "status", "--json").json["who"] == f"user {os.getuid()} (command line)"


def test_on_status_and_off(call: Call) -> None:
    assert call("maintenance", "status").out == "The appliance works.\n"
    assert "a new disk" in call("maintenance", "on", "--why", "a new disk").out
    assert "It was on before." in call("maintenance", "on").out
    shown = call("maintenance", "status", "--json").json
    assert shown["maintenance"] is True and shown["why"] == "a new disk"
    assert "In maintenance since" in call("status").out
    call("connection", "add", "--system", "sandbox", "--name", "S")
    refused = call("sync", "run", "S", "--wait")
    assert refused.status == 1 and refused.err.startswith("MAINTENANCE:")
    assert call("maintenance", "off").out == "The appliance works.\n"
    assert call("maintenance", "off").out.startswith("It was not on.")
