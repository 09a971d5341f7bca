"""A folder to begin a connector with: commented, valid, and working against a plain REST API."""

import re
from importlib import resources
from pathlib import Path

from appliance.errors import Conflict, InvalidInput

_FILES = ("connector.yaml", "guide.md")


def write_starting_folder(parent: Path, name: str) -> Path:
    """Write the folder of a new connector below `parent`, which is made where it is missing.

    Raises InvalidInput for a name that no system can have, Conflict when something of that name is there.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
        raise InvalidInput(
            f"{name[:60]!r} is no name of a system: lower-case letters, digits and _, beginning with a letter."
        )
    folder = parent / name
    if folder.exists():
        raise Conflict(f"There already is {folder}. Choose another name, or take that away.")
    try:
        folder.mkdir(parents=True)
        for file in _FILES:
            text = resources.files("appliance.runtime.checking").joinpath("starting", file).read_text("utf-8")
            (folder / file).write_text(text.replace("NAME", name), "utf-8")
    except OSError as failure:
        raise InvalidInput(f"The folder {folder} cannot be written ({failure.strerror}).") from None
    return folder
