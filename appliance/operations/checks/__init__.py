"""What `doctor` looks at. A check is a function without arguments that yields findings; each says how to mend it."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

Level = Literal["ok", "warn", "fail"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` says what to do, best as a command; `mend` does it, where it is safe while the service works."""

    level: Level
    what: str
    fix: str = ""
    mend: Callable[[], object] | None = field(default=None, repr=False)

    def as_dict(self, check: str) -> dict[str, str]:
        return {"check": check, "level": self.level, "what": self.what, "fix": self.fix}


Check = Callable[[], Iterable[Finding]]


def examined(checks: Mapping[str, Check]) -> Iterator[tuple[str, Finding]]:
    """Every finding with the name of its check; a check that fails itself is a finding, and the others go on."""
    for name, check in checks.items():
        try:
            for finding in check():
                yield name, finding
        except ApplianceError as failure:
            yield name, Finding("fail", failure.message)
        except Exception as failure:
            log.debug("the check %s failed", name, exc_info=True)
            yield name, Finding("fail", f"The check cannot be made: {type(failure).__name__}: {failure}")


def worst(findings: Sequence[Finding]) -> Level:
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")
