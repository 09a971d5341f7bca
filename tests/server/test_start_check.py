"""What is checked before the service starts, and what is said when it does not hold."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError
from appliance.server.start_check import (
    Build,
    StartRefused,
    check_address,
    check_clock,
    check_data_dir,
    check_files,
    read_build,
)
from appliance.setting_kinds import Address
from tests.support.clock import ManualClock

BUILT = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_program_that_runs_from_its_source_has_no_build() -> None:
    assert read_build() is None


def test_the_note_of_the_build_is_read(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text(
        json.dumps({"built_at": "2026-11-01T00:00:00+00:00", "files": {"model/a.yaml": 3}, "glibc": "2.30"})
    )
    assert read_build(tmp_path) == Build(BUILT, {"model/a.yaml": 3})


def test_a_damaged_note_says_to_install_again(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text('{"built_at": ')
    with pytest.raises(StartRefused, match="Install the program again"):
        read_build(tmp_path)


def test_a_missing_and_a_shortened_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "whole").write_text("abc")
    (tmp_path / "short").write_text("ab")
    check_files(Build(BUILT, {"whole": 3}), tmp_path)
    with pytest.raises(StartRefused, match="short, gone") as refused:
        check_files(Build(BUILT, {"whole": 3, "short": 3, "gone": 1}), tmp_path)
    assert refused.value.details == {"files": ["short", "gone"]}


def test_a_clock_before_the_build_is_refused_and_one_after_it_is_not() -> None:
    clock = ManualClock(BUILT + timedelta(seconds=1))
    check_clock(Build(BUILT, {}), clock)
    with pytest.raises(StartRefused, match="before this program was built"):
        check_clock(Build(BUILT + timedelta(days=1), {}), clock)


def test_the_data_directory_is_left_as_it_was(tmp_path: Path) -> None:
    check_data_dir(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_that_takes_nothing_is_refused() -> None:
    # Nobody, not even root, makes files there.
    with pytest.raises(StartRefused, match="Nothing can be written"):
        check_data_dir(Path("/proc/self"))


def test_an_address_in_use_is_refused_before_any_child_fails_at_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen at 127.0.0.1:{port}"):
            check_address(Address("127.0.0.1", port))
    check_address(Address("127.0.0.1", port))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartRefused, match="cannot listen"):
        check_address(Address("192.0.2.1", 8443))
