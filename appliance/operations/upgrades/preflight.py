"""Whether this machine has room for an upgrade."""

from dataclasses import dataclass
from pathlib import Path

from appliance.operations.disk import megabytes
from appliance.operations.upgrades.errors import UpgradeRefused
from appliance.store.space import space_of

# A backup, the copy that is rehearsed with, and the copy that takes the database's place.
COPIES = 3
MEMORY_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes: of the database with its log, and what is needed beside its copies, the new program above all."""

    database: int
    program: int


def check_room(data_dir: Path, prefix: Path, needs: Needs, memory: int | None) -> None:
    """Raises UpgradeRefused. `memory` is what is available, None where it is not known."""
    wanted = {data_dir: COPIES * needs.database, prefix: needs.program}
    if data_dir.stat().st_dev == prefix.stat().st_dev:
        wanted = {data_dir: COPIES * needs.database + needs.program}
    for folder, count in wanted.items():
        free = space_of(folder).free
        if free < count:
            raise UpgradeRefused(
                f"The disk of {folder} has {megabytes(free)} free; the upgrade needs {megabytes(count)} there, "
                f"{COPIES} times the database and the program among them. Make room and repeat this.",
                details={"free": free, "needed": count},
            )
    if memory is not None and memory < MEMORY_BYTES:
        raise UpgradeRefused(
            f"{megabytes(memory)} of memory are available; the new release is tried beside the present one and needs "
            f"{megabytes(MEMORY_BYTES)}.",
            details={"available": memory, "needed": MEMORY_BYTES},
        )


def available_memory(told: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes that programs can have without swapping, None where the system does not tell."""
    try:
        lines = told.read_text("ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None
