"""What every kind of folder can do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol

PARTIAL = ".partial-"
"""How the name of a file begins that is not written to its end."""


class Entry(NamedTuple):
    """A file: `size` in bytes, `modified` in whole seconds since 1970 by the clock of where it lies."""

    name: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder is. `port` 0 is the usual one; `host_key` is `SHA256:…` as `ssh-keygen -l` shows it."""

    kind: str
    folder: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    host_key: str = ""


class Folder(Protocol):
    """Every method raises SourceError and its kin, and EgressRefused."""

    encrypted: bool
    """Whether nobody on the way can read along; True where nothing goes over a network."""

    def stages(self) -> list[tuple[str, Callable[[], str]]]:
        """The steps to the folder for the staged probe, by name. Each tells what it found, or raises."""
        ...

    def list(self) -> list[Entry]:
        """Its files, without folders and links, in no order."""
        ...

    def entry(self, name: str) -> Entry | None:
        """A file as it is now; None when there is none of this name."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A file to read from its beginning, a piece at a time."""
        ...

    def move(self, name: str, into: str, as_name: str) -> None:
        """Move a file to the folder `into` below this one, made when missing. FileExistsError when it is taken."""
        ...

    def close(self) -> None: ...


def safe_name(name: str) -> str:
    """A name that stays inside its folder. Raises ValueError for any other."""
    if name in ("", ".", "..") or any(character in name for character in "/\\\0"):
        raise ValueError(f"{name!r} is no name of a file")
    return name
