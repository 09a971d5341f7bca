"""A life on a clean machine, run by hand: a Debian root without Python is booted with systemd and without a network.

    python tests/installer/machine.py --release DIR [--base ROOT] [--suite bookworm]

DIR is what `installer/bundle.py` has made. Needs root, debootstrap and systemd-container; ROOT is made by debootstrap
when it is not there. Proves the release, installs it unattended with a master key of root's, synchronizes the sandbox,
restarts, pulls the plug during a synchronization, boots again, starts on a read-only system with a noexec /tmp, and
uninstalls. Prints what it did with times and sizes; ends with status 1 at the first thing that is not as it has to be.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

INCLUDE = "systemd,systemd-sysv,dbus,ca-certificates,curl,openssl"
API = "https://127.0.0.1:8443"
STARTED = time.monotonic()


def note(text: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - STARTED:7.1f} s] {text}\n")
    sys.stdout.flush()


def check(true: object, what: str) -> None:
    if not true:
        note(f"FAILED: {what}")
        sys.exit(1)
    note(f"ok: {what}")


class Machine:
    """The root in `folder`, booted and shut down as a machine is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._boots = 0
        self._container: subprocess.Popen[bytes] | None = None
        self._init = 0

    def boot(self) -> None:
        self._boots += 1
        began = time.monotonic()
        name = f"appliance-test-{os.getpid()}-{self._boots}"
        self._container = subprocess.Popen(
            [
                *(
                    "systemd-nspawn",
                    f"--directory={self.folder}",
                    f"--machine={name}",
                    "--boot",
                    "--register=no",
                ),
                *("--keep-unit", "--private-network", "--console=pipe"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait(self._find_init, "the machine has an init")
        states = ("running", "degraded")
        self.wait(lambda: self.run("systemctl", "is-system-running", check=False) in states, "it has booted")
        note(
            f"booted in {time.monotonic() - began:.1f} s, {self.run('systemctl', 'is-system-running', check=False)}"
        )

    def pull_the_plug(self) -> None:
        os.kill(self._init, signal.SIGKILL)
        assert self._container is not None
        self._container.wait(60)

    def shut_down(self) -> None:
        if self._container is not None and self._container.poll() is None:
            os.kill(self._init, signal.SIGKILL)
            self._container.wait(60)

    def run(self, *command: str, check: bool = True, given: str = "") -> str:
        """Standard output, without the last line end. With `check` a command that fails ends the test."""
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(
            [
                "nsenter",
                f"--target={self._init}",
                "--all",
                "env",
                "-i",
                path,
                "TERM=dumb",
                "LANG=C.UTF-8",
                *command,
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        if check and done.returncode != 0:
            sys.stdout.write(done.stdout[-3000:] + done.stderr[-3000:])
            note(f"FAILED with {done.returncode}: {' '.join(command)}")
            self.shut_down()
            sys.exit(1)
        return done.stdout.rstrip("\n")

    def timed(self, what: str, *command: str) -> str:
        began = time.monotonic()
        out = self.run(*command)
        note(f"{what}: {time.monotonic() - began:.1f} s")
        for line in out.splitlines():
            sys.stdout.write(f"             | {line}\n")
        return out

    def appliance(self, *words: str) -> str:
        return self.run(*_appliance_words(*words))

    def _find_init(self) -> bool:
        assert self._container is not None
        children = (
            Path(f"/proc/{self._container.pid}/task/{self._container.pid}/children").read_text().split()
        )
        for child in children:
            comm = Path(f"/proc/{child}/comm").read_text().strip()
            if comm in ("systemd", "init"):
                self._init = int(child)
        return self._init != 0 and Path(f"/proc/{self._init}").exists() and bool(children)

    @staticmethod
    def wait(true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 180
        while not true():
            if time.monotonic() > end:
                note(f"FAILED: waited in vain until {what}")
                sys.exit(1)
            time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description="A life on a clean machine.")
    parser.add_argument("--release", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="a root as debootstrap makes it; made when it is not there")
    parser.add_argument("--suite", default="bookworm")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="appliance-machine-", dir="/var/tmp") as temporary:
        base: Path = arguments.base or Path(temporary) / "base"
        if not (base / "usr/bin/systemctl").exists():
            command = ["debootstrap", "--variant=minbase", f"--include={INCLUDE}", arguments.suite, str(base)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        folder = Path(temporary) / "machine"
        subprocess.run(["cp", "-a", "--reflink=auto", base, folder], check=True)
        machine = Machine(folder)
        try:
            live(machine, arguments.release.resolve())
        finally:
            machine.shut_down()
    note("everything was as it has to be")
    return 0


def live(machine: Machine, release: Path) -> None:
    (bundle,) = release.glob("*.run")
    media = machine.folder / "media/release"
    shutil.copytree(release, media, ignore=shutil.ignore_patterns("*.deb", "*.rpm"))
    for name, text in {
        "answers": "admin=operator\nadmin_password_file=/etc/plant/password\nmaster_key_file=/etc/plant/master.key\n",
        "password": "correct-horse-battery-9\n",
        "master.key": f"{os.urandom(32).hex()}\n",
    }.items():
        file = machine.folder / "etc/plant" / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(text)
        file.chmod(0o400)
    note(f"{bundle.name}, {bundle.stat().st_size / 1e6:.1f} MB")
    machine.boot()
    check(machine.run("sh", "-c", "command -v python3 || echo none") == "none", "the machine has no Python")
    check(machine.run("sh", "-c", "command -v xz kill || echo none") == "none", "nor xz, nor a program kill")
    check("default" not in machine.run("cat", "/proc/net/route"), "and no way out")

    at = f"/media/release/{bundle.name}"
    key = "/media/release/release.pem"
    machine.timed("verify", "sh", "/media/release/verify.sh", "--key", key, at)
    install = ("sh", at, "--answers", "/etc/plant/answers", "--key", key)
    machine.timed("install", *install)
    check(machine.run("systemctl", "is-active", "appliance") == "active", "the service runs")
    status = machine.run("systemctl", "show", "appliance", "-p", "StatusText,NRestarts,MemoryCurrent,User")
    note(status.replace("\n", ", "))
    check(json.loads(machine.appliance("status", "--json")), "the command line answers")
    check("Nothing to do" in machine.timed("install again", *install), "a second run changes nothing")
    check(
        not (machine.folder / "var/lib/appliance/master.key").exists(), "the master key is not with the data"
    )
    size = (
        machine.run("du", "-sm", "/opt/appliance", "/var/lib/appliance")
        .replace("\n", ", ")
        .replace("\t", " MB ")
    )
    note(f"sizes: {size}")
    exposure = machine.run("systemd-analyze", "security", "--no-pager", "appliance.service").splitlines()[-1]
    note(exposure.encode("ascii", "ignore").decode().strip())

    token = connected(machine, "One")
    machine.timed("synchronize", *_appliance_words("sync", "run", "One", "--wait"))
    orders = total(machine, token)
    check(orders > 0, f"{orders} purchase orders are read over the API")
    machine.timed("restart", "systemctl", "restart", "appliance")
    check(total(machine, token) == orders, "they are there after a restart")

    other = connected(machine, "Two")
    machine.run("systemctl", "kill", "--signal=SIGKILL", "appliance", check=False)
    machine.wait(
        lambda: machine.run("systemctl", "is-active", "appliance", check=False) == "active", "it is back"
    )
    note("killed every process of the service; systemd has brought it back")
    begin = _asking(other, "sync") + ' --json \'{"mode": "full"}\''
    state = machine.run("sh", "-c", f"{begin} >/dev/null; sleep 0.2; {_asking(other, 'sync-status')}")
    machine.pull_the_plug()
    note(f"pulled the plug; a moment before, the synchronization was {json.loads(state)['data']['status']}")
    machine.boot()
    machine.wait(
        lambda: machine.run("systemctl", "is-active", "appliance", check=False) == "active", "it is back"
    )
    check(total(machine, token) == orders, "after the boot it is there by itself, with everything")
    machine.timed("synchronize the other", *_appliance_words("sync", "run", "Two", "--wait"))

    hang(machine)
    read_only(machine)
    machine.timed("uninstall", "sh", "/opt/appliance/current/install.sh", "--uninstall")
    check(left_of(machine) == {"/var/lib/appliance", "/etc/appliance"}, "data and configuration are kept")
    machine.timed("install over kept data", *install)
    check(total(machine, token) == orders, "kept data is taken up again")
    machine.timed("purge", "sh", "/opt/appliance/current/install.sh", "--uninstall", "--purge=all")
    check(left_of(machine) == set(), "nothing is left after a purge")


def connected(machine: Machine, name: str) -> str:
    """Connects the sandbox; the token."""
    made = machine.appliance("connection", "add", "--system", "sandbox", "--name", name, "--json")
    token: str = json.loads(made)["token"]
    return token


def left_of(machine: Machine) -> set[str]:
    places = ("/opt/appliance", "/var/lib/appliance", "/etc/appliance")
    return {place for place in places if (machine.folder / place.removeprefix("/")).exists()}


def hang(machine: Machine) -> None:
    """An engine that stands still is brought back by the watchdog: 60 seconds it may be silent, and 20 of the unit."""
    drop_in = "/run/systemd/system/appliance.service.d/watchdog.conf"
    text = "[Service]\\nWatchdogSec=20\\n"
    machine.run("sh", "-c", f"mkdir -p $(dirname {drop_in}); printf '{text}' >{drop_in}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "appliance")
    began = time.monotonic()
    find = "for p in /proc/[0-9]*; do grep -qaz '^_engine$' $p/cmdline && echo ${p#/proc/}; done 2>/dev/null"
    engine = machine.run("bash", "-c", find, check=False).split()[0]
    machine.run("bash", "-c", f"kill -STOP {engine}")
    note(f"stopped the engine, process {engine}")
    restarts = ("systemctl", "show", "appliance", "--property=NRestarts", "--value")
    machine.wait(lambda: machine.run(*restarts) != "0", "the watchdog restarts it")
    machine.wait(
        lambda: machine.run("systemctl", "is-active", "appliance", check=False) == "active", "it is back"
    )
    note(
        f"ok: the watchdog has brought the service back, {time.monotonic() - began:.0f} s after its engine stood still"
    )
    machine.run("rm", drop_in)
    machine.run("systemctl", "daemon-reload")


def read_only(machine: Machine) -> None:
    """A start of the same program where nothing can be written but its data, and nothing in /tmp can be run."""
    script = """
        mount --make-rprivate /
        mkdir -p /run/other
        mount -o remount,bind,ro /
        mount -t tmpfs -o noexec,nosuid tmpfs /tmp
        ! touch /etc/x 2>/dev/null
        cp /bin/true /tmp/true && ! /tmp/true 2>/dev/null
        /opt/appliance/current/appliance serve --set data_dir=/run/other --set listen=127.0.0.1:9443 >/tmp/log 2>&1 &
        for i in $(seq 200); do
            curl --silent --fail --insecure https://127.0.0.1:9443/healthz && break
            sleep 0.1
        done
        status=$?
        kill $! && wait $!
        exit $status"""
    answer = machine.run("unshare", "--mount", "bash", "-c", script, check=False)
    check('"ok"' in answer, "it starts on a read-only system with a noexec /tmp")


def total(machine: Machine, token: str) -> int:
    """Purchase orders by the API, asked as an application does it."""
    answer = machine.run("sh", "-c", _asking(token, "purchase-orders?per_page=1"))
    found: int = json.loads(answer)["total"]
    return found


def _asking(token: str, path: str) -> str:
    return (
        "curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 --cacert"
        f" /var/lib/appliance/tls/self-signed.crt --header 'Authorization: Bearer {token}' '{API}/api/v1/{path}'"
    )


def _appliance_words(*words: str) -> tuple[str, ...]:
    """With the settings and the master key as the service gets them."""
    return (
        *(
            "env",
            "CREDENTIALS_DIRECTORY=/run/credentials/appliance.service",
            "APPLIANCE_DATA_DIR=/var/lib/appliance",
        ),
        *("/opt/appliance/current/appliance", *words),
    )


if __name__ == "__main__":
    sys.exit(main())
