"""A life in operation on clean machines, run by hand: from the stick to the last uninstallation, power cuts included.

    python tests/installer/life.py RELEASES [--base ROOT] [--suite bookworm]

RELEASES is what `tests/installer/releases.py` has made. Needs root, iproute2, debootstrap and systemd-container; ROOT
is made by debootstrap when it is not there. Prints what was done with times and sizes; ends with status 1 at the first
thing that is not as it has to be. The Tryton beside is the one of the tests, behind a TLS proxy on the machine's only
link.
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
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from appliance.operations.upgrades.journal import STEPS
from tests.installer.beside import TRYTON_PORT, small_disk, tls_proxy
from tests.installer.machine import HERE, Machine, NotAsItHasToBe, check, listed, make_base, note, wait
from tests.real.tryton import Tryton

DATA, BACKUPS, PLANT = "/var/lib/appliance", "/var/backups/appliance", "/etc/plant"
API = "https://127.0.0.1:8443"
STICK = "/media/stick"
ANSWERS = "admin=operator\nadmin_password_file=/etc/plant/password\nmaster_key_file=/etc/plant/master.key\n"
READ = "purchase-orders?per_page=1"


class Manager(NamedTuple):
    """Commands of a package manager."""

    install: tuple[str, ...]
    remove: tuple[str, ...]
    purge: tuple[str, ...] = ()


PACKAGES = {
    ".deb": Manager(
        ("dpkg", "--install"), ("dpkg", "--remove", "appliance"), ("dpkg", "--purge", "appliance")
    ),
    # The rpm of Debian, which knows no package of its system and has to be told that it is meant.
    ".rpm": Manager(
        ("rpm", "--upgrade", "--nodeps", "--force-debian"), ("rpm", "--erase", "--force-debian", "appliance")
    ),
}
MIDDLE = (
    "measure",
    "cut_while_synchronizing",
    "kill_and_hang",
    "cut_while_upgrading",
    "upgrade_and_go_back",
    "upgrade_that_fails",
    "fill_the_disk",
    "read_only",
)


def main() -> int:
    parser = argparse.ArgumentParser(description="A life on clean machines.")
    parser.add_argument("releases", type=Path)
    parser.add_argument("--base", type=Path, help="a root as debootstrap makes it; made when it is not there")
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--only", nargs="*", choices=MIDDLE, default=(), help="parts of the middle")
    arguments = parser.parse_args()
    # So that what was begun is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="appliance-life-", dir="/var/tmp"))
        )
        base: Path = arguments.base or folder / "base"
        make_base(base, arguments.suite)
        try:
            Life(stack, folder, base, arguments.releases.resolve()).live(arguments.only)
        except NotAsItHasToBe as failure:
            note(f"FAILED: {failure}")
            return 1
    note("everything was as it has to be")
    return 0


class Life:
    def __init__(self, stack: ExitStack, folder: Path, base: Path, releases: Path) -> None:
        self.stack, self.folder, self.base, self.releases = stack, folder, base, releases
        self.tryton = stack.enter_context(Tryton())
        self.authority = stack.enter_context(tls_proxy(folder, self.tryton))
        self.tokens: dict[str, str] = {}

    def live(self, only: Sequence[str]) -> None:
        """All of it, or of the middle, which needs nothing but the beginning, `only` some parts."""
        disk = self.stack.enter_context(small_disk(self.folder))
        machine = self.machine("first", disks={DATA: disk})
        self.install(machine)
        self.synchronize(machine)
        backup = self.back_up(machine)
        for part in MIDDLE:
            if not only or part in only:
                getattr(self, part)(machine)
        other = self.machine("second")
        self.restore_elsewhere(other, machine, backup)
        self.uninstall(other)
        machine.shut_down()
        other.shut_down()
        for name, kind in (("third", ".deb"), ("fourth", ".rpm")):
            machine = self.machine(name)
            self.as_a_package(machine, kind)
            machine.shut_down()

    # --- The way there ----------------------------------------------------------------------------------------------

    def machine(self, name: str, disks: dict[str, Path] | None = None) -> Machine:
        """A clean one, booted, with the stick in it and what the plant gives: a password and a master key."""
        note(f"--- the {name} machine")
        machine = Machine(self.base, self.folder / name, disks=disks, linked=True)
        self.stack.callback(machine.shut_down)
        for kind in ("first", "next", "faulty"):
            shutil.copytree(self.releases / kind, machine.path(f"{STICK}/{kind}"))
        given = {
            "answers": ANSWERS,
            "password": "correct-horse-battery-9\n",
            "master.key": f"{os.urandom(32).hex()}\n",
            "tryton.yaml": f"url: https://{HERE}:{TRYTON_PORT}\ndatabase: {self.tryton.database}\n"
            f"username: {self.tryton.user}\npassword: {self.tryton.password}\n",
        }
        for file, text in given.items():
            path = machine.path(f"{PLANT}/{file}")
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_text(text)
            path.chmod(0o400)
        machine.boot()
        check(machine.run("sh", "-c", "command -v python3 || echo none") == "none", "it has no Python")
        check(
            "00000000" not in machine.run("cut", "-f2", "/proc/net/route").split(),
            "and no way but its one link",
        )
        return machine

    def bundle(self, machine: Machine, kind: str) -> str:
        (file,) = machine.path(f"{STICK}/{kind}").glob("*.run")
        return f"{STICK}/{kind}/{file.name}"

    def install(self, machine: Machine) -> None:
        note("--- install")
        bundle, key = self.bundle(machine, "first"), f"{STICK}/first/release.pem"
        note(f"{Path(bundle).name}, {machine.path(bundle).stat().st_size / 1e6:.1f} MB")
        machine.timed("verify", "sh", f"{STICK}/first/verify.sh", "--key", key, bundle)
        self.refuse(machine, bundle, key)
        command = ("sh", bundle, "--answers", f"{PLANT}/answers", "--key", key)
        machine.timed("preflight", "sh", bundle, "--preflight", "--answers", f"{PLANT}/answers")
        machine.timed("install", *command)
        check(machine.is_active(), "the service runs")
        check("Nothing to do" in machine.timed("install again", *command), "a second run changes nothing")
        check(
            json.loads(machine.run("appliance", "status", "--json"))["running"], "`appliance` is on the path"
        )
        check(not machine.path(f"{DATA}/master.key").exists(), "the master key is not with the data")
        sizes = machine.run("du", "-sm", "/opt/appliance", DATA).split()
        note(f"program {sizes[0]} MB, data {sizes[2]} MB")
        machine.timed(
            "systemd-analyze security", "systemd-analyze", "security", "--no-pager", "appliance.service"
        )

    def refuse(self, machine: Machine, bundle: str, key: str) -> None:
        """Bundles that are damaged or not the maker's."""
        bad = machine.path("/srv/bad")
        shutil.copytree(machine.path(f"{STICK}/first"), bad)
        name = Path(bundle).name
        content = bytearray((bad / name).read_bytes())
        content[-1_000_000] ^= 1
        (bad / name).write_bytes(content)
        said = machine.refused("sh", "/srv/bad/verify.sh", "--key", key, f"/srv/bad/{name}")
        check("REFUSED" in said, "a bundle with one other bit is refused by verify")
        check("is damaged" in machine.refused("sh", f"/srv/bad/{name}"), "and does not unpack")
        machine.run("sh", bundle, "--extract", "/srv/unsigned")
        (unpacked,) = machine.path("/srv/unsigned").iterdir()
        (unpacked / "SHA256SUMS.sig").unlink()
        install = f"/srv/unsigned/{unpacked.name}/install.sh"
        said = machine.refused("sh", install, "--answers", f"{PLANT}/answers", "--key", key)
        check("is not genuine; nothing was changed" in said, "one without a signature is not installed")
        check(not machine.path("/opt/appliance").exists(), "nothing was changed")
        shutil.rmtree(machine.path("/srv/unsigned"))
        shutil.rmtree(bad)

    def measure(self, machine: Machine) -> None:
        note("--- start and memory")
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        for kind in ("cold", "warm"):
            machine.run("systemctl", "stop", "appliance")
            if kind == "cold":
                Path("/proc/sys/vm/drop_caches").write_text("3\n")
            began = time.monotonic()
            machine.run("systemctl", "start", "appliance")
            note(
                f"{kind} start until systemd has been told that it is ready: {time.monotonic() - began:.2f} s"
            )
        began = time.monotonic()
        machine.run("systemctl", "stop", "appliance")
        note(f"stop: {time.monotonic() - began:.2f} s")
        machine.run("systemctl", "start", "appliance")
        time.sleep(20)
        note(f"memory idle: {told(memory(machine))}")
        urls = f"{API}/api/v1/purchase-orders?per_page=100#[1-3000]"
        load = machine.begun(
            *("curl", "--silent", "--parallel", "--parallel-max", "8", "--write-out", "%{http_code}\\n"),
            *("--cacert", f"{DATA}/tls/self-signed.crt", "--output", "/dev/null"),
            *("--header", f"Authorization: Bearer {self.tokens['Tryton']}", urls),
        )
        began = time.monotonic()
        run = machine.begun("appliance", "sync", "run", "Tryton", "--mode", "full", "--wait")
        most: dict[str, float] = {}
        while load.poll() is None:
            most = max(most, memory(machine), key=lambda parts: sum(parts.values()))
            time.sleep(0.2)
        took = time.monotonic() - began
        run.wait()
        answered = load.stdout.read().split().count("200") if load.stdout else 0
        check(answered == 3000, "every page was answered")
        note(f"3,000 pages of 100 by 8 readers beside a run, clients on the same machine: {took:.1f} s")
        note(f"memory under load, the most that was seen: {told(most)}")

    def synchronize(self, machine: Machine) -> None:
        note("--- synchronize")
        settings = machine.path("/etc/appliance/appliance.toml")
        shutil.copy(self.authority, machine.path("/etc/appliance/plant-ca.pem"))
        machine.path("/etc/appliance/plant-ca.pem").chmod(0o644)
        text = settings.read_text().replace("# ca_files = []", 'ca_files = ["/etc/appliance/plant-ca.pem"]')
        for limit in ("token_per_minute = 600", "account_per_minute = 3000"):
            text = text.replace(f"# {limit}", f"{limit.split()[0]} = 0")
        settings.write_text(text)
        listed(machine.run("appliance", "check-config"))
        machine.run("systemctl", "restart", "appliance")
        self.connect(machine, "Sandbox", "--system", "sandbox")
        self.connect(
            machine,
            *("Tryton", "--system", "tryton", "--hosting", "on_premises", "--historical-days", "3650"),
            *("--fields-file", f"{PLANT}/tryton.yaml"),
        )
        for name in ("Sandbox", "Tryton"):
            machine.timed(f"synchronize {name}", "appliance", "sync", "run", name, "--wait")
        there = self.tryton.call("model.purchase.purchase.search_count", [])
        read = self.total(machine, "Tryton")
        check(read == there, f"all {there} purchase orders of Tryton are read over the API")
        self.orders = {name: self.total(machine, name) for name in self.tokens}
        self.check_owners(machine)

    def connect(self, machine: Machine, name: str, *words: str) -> None:
        made = machine.run("appliance", "connection", "add", "--name", name, *words, "--json")
        self.tokens[name] = json.loads(made)["token"]

    # --- Backup, power cuts -----------------------------------------------------------------------------------------

    def back_up(self, machine: Machine) -> str:
        note("--- back up")
        machine.timed("backup", "appliance", "backup", "create")
        found = json.loads(machine.run("appliance", "backup", "list", "--json"))["backups"]
        name: str = found[0]["name"]
        # Taken away, as one should: of a day the newest alone stays there.
        shutil.copy(machine.path(f"{BACKUPS}/{name}"), self.folder / name)
        machine.timed("rehearse it", "appliance", "backup", "verify", name)
        self.check_owners(machine)
        return name

    def cut_while_synchronizing(self, machine: Machine) -> None:
        note("--- power cuts while it synchronizes")
        for after in (0.3, 0.8, 1.5):
            run = machine.begun("appliance", "sync", "run", "Tryton", "--mode", "full", "--wait")
            time.sleep(after)
            machine.pull_the_plug()
            run.wait()
            machine.boot()
            wait(machine.is_active, "it is back")
            self.check_whole(machine, f"pulled the plug {after} s into a run: it is back by itself")
            machine.run("appliance", "sync", "run", "Tryton", "--mode", "full", "--wait")
        self.check_whole(machine, "after them a full run finds the same")

    def kill_and_hang(self, machine: Machine) -> None:
        note("--- the service killed, and hanging")
        machine.run("systemctl", "kill", "--signal=SIGKILL", "appliance")
        took = wait(lambda: machine.is_active() and self.answers(machine), "it is back")
        check(True, f"every process of it killed: systemd has brought it back, {took:.1f} s")
        machine.drop_in(["WatchdogSec=20"])
        machine.run("systemctl", "restart", "appliance")
        find = "for p in /proc/[0-9]*; do grep -qaz '^_engine$' $p/cmdline && echo ${p#/proc/}; done 2>/dev/null; true"
        engine = machine.run("bash", "-c", find).split()[0]
        restarts = machine.service("NRestarts")
        machine.run("bash", "-c", f"kill -STOP {engine}")
        took = wait(
            lambda: machine.service("NRestarts") != restarts and machine.is_active(), "the watchdog bites"
        )
        check(True, f"an engine that stands still: the watchdog has restarted the service after {took:.0f} s")
        machine.drop_in([])

    def cut_while_upgrading(self, machine: Machine) -> None:
        note("--- power cuts during an upgrade")
        version = self.version(machine)
        for step in ("unpack", "backup", "rehearse", "swap", "flip", "start", "watch"):
            upgrade = machine.begun("appliance", "upgrade", self.bundle(machine, "next"))
            reached = self.wait_for_step(machine, step, upgrade)
            machine.pull_the_plug()
            upgrade.wait()
            machine.boot()
            took = wait(lambda: machine.is_active() and self.answers(machine), "it is back")
            state = json.loads(machine.run("appliance", "upgrade", "--status", "--json"))["state"]
            check(
                state == "undone" and self.version(machine) == version,
                f"plug pulled in the step {reached}: {version} is back {took:.1f} s after the boot",
            )
            self.check_whole(machine, "with everything, and out of maintenance")
        self.check_owners(machine)

    def wait_for_step(self, machine: Machine, step: str, upgrade: "subprocess.Popen[str]") -> str:
        """The step that was reached when it was seen."""
        journal = machine.path(f"{DATA}/upgrade/journal.json")
        late = set(STEPS[STEPS.index(step) : STEPS.index("settle")])
        before = journal.stat().st_mtime_ns if journal.exists() else 0
        while upgrade.poll() is None:
            if journal.exists() and journal.stat().st_mtime_ns != before:
                reached: str = json.loads(journal.read_text())["step"]
                if reached in late:
                    return reached
            time.sleep(0.005)
        listed(upgrade.stdout.read() if upgrade.stdout else "")
        raise NotAsItHasToBe(f"the upgrade has ended before the step {step}")

    # --- Upgrade and rollback ---------------------------------------------------------------------------------------

    def upgrade_and_go_back(self, machine: Machine) -> None:
        note("--- upgrade, rollback, upgrade by the installer")
        old, bundle = self.version(machine), self.bundle(machine, "next")
        machine.timed("upgrade --check", "appliance", "upgrade", bundle, "--check")
        machine.timed("upgrade", "bash", "-c", f"appliance upgrade {bundle} 2>&1")
        new = self.version(machine)
        check(new != old, f"{old} has become {new}")
        self.check_whole(machine, "with everything")
        check("of the next release" in machine.service("Description")["Description"], "its unit is in use")
        check(
            "RELEASE_REFUSED" in machine.refused("appliance", "upgrade", self.bundle(machine, "first")),
            "not back by an upgrade",
        )
        machine.timed("rollback", "bash", "-c", "appliance rollback --yes 2>&1")
        check(self.version(machine) == old, f"{old} is back")
        self.check_whole(machine, "with everything")
        check("of the next release" not in machine.service("Description")["Description"], "with its unit")
        machine.timed("upgrade by the installer", "bash", "-c", f"sh {bundle} 2>&1")
        check(self.version(machine) == new, f"{new} again")
        self.check_whole(machine, "with everything")
        self.check_owners(machine)

    def upgrade_that_fails(self, machine: Machine) -> None:
        note("--- an upgrade that fails")
        version = self.version(machine)
        began = time.monotonic()
        said = machine.refused(
            "appliance", "upgrade", self.bundle(machine, "faulty"), "--ready-seconds", "20"
        )
        note(f"upgrade to a release that ends at once under systemd: {time.monotonic() - began:.1f} s")
        listed(said)
        check(
            "works again with its data" in said and self.version(machine) == version,
            f"{version} is back by itself",
        )
        self.check_whole(machine, "with everything")
        check("of the next release" in machine.service("Description")["Description"], "with its unit")

    # --- Disk -------------------------------------------------------------------------------------------------------

    def fill_the_disk(self, machine: Machine) -> None:
        note("--- a full disk")
        run = machine.begun("appliance", "sync", "run", "Tryton", "--mode", "full", "--wait")
        filling = ("runuser", "-u", "appliance", "--", "sh", "-c", f"cat /dev/zero >>{DATA}/filler")
        machine.tried(*filling)
        left = machine.run("df", "-m", "--output=avail", DATA).split()[-1]
        note(f"filled while a run was on: {left} MB left")
        run.wait()
        check(self.total(machine, "Tryton") == self.orders["Tryton"], "what is there is read over the API")
        found = machine.tried("appliance", "doctor").stdout
        listed("\n".join(line for line in found.splitlines() if "disk" in line))
        check(
            self.status(machine)["waits_for_disk"] and machine.is_active(),
            "the service runs on, its runs wait",
        )
        machine.tried(*filling)
        machine.run("systemctl", "restart", "appliance")
        check(self.total(machine, "Tryton") == self.orders["Tryton"], "it starts on a full disk, too")
        machine.tried("sh", "-c", f"cat /dev/zero >>{DATA}/filler")
        check(
            self.total(machine, "Tryton") == self.orders["Tryton"],
            "it reads on where root has taken the blocks that were set aside for root",
        )
        machine.run("rm", f"{DATA}/filler")
        took = wait(lambda: not self.status(machine)["waits_for_disk"], "runs go on")
        note(f"after room was made runs go on within {took:.0f} s")
        machine.run("appliance", "sync", "run", "Tryton", "--mode", "full", "--wait")
        self.check_whole(machine, "a full run finds everything")
        check("damaged" not in machine.tried("appliance", "doctor").stdout, "the database is whole")

    def read_only(self, machine: Machine) -> None:
        """A start of the same program where nothing can be written but its data, and nothing in /tmp can be run."""
        note("--- a read-only system")
        script = """
            mount --make-rprivate /
            mkdir -p /run/other
            mount -o remount,bind,ro /
            for temporary in /tmp /var/tmp; do mount -t tmpfs -o noexec,nosuid tmpfs $temporary; done
            ! touch /etc/x 2>/dev/null || exit 9
            cp /bin/true /tmp/true
            ! /tmp/true 2>/dev/null || exit 9
            env APPLIANCE_DATA_DIR=/run/other APPLIANCE_MASTER_KEY_FILE= APPLIANCE_LISTEN=127.0.0.1:9443 \
                /opt/appliance/current/appliance serve >/tmp/log 2>&1 &
            for i in $(seq 200); do
                curl --silent --fail --insecure https://127.0.0.1:9443/healthz && break
                sleep 0.1
            done
            status=$?
            kill $! && wait $!
            [ $status = 0 ] || cat /tmp/log
            exit $status"""
        done = machine.tried("unshare", "--mount", "bash", "-c", script)
        if done.returncode != 0:
            listed(done.stdout + done.stderr)
        check(
            '"ok"' in done.stdout,
            "it starts where all but its data is read-only and temporary folders are noexec",
        )

    # --- Another machine --------------------------------------------------------------------------------------------

    def restore_elsewhere(self, other: Machine, machine: Machine, backup: str) -> None:
        note("--- restore on another clean machine, which listens on port 443")
        answers = other.path(f"{PLANT}/answers")
        answers.chmod(0o600)
        answers.write_text(f"{ANSWERS}listen=0.0.0.0:443\n")
        shutil.copy(machine.path(f"{PLANT}/master.key"), other.path(f"{PLANT}/master.key"))
        shutil.copy(self.folder / backup, other.path(f"/srv/{backup}"))
        shutil.copy(self.authority, other.path("/etc/plant-ca.pem"))
        other.timed("install", "sh", self.bundle(other, "first"), "--answers", f"{PLANT}/answers")
        check(other.run("sh", "-c", "curl -sk https://127.0.0.1/healthz"), "it answers on port 443")
        check(other.service("User")["User"] == "appliance", "without root")
        listed(other.run("systemd-analyze", "security", "--no-pager", "appliance.service").splitlines()[-1])
        other.run("systemctl", "stop", "appliance")
        other.timed("restore", "appliance", "restore", f"/srv/{backup}")
        other.run("systemctl", "start", "appliance")
        for name in self.tokens:
            total = self.total(other, name, "https://127.0.0.1")
            check(
                total == self.orders[name],
                f"{total} purchase orders of {name} are read with the token of before",
            )
        self.check_owners(other)

    def uninstall(self, machine: Machine) -> None:
        note("--- uninstall")
        remove = ("sh", "/opt/appliance/current/install.sh", "--uninstall")
        machine.timed("uninstall", *remove)
        aside = {place for place in self.left(machine) if ".before-restore-" in place}
        check(
            self.left(machine) == {DATA, "/etc/appliance", BACKUPS} | aside and aside,
            "data, configuration and backups are kept",
        )
        machine.timed(
            "install over kept data", "sh", self.bundle(machine, "first"), "--answers", f"{PLANT}/answers"
        )
        check(
            self.total(machine, "Tryton", "https://127.0.0.1") == self.orders["Tryton"],
            "kept data is taken up",
        )
        machine.timed("purge", *remove, "--purge=all")
        check(self.left(machine) == set(), "nothing is left after a purge")
        check(not machine.tried("id", "appliance").stdout, "nor its user")

    def as_a_package(self, machine: Machine, kind: str) -> None:
        note(f"--- as a {kind}")
        manager = PACKAGES[kind]
        machine.run("mkdir", "-p", "/etc/appliance")
        shutil.copy(machine.path(f"{PLANT}/answers"), machine.path("/etc/appliance/answers"))
        for release in ("first", "next"):
            (package,) = machine.path(f"{STICK}/{release}").glob(f"*{kind}")
            install = (*manager.install, f"{STICK}/{release}/{package.name}")
            machine.timed(" ".join((*manager.install, package.name)), *install)
            check(machine.is_active(), f"{self.version(machine)} runs")
            if release == "first":
                self.connect(machine, "Sandbox", "--system", "sandbox")
                machine.run("appliance", "sync", "run", "Sandbox", "--wait")
                before = self.total(machine, "Sandbox")
            check(self.total(machine, "Sandbox") == before, f"{before} purchase orders are read")
        self.check_owners(machine)
        machine.timed(" ".join(manager.remove), *manager.remove)
        check(
            self.left(machine) == {DATA, "/etc/appliance", BACKUPS},
            "data, configuration and backups are kept",
        )
        if manager.purge:
            machine.timed(" ".join(manager.purge), *manager.purge)
            check(self.left(machine) == {BACKUPS}, "only the backups are left")

    # --- Looking ----------------------------------------------------------------------------------------------------

    def version(self, machine: Machine) -> str:
        return machine.run("appliance", "--version").split()[1]

    def status(self, machine: Machine) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(machine.run("appliance", "status", "--json"))
        return found

    def total(self, machine: Machine, name: str, at: str = API) -> int:
        """Purchase orders by the API, asked as an application does it."""
        found: int = json.loads(machine.run(*self.asking(name, at)))["total"]
        return found

    def answers(self, machine: Machine) -> bool:
        return machine.tried("curl", "--silent", "--fail", "--insecure", f"{API}/readyz").returncode == 0

    def asking(self, name: str, at: str = API) -> tuple[str, ...]:
        return (
            *("curl", "--silent", "--show-error", "--fail", "--cacert", f"{DATA}/tls/self-signed.crt"),
            *("--retry", "20", "--retry-connrefused", "--retry-delay", "1"),
            *("--header", f"Authorization: Bearer {self.tokens[name]}", f"{at}/api/v1/{READ}"),
        )

    def check_whole(self, machine: Machine, what: str) -> None:
        for name, orders in self.orders.items():
            if (found := self.total(machine, name)) != orders:
                raise NotAsItHasToBe(f"{found} purchase orders of {name}, not {orders}: {what}")
        check(self.status(machine)["maintenance_since"] is None, what)

    def check_owners(self, machine: Machine) -> None:
        """What commands of root have left that the service could not use."""
        found = machine.run("find", DATA, BACKUPS, "!", "-user", "appliance", "!", "-path", "*lost+found*")
        listed(found)
        check(not found, "nothing among data and backups belongs to root")

    def left(self, machine: Machine) -> set[str]:
        places = (
            "/opt/appliance",
            DATA,
            "/etc/appliance",
            BACKUPS,
            "/usr/bin/appliance",
            "/usr/share/appliance",
        )
        aside = {f"/var/lib/{file.name}" for file in machine.path("/var/lib").glob("appliance.*")}
        return aside | {place for place in places if os.path.lexists(machine.path(place))}


def memory(machine: Machine) -> dict[str, float]:
    """MiB of each process of the service, what is shared divided among those who share it."""
    owner = machine.path(DATA).stat().st_uid
    found: dict[str, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid != owner:
                continue
            words = (process / "cmdline").read_bytes().split(b"\0")
            role = words[1].decode() if len(words) > 1 else ""
            shares = (process / "smaps_rollup").read_text()
        except OSError:
            continue
        pss = next(int(line.split()[1]) for line in shares.splitlines() if line.startswith("Pss:"))
        found[role] = found.get(role, 0) + pss / 1024
    return found


def told(parts: dict[str, float]) -> str:
    each = ", ".join(f"{role} {count:.0f}" for role, count in sorted(parts.items()))
    return f"{sum(parts.values()):.0f} MiB ({each})"


if __name__ == "__main__":
    sys.exit(main())
