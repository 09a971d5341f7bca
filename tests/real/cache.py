"""Where the tests keep what is slow to make: installed servers and filled databases.

The folder is APPLIANCE_TEST_CACHE, by default `~/.cache/appliance-tests`; deleting it costs time only.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Unavailable(Exception):
    """A real system cannot be started on this machine; the text says what is missing."""


def cache_directory() -> Path:
    """The cache folder, made when missing."""
    chosen = os.environ.get("APPLIANCE_TEST_CACHE") or Path.home() / ".cache" / "appliance-tests"
    folder = Path(chosen).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_once(name: str, build: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, filled by `build` the first time.

    Test runs that start together wait for one another, and what an interrupted build left is made anew.
    """
    folder = cache_directory() / name
    finished = folder / ".complete"
    with (cache_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            finished.touch()
    return folder


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end and return what it printed; RuntimeError with its last lines when it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
