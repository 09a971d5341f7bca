"""A document against the schema: every problem with its place, where the loader stops at the first."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import NODEFAULT

from appliance.runtime.checking.schema import Part, inside, keys, parts_in, tag

Path = tuple[str, ...]
_AT = re.compile(r" - at `\$(.*)`$")


class Fault(NamedTuple):
    """What is wrong at a path of a document."""

    path: Path
    message: str


def faults(value: Any, annotation: Any, path: Path = ()) -> Iterator[Fault]:
    """Everything in which a value does not fit its place in the schema."""
    parts, within = parts_in(annotation), inside(annotation)
    if parts and isinstance(value, dict):
        part = _told(value, parts, path)
        if isinstance(part, Fault):
            yield part
        else:
            yield from _part_faults(value, part, path)
    elif within is not None and isinstance(value, list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found = [fault for name, item in items for fault in faults(item, within, (*path, str(name)))]
        # Only a list whose items are right can be wrong as a whole, such as too short.
        yield from found or _whole(value, annotation, path)
    else:
        yield from _whole(value, annotation, path)


def _told(value: dict[str, Any], parts: Sequence[Part], path: Path) -> Part | Fault:
    """Which of the parts a mapping is, or why that cannot be told."""
    by_tag = {told[1]: part for part in parts if (told := tag(part)) is not None}
    if not by_tag:
        return parts[0]
    name = str((tag(parts[0]) or ("",))[0])
    if name not in value:
        return Fault(path, f"`{name}` is missing; it is one of {', '.join(by_tag)}")
    wrong = Fault((*path, name), f"{value[name]!r} is not known; it is one of {', '.join(by_tag)}")
    return by_tag.get(str(value[name]), wrong)


def _part_faults(value: dict[str, Any], part: Part, path: Path) -> Iterator[Fault]:
    known = {key.encode_name: key for key in keys(part)}
    told = tag(part)
    for name in value:
        if name not in known and (told is None or name != told[0]):
            near = difflib.get_close_matches(str(name), known, n=1)
            advice = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known)}"
            yield Fault((*path, str(name)), f"there is no such key here; {advice}")
    for name, key in known.items():
        if name in value:
            yield from faults(value[name], key.type, (*path, name))
        elif key.default is NODEFAULT and key.default_factory is NODEFAULT:
            yield Fault(path, f"`{name}` is missing")


def _whole(value: Any, annotation: Any, path: Path) -> Iterator[Fault]:
    try:
        msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as failure:
        message = str(failure)
        found = _AT.search(message)
        deeper = tuple(re.findall(r"[^.\[\]]+", found[1])) if found else ()
        yield Fault((*path, *deeper), _AT.sub("", message))
