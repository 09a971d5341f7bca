"""The service around an upgrade: stopped, started, and watched until it is ready and stays so."""

import shlex
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.operations.upgrades.environment import outside_environment
from appliance.operations.upgrades.errors import UpgradeFailed
from appliance.transport.loopback import OwnAddress

COMMAND_SECONDS = 180
LOOK_SECONDS = 1.0
FAILURES_TO_GIVE_UP = 3


@dataclass(frozen=True, slots=True)
class Service:
    """The commands that stop and start it; both return when that is done, or begun."""

    stopping: Sequence[Sequence[str]]
    starting: Sequence[Sequence[str]]

    @classmethod
    def of_systemd(cls, unit: str) -> "Service":
        return cls(
            [["systemctl", "stop", unit]],
            [
                # The unit may be that of another release now.
                ["systemctl", "daemon-reload"],
                # One that has failed often is not started again before it is told to forget that.
                ["systemctl", "reset-failed", unit],
                ["systemctl", "start", unit],
            ],
        )

    @classmethod
    def of_command(cls, command: str) -> "Service":
        """A command of the operator, called with `stop` or `start` behind it."""
        words = shlex.split(command)
        return cls([[*words, "stop"]], [[*words, "start"]])

    def stop(self) -> None:
        """Raises UpgradeFailed."""
        _run(self.stopping)

    def start(self) -> None:
        """Raises UpgradeFailed."""
        _run(self.starting)


def _run(commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        try:
            done = subprocess.run(
                command,
                env=outside_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise UpgradeFailed(f"`{shlex.join(command)}` could not be run: {failure}.") from failure
        if done.returncode != 0 and "reset-failed" not in command:
            raise UpgradeFailed(f"`{shlex.join(command)}` failed: {done.stderr.strip()[-400:]}")


def is_ready(address: OwnAddress) -> str | None:
    """None when the appliance at that address is ready, else what it said or why it could not be asked."""
    try:
        status, body = address.get("/readyz")
        if status == 404:
            # A release before there was that address.
            status, body = address.get("/healthz")
    except OSError as failure:
        return f"It does not answer: {failure}."
    return None if status == 200 else f"It answers {status}: {body[:400].decode('utf-8', 'replace').strip()}"


def wait_ready(ready: Callable[[], str | None], clock: Clock, seconds: float) -> None:
    """Raises UpgradeFailed when it is not ready in time."""
    never, end = threading.Event(), clock.monotonic() + seconds
    while (reason := ready()) is not None:
        if clock.monotonic() >= end:
            raise UpgradeFailed(f"The appliance was not ready after {seconds:g} s. {reason}")
        clock.wait(never, LOOK_SECONDS)


def watch(ready: Callable[[], str | None], clock: Clock, seconds: float) -> None:
    """Raises UpgradeFailed when it is not ready several times in a row during so many seconds."""
    never, end, failures = threading.Event(), clock.monotonic() + seconds, 0
    while clock.monotonic() < end:
        reason = ready()
        failures = 0 if reason is None else failures + 1
        if failures == FAILURES_TO_GIVE_UP:
            raise UpgradeFailed(f"The appliance was ready and did not stay so. {reason}")
        clock.wait(never, LOOK_SECONDS)
