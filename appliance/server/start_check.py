"""What has to hold before the service starts, checked once, so that a fault of the machine is told as one."""

import errno
import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.setting_kinds import Address

BUILD_NAME = "build.json"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StartRefused(ConfigurationError):
    code = "START_REFUSED"


@dataclass(frozen=True, slots=True)
class Build:
    """What the build notes in `build.json` of the packaged program: when it was, and path to size of its files."""

    built_at: datetime
    files: dict[str, int]


def read_build(package: Traversable | None = None) -> Build | None:
    """The note, None where the program runs from its source. Raises StartRefused for one that is damaged."""
    note = (package or resources.files("appliance")).joinpath(BUILD_NAME)
    if not note.is_file():
        return None
    try:
        found = json.loads(note.read_text("utf-8"))
        return Build(datetime.fromisoformat(found["built_at"]), dict(found["files"]))
    except (ValueError, KeyError, TypeError) as failure:
        raise StartRefused(f"{note} is damaged: {failure}. Install the program again.") from None


def check_files(build: Build, folder: Path) -> None:
    """Every file of the package is there with its size. Raises StartRefused that names the first ones."""
    damaged = [name for name, size in build.files.items() if _size(folder / name) != size]
    if damaged:
        shown = ", ".join(damaged[:3]) + (f" and {len(damaged) - 3} more" if len(damaged) > 3 else "")
        raise StartRefused(
            f"Files of the program in {folder} are missing or cut short: {shown}. Install it again.",
            details={"files": damaged[:100]},
        )


def check_clock(build: Build, clock: Clock) -> None:
    """Raises StartRefused where the clock is before the build: no certificate and no schedule would hold."""
    now = clock.now()
    if now < build.built_at:
        raise StartRefused(
            f"The clock of this machine says {now:%Y-%m-%d %H:%M} UTC, which is before this program was built "
            f"({build.built_at:%Y-%m-%d}). Set the time, such as with timedatectl, or turn on NTP."
        )


def check_data_dir(data_dir: Path) -> None:
    """Raises StartRefused where nothing can be written, as on a file system that was mounted read-only."""
    probe = data_dir / f".start-check-{os.getpid()}"
    try:
        probe.touch(0o600)
        probe.unlink()
    except OSError as failure:
        if failure.errno in _FULL:
            # The service starts on a full disk, so that deleting works.
            return
        raise StartRefused(
            f"Nothing can be written in the data directory {data_dir} ({failure.strerror}). Check its owner, and "
            "that its file system is mounted for writing."
        ) from None


def check_address(listen: Address) -> None:
    """Raises StartRefused where another program listens there, or the address is not this machine's to use."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except PermissionError:
            raise StartRefused(
                f"Port {listen.port} needs the right CAP_NET_BIND_SERVICE, as every port below 1024 does. The "
                "installer gives it to the unit (appliance.service.d/installation.conf); or set listen to a higher "
                "port."
            ) from None
        except OSError as failure:
            raise StartRefused(
                f"The appliance cannot listen at {listen.host}:{listen.port} ({failure.strerror}). Stop what does "
                "(ss -ltnp shows it), or set listen to another address."
            ) from None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
