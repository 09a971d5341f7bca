"""The address of deliveries on the command line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from tests.support.bench import Bench, running
from tests.support.plant import CONNECTORS


@pytest.fixture
def bench(call: Call) -> Iterator[Any]:
    """`connection push Bench` with what follows it."""
    with running(Bench()) as source:
        settings = ("--set", f"connectors_dir={CONNECTORS}")
        given = ("--system", "bench", "--name", "Bench", "--field", f"url={source.url}")
        assert call("connection", "add", *given, *settings).status == 0
        yield lambda *more, **sent: call("connection", "push", "Bench", *settings, *more, **sent)


def test_an_address_is_made_rotated_and_switched_off(bench: Any) -> None:
    assert "takes no deliveries" in bench().out
    made = bench("--rotate", "--json").json
    assert "/hooks/whk_" in made["url"] and made["signing_key"].startswith("whsec_")
    shown = bench()
    assert made["address_hint"] in shown.out and made["url"] not in shown.out
    again = bench("--on").out
    assert "they are not shown again" in again and made["url"] not in again
    assert bench("--off", "--json").json["enabled"] is False


def test_signing_keys_come_from_a_file_or_standard_input_and_not_as_an_argument(
    bench: Any, tmp_path: Path
) -> None:
    refused = bench("--signing-keys", "-", "--json", given="a\n")
    assert (refused.status, refused.json["error"]["code"]) == (1, "PUSH_OFF")
    bench("--on")
    assert bench("--signing-keys", "-", "--json", given="first\n\nsecond\n").json["signing_keys"] == 2
    file = tmp_path / "keys"
    file.write_text("only\n")
    kept = bench("--signing-keys", str(file), "--json")
    assert kept.json["signing_keys"] == 1 and "only" not in kept.out
    assert (
        bench("--signing-keys", str(tmp_path / "none"), "--json").json["error"]["code"] == "INVALID_REQUEST"
    )


def test_a_system_without_deliveries_says_so(call: Call) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "Sample")
    assert "takes no deliveries of its system" in call("connection", "push", "Sample").out
    refused = call("connection", "push", "Sample", "--rotate", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "PUSH_NOT_SUPPORTED")
