"""Entitlements: signed files that say how many credits there are; made here by the issuer's own tool."""

import base64
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.credits.entitlement import describe
from appliance.credits.errors import EntitlementRejected
from tests.credits.conftest import Issue, run_tool
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.clock import ManualClock
from tests.support.priced import write_priced_connectors
from tests.support.state import everything


@pytest.fixture
def appliance(tmp_path: Path, issuer: Path) -> Iterator[Appliance]:
    with Appliances(tmp_path) as appliances:
        yield appliances.open(
            ManualClock(datetime(2026, 6, 1, tzinfo=UTC)),
            credits_evaluation=10,
            credits_entitlement_public_key_file=issuer / "issuer.pem",
            connectors_dir=write_priced_connectors(tmp_path / "own"),
        )


def granted(appliance: Appliance) -> int:
    return appliance.ledger.balance().granted


def test_a_valid_file_replaces_the_evaluation_pool(appliance: Appliance, issue: Issue) -> None:
    assert granted(appliance) == 10
    entitlement = appliance.entitlements.import_file(
        issue("ENT-1", credits=40, issued="2026-05-01", expires="2027-05-01")
    )
    assert granted(appliance) == 40
    assert (entitlement.id, entitlement.customer, entitlement.credits) == ("ENT-1", "Plant Example", 40)
    assert appliance.entitlements.current() == entitlement
    assert describe(appliance.entitlements.term())["expires_at"] == "2027-05-01T23:59:59+00:00"
    kinds = [(e["kind"], e["amount"]) for e in reversed(appliance.ledger.entries())]
    assert kinds == [("grant", 10), ("revoke", 10), ("grant", 40)]


def test_the_same_file_again_changes_nothing(appliance: Appliance, issue: Issue) -> None:
    content = issue("ENT-1", credits=40, issued="2026-05-01")
    appliance.entitlements.import_file(content)
    before = appliance.ledger.entries()
    for _ in range(3):
        appliance.entitlements.import_file(content)
    assert appliance.ledger.entries() == before


def test_a_newer_file_replaces_the_former_one(appliance: Appliance, issue: Issue) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01"))
    appliance.entitlements.import_file(issue("ENT-2", credits=60, issued="2026-05-02"))
    assert granted(appliance) == 60
    current = appliance.entitlements.current()
    assert current is not None and current.id == "ENT-2"


def test_a_clock_that_was_set_back_does_not_bring_the_former_one_back(
    appliance: Appliance, issue: Issue
) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01"))
    appliance.clock.advance(-3600)  # type: ignore[attr-defined]
    appliance.entitlements.import_file(issue("ENT-2", credits=60, issued="2026-05-02"))
    current = appliance.entitlements.current()
    assert current is not None and current.id == "ENT-2"


def test_an_older_file_is_refused(appliance: Appliance, issue: Issue) -> None:
    older = issue("ENT-1", credits=400, issued="2026-05-01")
    appliance.entitlements.import_file(issue("ENT-2", credits=60, issued="2026-05-02"))
    refused(appliance, older, "older")


def test_an_expired_file_is_refused_when_its_grace_is_over(appliance: Appliance, issue: Issue) -> None:
    refused(appliance, issue("ENT-1", credits=40, issued="2025-05-01", expires="2026-04-30"), "ended")


def test_a_file_of_its_last_day_is_taken(appliance: Appliance, issue: Issue) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2025-05-01", expires="2026-06-01"))
    assert granted(appliance) == 40


def test_a_file_of_another_issuer_is_refused(appliance: Appliance, issue: Issue, tmp_path: Path) -> None:
    run_tool("keygen", tmp_path / "other")
    other = tmp_path / "other" / "issuer-private.pem"
    refused(appliance, issue("ENT-1", credits=40, key=other), "signature")


def test_a_changed_document_is_refused(appliance: Appliance, issue: Issue) -> None:
    signed = json.loads(issue("ENT-1", credits=40))
    document = json.loads(base64.b64decode(signed["entitlement"]))
    document["credits"] = 4000
    signed["entitlement"] = base64.b64encode(json.dumps(document).encode()).decode()
    refused(appliance, json.dumps(signed).encode(), "signature")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"entitlement": 1, "signature": 2}',
        b'{"entitlement": "!", "signature": "!"}',
        b'{"entitlement": "", "signature": ""}',
        b'{"entitlement": "e30=", "signature": "AAAA"}',
        b" " * 100_000,
        b"[" * 60_000,
    ],
)
def test_what_is_no_entitlement_is_refused(appliance: Appliance, content: bytes) -> None:
    refused(appliance, content, ".")


def test_the_text_around_the_document_does_not_matter(appliance: Appliance, issue: Issue) -> None:
    signed = json.loads(issue("ENT-1", credits=40))
    appliance.entitlements.import_file(json.dumps(signed, indent=8, sort_keys=True).encode())
    assert granted(appliance) == 40


def test_a_smaller_pool_never_touches_connections(appliance: Appliance, issue: Issue) -> None:
    made = appliance.connections.connect(
        system="priced_3", name="Big", hosting="on_premises", fields={"password": "x"}
    )
    appliance.entitlements.import_file(issue("ENT-1", credits=1, issued="2026-05-01"))
    balance = appliance.ledger.balance()
    assert (balance.granted, balance.used, balance.available) == (1, 8, 0)
    assert appliance.connections.tokens.authenticate(made.token).connection_id == made.connection.id
    assert connect_sandbox(appliance).connection.credits == 0
    assert appliance.connections.disconnect(made.connection.id) == 8
    assert appliance.ledger.balance().available == 1


def test_the_evaluation_pool_does_not_come_back_at_the_next_start(
    tmp_path: Path, issuer: Path, issue: Issue
) -> None:
    settings = {
        "credits_evaluation": 10,
        "credits_entitlement_public_key_file": issuer / "issuer.pem",
    }
    with Appliances(tmp_path) as appliances:
        appliances.open(**settings).entitlements.import_file(issue("ENT-1", credits=3, issued="2026-05-01"))
    with Appliances(tmp_path) as appliances:
        assert granted(appliances.open(**settings)) == 3


def test_without_a_setting_the_key_in_the_program_counts(tmp_path: Path, issue: Issue) -> None:
    with Appliances(tmp_path) as appliances:
        refused(appliances.open(), issue("ENT-1", credits=40), "signature")


def refused(appliance: Appliance, content: bytes, why: str) -> None:
    before = everything(appliance.database)
    with pytest.raises(EntitlementRejected, match=why):
        appliance.entitlements.import_file(content)
    assert everything(appliance.database) == before


class TestTheIssuersTool:
    def test_it_never_replaces_a_key_and_keeps_the_private_one_private(self, tmp_path: Path) -> None:
        assert run_tool("keygen", tmp_path / "keys").returncode == 0
        private = tmp_path / "keys" / "issuer-private.pem"
        content = private.read_bytes()
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
        again = run_tool("keygen", tmp_path / "keys")
        assert again.returncode == 1
        assert "Traceback" not in again.stderr
        assert private.read_bytes() == content

    @pytest.mark.parametrize(
        ("name", "value"), [("--credits", "-1"), ("--credits", "many"), ("--expires", "soon")]
    )
    def test_it_refuses_values_that_are_none(
        self, tmp_path: Path, issuer: Path, name: str, value: str
    ) -> None:
        values = {"--key": issuer / "issuer-private.pem", "--id": "E", "--customer": "C", "--credits": "1"}
        flags = [part for pair in {**values, name: value}.items() for part in pair]
        done = run_tool("sign", *flags, "--out", tmp_path / "out")
        assert done.returncode == 2
        assert not (tmp_path / "out").exists()

    def test_it_refuses_a_key_that_is_none(self, tmp_path: Path, issuer: Path) -> None:
        done = run_tool(
            *("sign", "--key", issuer / "issuer.pem", "--id", "E", "--customer", "C"),
            *("--credits", "1", "--out", tmp_path / "out"),
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
