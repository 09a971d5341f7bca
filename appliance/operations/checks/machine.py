"""Checks of the machine: files and their modes, room, clock, limits, certificates, and what guards the service."""

import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.backends.openssl import backend

from appliance.clock import Clock, to_ms
from appliance.operations.checks import Finding, Level
from appliance.operations.disk import megabytes
from appliance.operations.heartbeat import LOCK_NAME, engine_state
from appliance.store.space import space_of

UNIT = "appliance.service"
FEWEST_FILES = 1024
DAY_MS = 86_400_000
# The unit as it comes is at 1.4 to 1.5; more means that hardening was taken out.
EXPOSURE = 2.0
CLOCK_SLACK_MS = 60_000
_COMMAND_SECONDS = 10


def file_modes(data_dir: Path, private: Sequence[Path]) -> Iterator[Finding]:
    """Nobody but the owner may read what the appliance keeps; `private` are files elsewhere, such as keys."""
    if not data_dir.is_dir():
        yield Finding(
            "fail", f"There is no data directory {data_dir}.", "appliance setup, or correct data_dir"
        )
        return
    owner = data_dir.stat().st_uid
    wrong = 0
    for path in (data_dir, *sorted(data_dir.rglob("*")), *private):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        # A certificate is for everybody to see, and an empty file, such as a lock, shows nothing.
        harmless = path.suffix == ".crt" or (stat.S_ISREG(found.st_mode) and found.st_size == 0)
        if not stat.S_ISLNK(found.st_mode) and mode & 0o077 and not harmless:
            wrong += 1
            right = mode & 0o700
            yield Finding(
                "fail",
                f"{path} has mode {mode:04o}: others than its owner may use it.",
                f"chmod {right:04o} {path}",
                mend=lambda path=path, right=right: path.chmod(right),  # type: ignore[misc]
            )
        if path not in private and found.st_uid != owner:
            wrong += 1
            yield Finding(
                "fail",
                f"{path} belongs to user {found.st_uid}, the data directory to user {owner}.",
                f"chown --reference={data_dir} {path}",
            )
    if not wrong:
        yield Finding("ok", f"The files in {data_dir} are private.")


def free_disk(data_dir: Path, pauses_below: int, grew_a_day: int | None) -> Iterator[Finding]:
    """Free room against the limit below which synchronization waits, and against growth in bytes a day."""
    free = space_of(data_dir).free
    advice = "Make room on the disk of the data directory, or keep less by the settings of retention."
    if free < pauses_below:
        yield Finding("fail", f"{megabytes(free)} are free; synchronization waits for room.", advice)
        return
    days = None if not grew_a_day else (free - pauses_below) // grew_a_day
    if days is not None and days < 30:
        yield Finding(
            "warn", f"{megabytes(free)} are free, for about {days} days at the growth so far.", advice
        )
        return
    yield Finding("ok", f"{megabytes(free)} are free.")


def clock_is_sane(data_dir: Path, clock: Clock) -> Iterator[Finding]:
    """Against the last sign of life of the engine and the time of the program's own file."""
    now = clock.now_ms()
    fix = "Let this machine take its time from a time server: timedatectl set-ntp true, or chronyc makestep."
    seen = engine_state(data_dir).seen_at
    built = to_ms(datetime.fromtimestamp(Path(sys.executable).stat().st_mtime, UTC))
    if seen is not None and seen > now + CLOCK_SLACK_MS:
        yield Finding(
            "fail", f"The clock is {(seen - now) // 1000} s behind the last sign of life here.", fix
        )
    elif built > now + DAY_MS:
        yield Finding("fail", "The clock shows a time before this program was made.", fix)
    else:
        yield Finding("ok", f"The clock shows {clock.now():%Y-%m-%d %H:%M:%S} UTC.")


def authorities(files: Sequence[Path], clock: Clock) -> Iterator[Finding]:
    """Certificates that outbound calls trust besides those of the system: do they parse, when do they end."""
    for path in files:
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as failure:
            yield Finding(
                "fail",
                f"ca_files: {path} cannot be used: {failure}.",
                "Put a PEM file of certificates there.",
            )
            continue
        for one in found:
            yield ending(
                f"The authority {one.subject.rfc4514_string()} in {path}",
                to_ms(one.not_valid_after_utc),
                clock,
            )
    if not files:
        yield Finding("ok", "Only the authorities of the system are trusted.")


def ending(what: str, ends_at: int, clock: Clock, fix: str = "") -> Finding:
    """How many days something has left."""
    days = (ends_at - clock.now_ms()) / DAY_MS
    level: Level = "fail" if days <= 0 else "warn" if days < 30 else "ok"
    moment = f"{datetime.fromtimestamp(ends_at / 1000, UTC):%Y-%m-%d}"
    verb = "ended" if days <= 0 else "ends"
    return Finding(level, f"{what} {verb} on {moment}.", "" if level == "ok" else fix or "Have it renewed.")


def temporary_folder() -> Iterator[Finding]:
    """A folder without rights to execute is no harm: nothing of the program is run from there."""
    folder = Path(tempfile.gettempdir())
    flags = os.statvfs(folder).f_flag
    if flags & os.ST_RDONLY:
        yield Finding("fail", f"{folder} cannot be written.", "Set TMPDIR to a folder that can be written.")
    else:
        noexec = " is mounted noexec, which does no harm" if flags & os.ST_NOEXEC else " can be used"
        yield Finding("ok", f"{folder}{noexec}.")


def open_files(data_dir: Path) -> Iterator[Finding]:
    """The limit of the running engine, else of this shell."""
    pid = engine_process(data_dir)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    whose = "This shell"
    if pid is not None:
        match = re.search(r"Max open files\s+(\d+)", Path(f"/proc/{pid}/limits").read_text())
        limit, whose = (int(match[1]) if match else limit), "The engine"
    if limit < FEWEST_FILES:
        yield Finding("warn", f"{whose} may open {limit} files only.", "LimitNOFILE=65536 in the unit")
    else:
        yield Finding("ok", f"{whose} may open {limit} files.")


def engine_process(data_dir: Path) -> int | None:
    """The process that holds the lock of the engine, None without one or where the system does not tell."""
    try:
        inode = (data_dir / LOCK_NAME).stat().st_ino
        table = Path("/proc/locks").read_text()
    except OSError:
        return None
    match = re.search(rf"FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+\S+:{inode}\s", table)
    return int(match[1]) if match and Path(f"/proc/{match[1]}").is_dir() else None


def selinux(enforce: Path = Path("/sys/fs/selinux/enforce")) -> Iterator[Finding]:
    """Whether it enforces, and what it denied the program of late, where `ausearch` is there to tell."""
    if not enforce.exists():
        yield Finding("ok", "SELinux is not in use.")
        return
    if enforce.read_text().strip() != "1":
        yield Finding("ok", "SELinux only warns.")
        return
    denied = output_of("ausearch", "--message", "avc", "--start", "recent", "--comm", "appliance", "--raw")
    if denied:
        fix = "ausearch -m avc -ts recent -c appliance | audit2allow -w"
        yield Finding(
            "fail", f"SELinux denied the appliance something {len(denied.splitlines())} times.", fix
        )
    else:
        yield Finding("ok", "SELinux enforces, and no denial is known.")


def fips(enabled: Path = Path("/proc/sys/crypto/fips_enabled")) -> Iterator[Finding]:
    """The state of the host, and which library the program uses: its own, which is no validated module."""
    library = backend.openssl_version_text()
    if enabled.exists() and enabled.read_text().strip() == "1":
        yield Finding(
            "warn",
            f"The host is in FIPS mode; the program uses approved algorithms from its own {library}, which is no "
            "validated module.",
            "Where a validated module is required, keep the service behind a proxy that has one. Sources that sign "
            "in by NTLM or MD5 digests do not work.",
        )
    else:
        yield Finding("ok", f"The host is not in FIPS mode; {library} is in use.")


def hardening() -> Iterator[Finding]:
    """What systemd says of the unit that is in force."""
    if not Path("/run/systemd/system").is_dir() or shutil.which("systemd-analyze") is None:
        yield Finding("ok", "systemd does not run here.")
        return
    if "LoadState=loaded" not in output_of("systemctl", "show", UNIT, "--property=LoadState"):
        yield Finding("ok", f"There is no unit {UNIT}.")
        return
    match = re.search(
        r"exposure level for \S+: ([\d.]+)", output_of("systemd-analyze", "security", "--no-pager", UNIT)
    )
    if match is None:
        yield Finding(
            "warn", f"systemd does not tell how {UNIT} is hardened.", f"systemd-analyze security {UNIT}"
        )
        return
    level: Level = "ok" if float(match[1]) <= EXPOSURE else "warn"
    fix = "" if level == "ok" else f"systemctl revert {UNIT}, or take out the drop-ins that lower it"
    yield Finding(level, f"The exposure of {UNIT} is {match[1]} of 10.", fix)


def output_of(*command: str) -> str:
    """What a program of the system prints; nothing when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
