"""A clean machine: a Debian root without Python, booted with systemd, with no network but one link to this machine."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# rpm to install packages of that kind, too; it is no part of the system otherwise.
INCLUDE = "systemd,systemd-sysv,dbus,ca-certificates,curl,openssl,rpm"
HERE, THERE = "10.77.0.1", "10.77.0.2"
_STARTED = time.monotonic()
_BOOTS = itertools.count(1)
_PATIENCE = 180


def note(text: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - _STARTED:7.1f} s] {text}\n")
    sys.stdout.flush()


def listed(text: str) -> None:
    """What a command has said, below the note of it."""
    for line in text.splitlines():
        sys.stdout.write(f"             | {line}\n")
    sys.stdout.flush()


class NotAsItHasToBe(Exception):
    """Ends the life."""


def check(true: object, what: str) -> None:
    """Raises NotAsItHasToBe."""
    if not true:
        raise NotAsItHasToBe(what)
    note(f"ok: {what}")


def wait(true: Callable[[], object], what: str, seconds: float = _PATIENCE) -> float:
    """How long it took. Raises NotAsItHasToBe."""
    began = time.monotonic()
    while not true():
        if time.monotonic() > began + seconds:
            raise NotAsItHasToBe(f"waited {seconds:g} s in vain until {what}")
        time.sleep(0.1)
    return time.monotonic() - began


def make_base(folder: Path, suite: str) -> None:
    """A root by debootstrap, unless there is one."""
    if (folder / "usr/bin/systemctl").exists():
        return
    note(f"making a root of {suite}")
    command = ["debootstrap", "--variant=minbase", f"--include={INCLUDE}", suite, str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Machine:
    """A copy of `base` in `folder`, booted and shut down as a machine is.

    `disks` are folders of this machine by where they are seen there. With `linked` there is a link to this machine,
    and no way further.
    """

    def __init__(
        self, base: Path, folder: Path, *, disks: dict[str, Path] | None = None, linked: bool = False
    ) -> None:
        subprocess.run(["cp", "-a", "--reflink=auto", base, folder], check=True)
        self.folder = folder
        self.disks = disks or {}
        self._linked = linked
        self._container: subprocess.Popen[bytes] | None = None
        self._init = 0

    def boot(self) -> None:
        self._init = 0
        began = time.monotonic()
        # The name of a link has fifteen characters at most.
        name = f"m{os.getpid() % 1_000_000}x{next(_BOOTS)}"
        self._container = subprocess.Popen(
            [
                *("systemd-nspawn", f"--directory={self.folder}", f"--machine={name}", "--boot"),
                *("--register=no", "--keep-unit", "--console=pipe"),
                *(f"--bind={here}:{there}" for there, here in self.disks.items()),
                "--network-veth" if self._linked else "--private-network",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait(self._find_init, "the machine has an init")
        if self._linked:
            self._link(f"ve-{name}")
        wait(lambda: self._state() in ("running", "degraded"), "it has booted")
        note(f"booted in {time.monotonic() - began:.1f} s, {self._state()}")

    def pull_the_plug(self) -> None:
        """Every process of it ends at once."""
        os.kill(self._init, signal.SIGKILL)
        assert self._container is not None
        self._container.wait(60)

    def shut_down(self) -> None:
        if self._container is not None and self._container.poll() is None:
            self.pull_the_plug()

    def path(self, there: str) -> Path:
        """Where this machine sees a path of that one."""
        for mounted, folder in self.disks.items():
            if there == mounted or there.startswith(f"{mounted}/"):
                return folder / there.removeprefix(mounted).lstrip("/")
        return self.folder / there.lstrip("/")

    def command(self, *words: str) -> list[str]:
        """The words that run a command there."""
        environment = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb", "LANG=C.UTF-8")
        return ["nsenter", f"--target={self._init}", "--all", *environment, *words]

    def tried(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """A command run there, whatever comes of it."""
        return subprocess.run(
            self.command(*words), input=given, capture_output=True, text=True, check=False, timeout=1800
        )

    def run(self, *words: str, given: str = "") -> str:
        """Its standard output without the last line end. Raises NotAsItHasToBe when it fails."""
        done = self.tried(*words, given=given)
        if done.returncode != 0:
            listed(done.stdout[-3000:] + done.stderr[-3000:])
            raise NotAsItHasToBe(f"status {done.returncode} of: {' '.join(words)}")
        return done.stdout.rstrip("\n")

    def refused(self, *words: str) -> str:
        """Both outputs of a command that has to fail. Raises NotAsItHasToBe."""
        done = self.tried(*words)
        if done.returncode == 0:
            raise NotAsItHasToBe(f"it did not fail: {' '.join(words)}")
        return done.stdout + done.stderr

    def timed(self, what: str, *words: str) -> str:
        """`run`, with its time and its output shown."""
        began = time.monotonic()
        out = self.run(*words)
        note(f"{what}: {time.monotonic() - began:.1f} s")
        listed(out)
        return out

    def begun(self, *words: str) -> "subprocess.Popen[str]":
        """A command that goes on meanwhile; what it says comes by its standard output."""
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def drop_in(self, lines: Sequence[str]) -> None:
        """Lines of the service, until `drop_in` is called again or the machine is booted; none to take them back."""
        path = "/run/systemd/system/appliance.service.d/test.conf"
        text = "\\n".join(("[Service]", *lines))
        if lines:
            self.run("sh", "-c", f"mkdir -p $(dirname {path}); printf '{text}\\n' >{path}")
        else:
            self.run("rm", path)
        self.run("systemctl", "daemon-reload")

    def service(self, *properties: str) -> dict[str, str]:
        """Properties of the unit by name."""
        shown = self.run("systemctl", "show", "appliance", f"--property={','.join(properties)}")
        return dict(line.split("=", 1) for line in shown.splitlines())

    def is_active(self) -> bool:
        return self.tried("systemctl", "is-active", "appliance").stdout.strip() == "active"

    def _state(self) -> str:
        return self.tried("systemctl", "is-system-running").stdout.strip()

    def _find_init(self) -> bool:
        assert self._container is not None
        if self._container.poll() is not None:
            raise NotAsItHasToBe("the machine cannot be booted")
        pid = self._container.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                if Path(f"/proc/{child}/comm").read_text().strip() in ("systemd", "init"):
                    self._init = int(child)
            except FileNotFoundError:
                continue
        return self._init != 0

    def _link(self, name: str) -> None:
        def configure(*words: str) -> None:
            subprocess.run(["ip", *words], check=True)

        wait(Path(f"/sys/class/net/{name}").exists, "the link is there")
        configure("address", "add", f"{HERE}/24", "dev", name)
        configure("link", "set", name, "up")
        there = ("nsenter", f"--target={self._init}", "--net", "ip")
        for words in (("address", "add", f"{THERE}/24", "dev", "host0"), ("link", "set", "host0", "up")):
            subprocess.run([*there, *words], check=True)
