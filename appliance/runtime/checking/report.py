"""What a suite found."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["passed", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `message` says what was found, or what is wrong and what to do.

    `entity` is empty for what is about the whole connector. `skipped` is what could not be tried, such as going
    on after the first page of a source that has only one; it is no failure. `details` is plain data.
    """

    name: str
    state: State
    message: str
    entity: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuiteReport:
    system: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings are for a person to judge."""
        return not any(check.state == "failed" for check in self.checks)

    def counts(self) -> dict[State, int]:
        states: tuple[State, ...] = ("passed", "warning", "failed", "skipped")
        return {state: sum(check.state == state for check in self.checks) for state in states}

    def as_dict(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "passed": self.passed,
            "counts": self.counts(),
            "checks": [asdict(check) for check in self.checks],
        }


def number(count: int, what: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
