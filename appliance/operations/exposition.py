"""The text format of Prometheus (0.0.4), written from plain numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from appliance.tally import BUCKETS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Sequence[tuple[str, str]]


class Family(NamedTuple):
    """One metric with its samples: labels to a value, which is left out where it is None."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    samples: Iterable[tuple[Labels, float | int | None]]


class Histogram(NamedTuple):
    """`counts` are those of the buckets by their bound, each value in one of them only."""

    name: str
    meaning: str
    counts: Mapping[str, float]
    sum: float


def written(families: Iterable[Family | Histogram]) -> str:
    """The whole answer."""
    lines: list[str] = []
    for family in families:
        kind = family.kind if isinstance(family, Family) else "histogram"
        lines += [f"# HELP {family.name} {family.meaning}", f"# TYPE {family.name} {kind}"]
        if isinstance(family, Family):
            lines += [
                f"{family.name}{_labels(labels)} {_number(value)}"
                for labels, value in family.samples
                if value is not None
            ]
        else:
            lines += _buckets(family)
    return "\n".join(lines) + "\n"


def _buckets(one: Histogram) -> list[str]:
    lines, count = [], 0.0
    for bound in (*(f"{bound:g}" for bound in BUCKETS), "+Inf"):
        count += one.counts.get(bound, 0)
        lines.append(f'{one.name}_bucket{{le="{bound}"}} {_number(count)}')
    return [*lines, f"{one.name}_sum {_number(one.sum)}", f"{one.name}_count {_number(count)}"]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
