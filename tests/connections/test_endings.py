"""Certificates and keys that end are told in good time, ever more severely."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.connections.condition.endings import DAY_MS, Ending, Endings
from appliance.connections.condition.issues import Issues
from appliance.engine_room import _endings, watch_of
from appliance.transport.certificates import TlsFacts
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.clock import ManualClock
from tests.transport.authority import Authority


def looked(issues: Issues, clock: ManualClock, own: Iterable[Ending]) -> list[tuple[str, str, str]]:
    Endings(issues, clock, lambda: own).look()
    return [(one.code, one.entity, one.severity) for one in issues.open_issues()]


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (61, None),
        (60, "info"),
        (30, "info"),
        (14, "warning"),
        (7, "warning"),
        (1, "critical"),
        (-1, "critical"),
    ],
)
def test_the_nearer_the_end_the_more_severe(
    appliance: Appliance, clock: ManualClock, days: int, severity: str | None
) -> None:
    ending = Ending("CERTIFICATE_EXPIRING", "The certificate", clock.now_ms() + days * DAY_MS)
    expected = [] if severity is None else [("CERTIFICATE_EXPIRING", "", severity)]
    assert looked(appliance.issues, clock, [ending]) == expected


def test_each_step_says_so_again_and_a_renewal_ends_it(appliance: Appliance, clock: ManualClock) -> None:
    issues = appliance.issues
    ends_at = clock.now_ms() + 40 * DAY_MS
    endings = Endings(issues, clock, lambda: [Ending("CERTIFICATE_EXPIRING", "The certificate", ends_at)])
    endings.look()
    (issue,) = issues.open_issues()
    assert "in 60 days or less" in issue.message
    issues.dismiss(issue.id, "In the calendar.", by="ada")
    clock.advance(15 * 86_400)
    endings.look()
    assert issues.open_issues() == [], "still only an announcement"
    clock.advance(12 * 86_400)
    endings.look()
    (again,) = issues.open_issues()
    assert (again.id, again.severity) == (issue.id, "warning")
    ends_at += 365 * DAY_MS
    clock.advance(6 * 3600)
    endings.look()
    assert issues.get(issue.id).state == "resolved"


def test_a_key_made_for_a_month_worries_nobody_after_a_week(appliance: Appliance, clock: ManualClock) -> None:
    keys = appliance.api_keys
    keys.create("month", expires_at=clock.now_ms() + 30 * DAY_MS)
    keys.create("year", expires_at=clock.now_ms() + 365 * DAY_MS)
    endings = Endings(appliance.issues, clock, lambda: _endings(appliance))
    endings.look()
    clock.advance(7 * 86_400)
    endings.look()
    assert appliance.issues.open_issues() == []
    clock.advance(10 * 86_400)
    endings.look()
    (issue,) = appliance.issues.open_issues()
    assert "month" in issue.message
    keys.revoke(issue.entity)
    clock.advance(6 * 3600)
    endings.look()
    assert appliance.issues.open_issues() == [], "a key that is revoked ends no more"


def test_the_certificate_of_a_source_is_seen_by_its_probe(appliance: Appliance, clock: ManualClock) -> None:
    connection = connect_sandbox(appliance).connection
    endings = Endings(appliance.issues, clock, list)

    def seen(days: int) -> None:
        not_after = clock.now() + timedelta(days=days)
        facts = TlsFacts("TLSv1.3", "", "CN=erp.plant.example", "CN=CA", not_after, "", (), ())
        endings.seen(connection, {}, facts)

    seen(10)
    (issue,) = appliance.issues.open_issues(connection.id)
    assert (issue.code, issue.who, issue.severity) == (
        "SOURCE_CERTIFICATE_EXPIRING",
        "source_admin",
        "warning",
    )
    assert "CN=erp.plant.example" in issue.message
    seen(200)
    assert appliance.issues.open_issues() == []


def test_our_own_certificate_is_read_from_its_file(appliances: Appliances, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("appliance.plant.example", lasts=timedelta(days=20))
    appliance = appliances.open(tls_mode="files", tls_certificate=certificate, tls_key=key)
    watch_of(appliance).work_off()
    (issue,) = appliance.issues.open_issues()
    assert (issue.code, issue.severity) == ("CERTIFICATE_EXPIRING", "info")
    assert issue.detail["ends_at"][:10] == f"{appliance.clock.now() + timedelta(days=20):%Y-%m-%d}"
