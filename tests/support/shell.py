"""Shell blocks of the documentation, run as they stand."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.support.forking import ROOT as ROOT
from tests.support.forking import program

PATIENCE_SECONDS = 240


def section(text: str, title: str) -> str:
    """The text under a heading of the second level, up to the next one."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return str(found)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def shell(script: str, folder: Path) -> str:
    """What the pasted lines print, with `appliance` as the program of this source tree. Fails with the first line."""
    programs = folder / "programs"
    programs.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    (programs / "appliance").symlink_to(program())
    return _run(script, folder, {**environment, "APPLIANCE_DATA_DIR": str(folder / "data")})


def _run(script: str, folder: Path, environment: dict[str, str]) -> str:
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        # A script that fails half way leaves its service behind, in the same process group.
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    assert process.returncode == 0, printed
    return printed
