"""How long an entitlement lasts and where: expiry, grace, the installation it is for, clocks set back, restores."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.credits.errors import EntitlementEnded, EntitlementRejected
from appliance.engine_room import watch_of
from tests.credits.conftest import Issue, run_tool
from tests.support.appliance import Appliances, connect_sandbox, synchronize
from tests.support.clock import ManualClock
from tests.support.state import everything

DAY = 86_400
START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def appliance(tmp_path: Path, issuer: Path, clock: ManualClock) -> Iterator[Appliance]:
    with Appliances(tmp_path) as appliances:
        yield appliances.open(clock, credits_entitlement_public_key_file=issuer / "issuer.pem")


def phase(appliance: Appliance) -> str:
    return appliance.entitlements.term().phase


def goes_on(appliance: Appliance, made: Connected) -> bool:
    """Whether the connection's token is taken, and its source is read."""
    token = appliance.connections.tokens.authenticate(made.token)
    run = synchronize(appliance, made.connection.id, entities=["Asset"])
    return token.connection_id == made.connection.id and run["state"] == "completed"


def open_issues(appliance: Appliance) -> dict[str, str]:
    """Code to message, after the engine has looked."""
    watch_of(appliance).work_off()
    return {issue.code: issue.message for issue in appliance.issues.open_issues()}


def test_the_installation_keeps_the_id_of_its_first_start(tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        first = appliances.open().entitlements.installation.id
        assert appliances.open().entitlements.installation.id == first
    with Appliances(tmp_path) as appliances:
        assert appliances.open().entitlements.installation.id == first
    with Appliances(tmp_path / "other") as appliances:
        assert appliances.open().entitlements.installation.id != first


def test_after_the_grace_no_connection_is_made_and_those_that_are_there_go_on(
    appliance: Appliance, clock: ManualClock, issue: Issue
) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10"))
    made = connect_sandbox(appliance)
    assert phase(appliance) == "valid"
    clock.advance(10 * DAY)
    assert phase(appliance) == "grace"
    connect_sandbox(appliance, "In the grace")
    clock.advance(30 * DAY)
    assert phase(appliance) == "ended"
    before = everything(appliance.database)
    with pytest.raises(EntitlementEnded, match=r"its grace on 2026-07-10.*new entitlement.*ins_"):
        connect_sandbox(appliance, "Too late")
    assert everything(appliance.database) == before
    clock.advance(3650 * DAY)
    assert goes_on(appliance, made)
    assert appliance.connections.reauthorize(made.connection.id, {}).token


def test_a_new_entitlement_opens_connecting_again(
    appliance: Appliance, clock: ManualClock, issue: Issue
) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10"))
    clock.advance(60 * DAY)
    assert phase(appliance) == "ended"
    appliance.entitlements.import_file(issue("ENT-2", credits=40, issued="2026-07-30", expires="2027-07-30"))
    assert connect_sandbox(appliance).connection.is_open


@pytest.mark.parametrize(
    ("grace", "days", "expected"), [("0", 11, "ended"), ("90", 99, "grace"), (None, 99, "ended")]
)
def test_a_file_may_say_its_own_grace(
    appliance: Appliance, clock: ManualClock, issue: Issue, grace: str | None, days: int, expected: str
) -> None:
    own = {} if grace is None else {"grace-days": grace}
    appliance.entitlements.import_file(
        issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10", **own)
    )
    clock.advance(days * DAY)
    assert phase(appliance) == expected


def test_the_setting_is_the_grace_of_files_that_say_none(tmp_path: Path, issuer: Path, issue: Issue) -> None:
    clock = ManualClock(START)
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(
            clock, credits_grace_days=5, credits_entitlement_public_key_file=issuer / "issuer.pem"
        )
        appliance.entitlements.import_file(issue("E", credits=1, issued="2026-05-01", expires="2026-06-10"))
        clock.advance(14 * DAY)
        assert phase(appliance) == "grace"
        clock.advance(1 * DAY)
        assert phase(appliance) == "ended"


def test_one_issue_tells_of_the_end_that_comes_and_another_of_the_end(
    appliance: Appliance, clock: ManualClock, issue: Issue
) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10"))
    watch = watch_of(appliance)

    def after(days: int) -> dict[str, str]:
        clock.advance(days * DAY)
        watch.work_off()
        return {one.code: one.message for one in appliance.issues.open_issues()}

    assert list(after(0)) == ["ENTITLEMENT_EXPIRING"]
    in_grace = after(10)
    assert list(in_grace) == ["ENTITLEMENT_ENDED"]
    assert "until 2026-07-10" in in_grace["ENTITLEMENT_ENDED"]
    assert "no new connections" in after(31)["ENTITLEMENT_ENDED"]
    appliance.entitlements.import_file(issue("ENT-2", credits=40, issued="2026-07-01"))
    assert after(1) == {}


def test_a_clock_set_back_lengthens_nothing(appliance: Appliance, clock: ManualClock, issue: Issue) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10"))
    clock.advance(60 * DAY)
    open_issues(appliance)  # the engine notes the time
    clock.advance(-60 * DAY)
    assert phase(appliance) == "ended"
    with pytest.raises(EntitlementEnded):
        connect_sandbox(appliance)


def test_a_clock_that_was_once_far_ahead_does_not_end_the_next_entitlement(
    appliance: Appliance, clock: ManualClock, issue: Issue
) -> None:
    appliance.entitlements.import_file(issue("ENT-1", credits=40, issued="2026-05-01", expires="2027-05-31"))
    clock.advance(20_000 * DAY)
    open_issues(appliance)
    clock.advance(-20_000 * DAY)
    assert phase(appliance) == "ended"
    appliance.entitlements.import_file(issue("ENT-2", credits=40, issued="2026-06-01", expires="2027-05-31"))
    assert phase(appliance) == "valid"


def test_a_file_for_another_installation_is_refused_and_says_what_to_ask_for(
    appliance: Appliance, issue: Issue
) -> None:
    own = appliance.entitlements.installation.id
    before = everything(appliance.database)
    with pytest.raises(EntitlementRejected, match=rf"for the installation ins_0+1; this one is {own}"):
        appliance.entitlements.import_file(issue("ENT-1", credits=40, installation="ins_0000000000000001"))
    assert everything(appliance.database) == before
    appliance.entitlements.import_file(issue("ENT-2", credits=40, installation=own))
    assert appliance.ledger.balance().granted == 40


def test_a_restore_on_another_machine_is_the_same_installation(
    tmp_path: Path, issuer: Path, issue: Issue
) -> None:
    trusting: dict[str, Any] = {"credits_entitlement_public_key_file": issuer / "issuer.pem"}
    with Appliances(tmp_path / "first") as appliances:
        appliance = appliances.open(ManualClock(START), **trusting)
        own = appliance.entitlements.installation.id
        made = connect_sandbox(appliance)
    bound = issue("ENT-1", credits=40, issued="2026-05-01", expires="2026-06-10", installation=own)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    clock = ManualClock(START)
    clock.advance(20 * DAY)
    with Appliances(tmp_path / "second") as appliances:
        appliance = appliances.open(clock, **trusting)
        # The file that was imported after the backup is imported again, in its grace as well.
        appliance.entitlements.import_file(bound)
        assert phase(appliance) == "grace"
        assert goes_on(appliance, made)


def test_the_issuers_tool_refuses_an_id_that_is_none(tmp_path: Path, issuer: Path) -> None:
    done = run_tool(
        *("sign", "--key", issuer / "issuer-private.pem", "--id", "E", "--customer", "C", "--credits", 1),
        *("--installation", "con_1", "--out", tmp_path / "out"),
    )
    assert (done.returncode, (tmp_path / "out").exists()) == (2, False)


@pytest.fixture
def files(issue: Issue) -> list[bytes]:
    """Entitlements that end soon, end later, never end, are smaller than what is in use, are for others."""
    return [
        issue("ENT-1", credits=40, issued="2026-01-01", expires="2026-06-10"),
        issue("ENT-2", credits=1, issued="2026-02-01", expires="2028-06-10", **{"grace-days": "0"}),
        issue("ENT-3", credits=0, issued="2026-03-01", expires="2026-06-02"),
        issue("ENT-4", credits=9, issued="2026-03-02", installation="ins_0000000000000001"),
        issue("ENT-5", credits=5, issued="2026-04-01"),
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("days"), st.integers(-2000, 4000)),
        st.tuples(st.just("import"), st.integers(0, 4)),
        st.tuples(st.sampled_from(("look", "back up", "restore", "restart")), st.just(0)),
    ),
    max_size=7,
)


@given(steps=STEPS)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_sequence_of_times_files_and_restores_ends_a_connection(
    files: list[bytes], issuer: Path, steps: list[tuple[str, int]]
) -> None:
    trusting: dict[str, Any] = {"credits_entitlement_public_key_file": issuer / "issuer.pem"}
    clock = ManualClock(START)
    with tempfile.TemporaryDirectory() as temporary:
        folder, backup = Path(temporary) / "now", Path(temporary) / "backup"
        with Appliances(folder) as appliances:
            appliance = appliances.open(clock, **trusting)
            made = connect_sandbox(appliance)
            installation = appliance.entitlements.installation.id
        shutil.copytree(folder, backup)
        for what, number in [*steps, ("look", 0)]:
            if what == "restore":
                shutil.rmtree(folder)
                shutil.copytree(backup, folder)
            elif what == "back up":
                shutil.rmtree(backup)
                shutil.copytree(folder, backup)
            elif what == "days":
                clock.advance(number * DAY)
            with Appliances(folder) as appliances:
                appliance = appliances.open(clock, **trusting)
                if what == "import":
                    try:
                        appliance.entitlements.import_file(files[number])
                    except EntitlementRejected:
                        pass
                if what == "look":
                    open_issues(appliance)
                assert appliance.connections.get_open(made.connection.id).is_open
                assert (
                    appliance.connections.tokens.authenticate(made.token).connection_id == made.connection.id
                )
                assert appliance.planner.request_run(made.connection.id)
                assert appliance.entitlements.installation.id == installation
        with Appliances(folder) as appliances:
            assert goes_on(appliances.open(clock, **trusting), made)
