"""What the service tells systemd: ready once both processes work, alive only while both do."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.server.liveness import ENGINE_SILENCE_SECONDS, EngineBeat, LifeSigns
from appliance.server.notify import ServiceManager
from appliance.sync.engine import EngineLock
from tests.support.clock import ManualClock
from tests.support.command import Service


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(20)
        yield receiver


def received(receiver: socket.socket) -> list[str]:
    receiver.setblocking(False)
    found: list[str] = []
    while True:
        try:
            found.append(receiver.recv(1000).decode())
        except BlockingIOError:
            return found


class Rounds:
    """A clock whose waits return at once and end after so many rounds."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.pauses: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.left -= 1
        return self.left < 0


def signs(path: Path, answers: list[bool], watchdog: str = "120000000") -> tuple[list[str], list[float]]:
    """What is told while a check holds and does not, in this order; and the pauses between."""
    with listening(path) as receiver:
        clock = Rounds(len(answers))
        given = iter(answers)
        manager = ServiceManager({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": watchdog})
        LifeSigns(manager, clock, {"the engine": lambda: next(given)}).give(threading.Event())  # type: ignore[arg-type]
        return received(receiver), clock.pauses


def test_it_is_ready_only_when_the_check_holds_and_says_so_once(tmp_path: Path) -> None:
    told, _ = signs(tmp_path / "s", [False, False, True, True])
    assert told[:2] == ["STATUS=Starting", "STATUS=Waiting for the engine"]
    assert [one for one in told if "READY=1" in one] == ["READY=1\nWATCHDOG=1"]
    assert told.index("READY=1\nWATCHDOG=1") == 2


def test_the_watchdog_is_not_fed_while_the_check_fails(tmp_path: Path) -> None:
    told, _ = signs(tmp_path / "s", [True, False, False, True])
    lives = [one for one in told if "WATCHDOG=1" in one]
    assert lives == ["READY=1\nWATCHDOG=1", "WATCHDOG=1"]
    assert told[told.index("STATUS=Web and engine work") + 1] == "STATUS=Waiting for the engine"


def test_it_looks_often_until_it_is_ready_and_then_four_times_a_watchdog_period(tmp_path: Path) -> None:
    _, pauses = signs(tmp_path / "s", [False, True, True], watchdog="20000000")
    assert pauses[:2] == [0.1, 0.1]
    assert pauses[2:] == [5.0, 5.0]


def test_without_a_service_manager_nothing_is_told() -> None:
    manager = ServiceManager({})
    assert not manager.listens
    manager.tell("READY=1")


def test_the_children_do_not_inherit_the_socket() -> None:
    environ = {"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "1000000", "HOME": "/"}
    ServiceManager(environ)
    assert environ == {"HOME": "/"}


def test_an_engine_works_while_its_lock_file_changes(tmp_path: Path) -> None:
    clock = ManualClock()
    lock = EngineLock(tmp_path)
    assert lock.acquire()
    beat = EngineBeat(tmp_path / EngineLock.NAME, clock)
    assert not beat.works(), "a lock file of an earlier run is no sign of life"
    # A time that was set back is a change like another.
    os.utime(tmp_path / EngineLock.NAME, (1, 1))
    assert beat.works()
    clock.advance(ENGINE_SILENCE_SECONDS - 1)
    assert beat.works()
    clock.advance(2)
    assert not beat.works()
    lock.beat()
    assert beat.works()


@pytest.mark.crash
def test_a_real_service_is_ready_when_it_answers_and_silent_while_a_process_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path / "s") as receiver:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "s"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        with Service(tmp_path / "data") as service:
            while "READY=1" not in (message := receiver.recv(1000).decode()):
                assert "WATCHDOG=1" not in message
            assert service.answers()
            assert receiver.recv(1000).decode() == "STATUS=Web and engine work"
            assert receiver.recv(1000).decode() == "WATCHDOG=1"
            web = service.child("web")
            os.kill(web, signal.SIGKILL)
            while not receiver.recv(1000).decode().startswith("STATUS=Waiting for the web process"):
                pass
            while "WATCHDOG=1" not in receiver.recv(1000).decode():
                pass
            assert service.child("web") not in (0, web)
        time.sleep(0.1)
        assert any("STOPPING=1" in message for message in received(receiver))
