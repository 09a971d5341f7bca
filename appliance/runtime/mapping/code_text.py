"""Pieces of the Python text that a mapping is compiled to.

Calls are what a row costs, so that the common case of every piece stands in the text itself. `v` and `w` hold a value
within one expression. Python takes no assignment in what a comprehension goes through: there `dug` is the piece.
"""

from collections.abc import Sequence


def dug(row: str, along: Sequence[str]) -> str:
    """The value along a path, by a call."""
    return f"{row}.get({along[0]!r})" if len(along) == 1 else f"dig({row}, {tuple(along)!r})"


def looked_up(row: str, along: Sequence[str]) -> str:
    """The value along a path; None where a step is missing."""
    if any(step.isdigit() for step in along[1:]):
        # A step may be the place in a list.
        return dug(row, along)
    for step in along[:-1]:
        row = f"(w if type(w := {row}.get({step!r})) is dict else {{}})"
    return f"{row}.get({along[-1]!r})"


def as_text(value: str) -> str:
    """A text, or None for blank text."""
    return f"(v if type(v := {value}) is str and v and not v.isspace() else text(v))"


def as_key_part(value: str) -> str:
    """A text that may be blank: keys are made of those parts that are not."""
    return f"(v if type(v := {value}) is str else text(v))"


def as_time(value: str, remembered: str, convert: str) -> str:
    """Texts are remembered, since many rows share a business date; mappings and numbers are not."""
    return f"({remembered}(v) if type(v := {value}) is str else None if v is None else {convert}(v))"


def first_of(values: Sequence[str], given: str) -> str:
    """The first of the values for which the condition `given` on `v` holds."""
    text = "None"
    for value in reversed(values):
        text = f"(v if (v := {value}) is not None and {given} else {text})"
    return text


def or_default(value: str, default: str) -> str:
    return f"({default} if (v := {value}) is None else v)"


def known_or_same(table: str, value: str) -> str:
    """What the table `table` has for a value, or the value itself."""
    return f"{table}.get((v := {value}), v)"
