import pytest

from appliance.app import Appliance
from appliance.connections.condition.issues import Condition, Conditions, Issues
from appliance.connections.errors import IssueNotFound
from appliance.connections.lifecycle import Connected
from appliance.errors import Conflict, InvalidInput
from tests.support.appliance import connect_sandbox
from tests.support.clock import ManualClock
from tests.support.state import everything


@pytest.fixture
def issues(appliance: Appliance) -> Issues:
    return appliance.issues


@pytest.fixture
def made(appliance: Appliance) -> Connected:
    return connect_sandbox(appliance)


def test_an_issue_is_opened_once_and_updated_when_it_is_seen_again(
    issues: Issues, made: Connected, clock: ManualClock
) -> None:
    connection_id = made.connection.id
    for number in range(5):
        issues.open("SOURCE_ERROR", f"Refused {number}.", connection_id=connection_id, entity="Asset")
        clock.advance(60)
    issues.open("SOURCE_ERROR", "Refused.", connection_id=connection_id, entity="Vendor")
    vendor, asset = sorted(issues.open_issues(connection_id), key=lambda one: one.entity, reverse=True)
    assert (asset.count, asset.message, vendor.count) == (5, "Refused 4.", 1)
    assert asset.updated_at - asset.opened_at == 240_000


def test_the_same_seen_within_a_minute_writes_nothing(
    appliance: Appliance, issues: Issues, clock: ManualClock
) -> None:
    issues.open("DISK_FULL", "Little space.", fix="Free some space.", who="plant_admin")
    before = everything(appliance.database)
    clock.advance(59)
    issues.open("DISK_FULL", "Little space.", fix="Free some space.", who="plant_admin")
    assert everything(appliance.database) == before


def test_a_proof_resolves_it_and_the_next_time_is_another_issue(issues: Issues, clock: ManualClock) -> None:
    issues.open("DISK_FULL", "Little space.", fix="Free some space.", who="plant_admin")
    (first,) = issues.open_issues()
    issues.resolve("DISK_FULL")
    assert issues.get(first.id).state == "resolved"
    assert issues.open_issues() == []
    clock.advance(3600)
    issues.open("DISK_FULL", "Little space.", fix="Free some space.", who="plant_admin")
    (second,) = issues.open_issues()
    assert second.id != first.id
    assert [one.id for one in issues.page(None, None, limit=10)] == [second.id, first.id]


def test_a_dismissed_issue_rests_until_it_gets_worse(issues: Issues, clock: ManualClock) -> None:
    def tell(severity: str) -> None:
        clock.advance(120)
        issues.open("DISK", "Little space.", fix="Free space.", who="plant_admin", severity=severity)  # type: ignore[arg-type]

    tell("info")
    (issue,) = issues.open_issues()
    issues.dismiss(issue.id, "Known.", by="ada")
    tell("info")
    assert issues.open_issues() == []
    assert issues.get(issue.id).count == 2
    tell("critical")
    (again,) = issues.open_issues()
    assert (again.id, again.note) == (issue.id, "Known.")


def test_dismissing_needs_a_reason_and_an_open_issue(issues: Issues) -> None:
    issues.open("DISK", "Little space.", fix="Free space.", who="plant_admin")
    (issue,) = issues.open_issues()
    for note in ("", "  ", "x" * 501):
        with pytest.raises(InvalidInput):
            issues.dismiss(issue.id, note, by="ada")
    issues.dismiss(issue.id, "Known.", by="ada")
    with pytest.raises(Conflict):
        issues.dismiss(issue.id, "Known.", by="ada")
    with pytest.raises(IssueNotFound):
        issues.dismiss("iss_none", "Known.", by="ada")


def test_an_issue_without_a_remedy_is_refused(issues: Issues) -> None:
    with pytest.raises(ValueError, match="NO_SUCH"):
        issues.open("NO_SUCH", "Something.")


def test_the_fix_names_connection_and_system_as_people_know_them(issues: Issues, made: Connected) -> None:
    issues.open("SOURCE_CREDENTIALS_REJECTED", "No.", connection_id=made.connection.id)
    (issue,) = issues.open_issues()
    assert "Look in Sandbox whether" in issue.fix and "on the page of Sandbox" in issue.fix


def test_the_most_severe_comes_first(issues: Issues, clock: ManualClock) -> None:
    for severity in ("warning", "critical", "info"):
        clock.advance(1)
        issues.open(f"X_{severity}", "x", fix="Do it.", who="vendor", severity=severity)  # type: ignore[arg-type]
    assert [one.severity for one in issues.open_issues()] == ["critical", "warning", "info"]


def test_a_disconnected_connection_has_no_issues_and_a_purged_one_no_trace(
    appliance: Appliance, issues: Issues, made: Connected
) -> None:
    issues.open("SOURCE_ERROR", "No.", connection_id=made.connection.id)
    appliance.connections.disconnect(made.connection.id)
    assert issues.open_issues() == []
    assert appliance.database.value("SELECT count(*) FROM proof") == 0
    appliance.connections.purge(made.connection.id)
    assert issues.page(None, None, limit=10) == []


def test_what_a_room_holds_open_is_an_issue_as_long_as_it_does(
    issues: Issues, made: Connected, clock: ManualClock
) -> None:
    held = [Condition("3 of 4 are gone.", made.connection.id, "Asset"), Condition("All are gone.", None)]
    conditions = Conditions(issues, clock, {"DELETIONS_HELD": lambda: held})
    conditions.look()
    assert {(one.connection_id, one.entity) for one in issues.open_issues()} == {
        (made.connection.id, "Asset"),
        (None, ""),
    }
    del held[0]
    conditions.look()
    assert len(issues.open_issues()) == 2, "asked once a minute"
    clock.advance(60)
    conditions.look()
    (left,) = issues.open_issues()
    assert left.message == "All are gone."
    held.clear()
    clock.advance(60)
    conditions.look()
    assert issues.open_issues() == []
