"""What stands around an upgrade: room, the service, whether it is ready."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.operations.upgrades.environment import outside_environment
from appliance.operations.upgrades.errors import UpgradeFailed, UpgradeRefused
from appliance.operations.upgrades.preflight import MEMORY_BYTES, Needs, available_memory, check_room
from appliance.operations.upgrades.service import Service, is_ready, wait_ready, watch
from appliance.transport.loopback import OwnAddress, spare_port
from tests.support.clock import ManualClock


def test_three_times_the_database_and_memory_have_to_be_free(tmp_path: Path) -> None:
    check_room(tmp_path, tmp_path, Needs(1000, 1000), MEMORY_BYTES)
    check_room(tmp_path, tmp_path, Needs(1000, 1000), None)
    with pytest.raises(UpgradeRefused, match="3 times the database") as refusal:
        check_room(tmp_path, tmp_path, Needs(1 << 60, 7), MEMORY_BYTES)
    assert refusal.value.details["needed"] == 3 * (1 << 60) + 7
    with pytest.raises(UpgradeRefused, match="of memory are available"):
        check_room(tmp_path, tmp_path, Needs(0, 0), MEMORY_BYTES - 1)


def test_memory_is_read_as_the_system_tells_it(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       8000000 kB\nMemAvailable:   2000000 kB\n")
    assert available_memory(told) == 2000000 * 1024
    assert available_memory(tmp_path / "nothing") is None


def test_a_command_of_the_operator_stops_and_starts(tmp_path: Path) -> None:
    script = tmp_path / "service of plant"
    script.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/said\n[ "$2" = start ]\n')
    script.chmod(0o755)
    service = Service.of_command(f"'{script}' now")
    service.start()
    with pytest.raises(UpgradeFailed, match="failed"):
        service.stop()
    assert (tmp_path / "said").read_text() == "now start\nnow stop\n"
    with pytest.raises(UpgradeFailed, match="could not be run"):
        Service.of_command(str(tmp_path / "nothing")).start()


def test_nobody_listening_is_not_ready() -> None:
    reason = is_ready(OwnAddress.of("0.0.0.0", spare_port(), None))
    assert reason is not None and "does not answer" in reason


def answers(*given: str | None) -> Callable[[], str | None]:
    """One after the other; the last one for ever."""
    left: Iterator[str | None] = iter(given)
    last = given[-1]
    return lambda: next(left, last)


def test_readiness_is_waited_for_and_then_has_to_last() -> None:
    clock = ManualClock(auto=True)
    wait_ready(answers("no", "no", None), clock, 10)
    with pytest.raises(UpgradeFailed, match=r"not ready after 10 s\. it is broken"):
        wait_ready(answers("it is broken"), clock, 10)
    watch(answers(None, "no", "no", None), clock, 60)
    with pytest.raises(UpgradeFailed, match="did not stay so"):
        watch(answers(None, None, "no"), clock, 60)


def test_programs_that_are_not_this_one_get_none_of_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/opt/appliance/1.0.0/_internal",
        "LD_LIBRARY_PATH_ORIG": "/usr/lib/plant",
        "_PYI_APPLICATION_HOME_DIR": "/opt/appliance/1.0.0",
    }
    assert outside_environment(packaged) == packaged, "run from source nothing was added"
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert outside_environment(packaged) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/usr/lib/plant"}
    del packaged["LD_LIBRARY_PATH_ORIG"]
    assert outside_environment(packaged) == {"PATH": "/bin"}
