"""Version numbers, and from which release one may go to which: any newer one of the same major, or the next major."""

import re
from typing import NamedTuple, Self

from appliance.operations.upgrades.errors import ReleaseRefused


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ReleaseRefused."""
        found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", text.strip())
        if found is None:
            raise ReleaseRefused(
                f"{text.strip()[:40]!r} is no version such as 1.4.0, so its rules are not known."
            )
        return cls(int(found[1]), int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def check_step(installed: Version, wanted: Version) -> None:
    """Raises ReleaseRefused with the way to go instead."""
    if wanted == installed:
        raise ReleaseRefused(f"{installed} is installed already; there is nothing to do.")
    if wanted < installed:
        raise ReleaseRefused(
            f"{wanted} is older than {installed}, which is installed. An upgrade goes forward only: "
            "`appliance rollback` goes back to the release before this one, with its data."
        )
    if wanted.major > installed.major + 1:
        way = ", then to ".join(f"the last {major}.x" for major in range(installed.major + 1, wanted.major))
        raise ReleaseRefused(
            f"From {installed} no upgrade leads to {wanted} in one step: first to {way}, then to {wanted}."
        )
