"""Takes the rows, and a few values beside them, out of an answer.

Rows are cut out of the JSON text without being decoded (1.5 µs a row against 9 µs): an unchanged row is
recognized by the hash of its text and never decoded at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.mapping.transforms import exact


def steps(path: str) -> list[str]:
    """The steps of a path. A doubled dot stands for a member whose name ends in one: `party..name`.

    A name with an @ goes on to the end of the path: `value.0.@odata.etag`.
    """
    found: list[str] = []
    for step in path.split("."):
        if found and "@" in found[-1]:
            found[-1] += f".{step}"
            continue
        if step == "" and found:
            found[-1] += "."
        else:
            found.append(step)
    return found


_decode_any = msgspec.json.Decoder(float_hook=exact).decode


def decode(body: bytes) -> Any:
    """JSON with exact decimals. Raises SourceAnswerInvalid when it is none."""
    try:
        return _decode_any(body.removeprefix(b"\xef\xbb\xbf"))  # a byte order mark, as .NET services send it
    except (msgspec.DecodeError, ValueError, RecursionError) as failure:
        raise SourceAnswerInvalid(_not_json(body, failure)) from None


encode = msgspec.json.Encoder(decimal_format="number").encode
"""JSON bytes; decimals as numbers with all their digits."""


def dig(value: Any, path: Iterable[str]) -> Any:
    """The value along the steps of a path; None where a step is missing. Whole numbers index lists."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


class Envelope:
    """Decoder of list answers: `rows` is the path to the list, `beside` names paths of single values."""

    def __init__(self, rows: str, beside: Mapping[str, str]) -> None:
        self._rows = steps(rows) if rows else []
        self._beside = {name: steps(path) for name, path in beside.items() if path}
        self._decoder = self._typed_decoder()

    def read(self, body: bytes) -> tuple[list[bytes] | None, dict[str, Any]]:
        """The rows as JSON texts, None when the path leads nowhere, and the values beside them.

        Raises SourceAnswerInvalid for a body that is not JSON.
        """
        try:
            answer = self._decoder.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            # Not of the usual shape: an error body, a single object, or no JSON at all.
            return self._read_loosely(decode(body))
        if not self._rows:
            return [bytes(row) for row in answer], {}
        rows = _follow(answer, self._rows)
        values = {name: _follow(answer, path) for name, path in self._beside.items()}
        return (None if rows is None else [bytes(row) for row in rows]), values

    def _read_loosely(self, answer: Any) -> tuple[list[bytes] | None, dict[str, Any]]:
        rows = _follow(answer, self._rows)
        values = {name: _follow(answer, path) for name, path in self._beside.items()}
        if isinstance(rows, dict):
            rows = [rows]
        if not isinstance(rows, list):
            return None, values
        return [encode(row) for row in rows], values

    def _typed_decoder(self) -> msgspec.json.Decoder[Any]:
        if not self._rows:
            return msgspec.json.Decoder(list[msgspec.Raw], float_hook=exact)
        tree: dict[str, Any] = {}
        for path in self._beside.values():
            _plant(tree, path, Any)
        _plant(tree, self._rows, list[msgspec.Raw])
        return msgspec.json.Decoder(_struct(tree), float_hook=exact)


def key_decoder(paths: Sequence[str]) -> Callable[[bytes], list[Any]]:
    """A function of a row's JSON text that gives the values at `paths` and decodes nothing else."""
    tree: dict[str, Any] = {}
    for path in paths:
        _plant(tree, steps(path), Any)
    typed = msgspec.json.Decoder(_struct(tree), float_hook=exact).decode
    if all(len(steps(path)) == 1 for path in paths):
        # The attributes stand in the order of the paths.
        return lambda raw: list(msgspec.structs.astuple(typed(raw)))
    each = [steps(path) for path in paths]
    return lambda raw: [_follow(answer, path) for answer in (typed(raw),) for path in each]


def _plant(tree: dict[str, Any], path: Sequence[str], kind: Any) -> None:
    for step in path[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    if kind is Any:
        # Taken whole, also where another path leads into it.
        tree[path[-1]] = kind
    else:
        tree.setdefault(path[-1], kind)


def _struct(tree: Mapping[str, Any]) -> Any:
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for number, (name, kind) in enumerate(tree.items()):
        attribute = f"a{number}"
        renamed[attribute] = name
        inner = (_struct(kind) | None) if isinstance(kind, dict) else (kind if kind is Any else kind | None)
        fields.append((attribute, inner, None))
    try:
        return msgspec.defstruct("Answer", fields, rename=renamed)
    except ValueError:
        raise ConfigurationError(
            "A path holds a quotation mark, a backslash or a control character, which names cannot."
        ) from None


def _follow(answer: Any, path: Sequence[str]) -> Any:
    value = answer
    for step in path:
        if isinstance(value, msgspec.Struct):
            value = next(
                (
                    getattr(value, attribute)
                    for attribute, name in zip(
                        value.__struct_fields__, value.__struct_encode_fields__, strict=True
                    )
                    if name == step
                ),
                None,
            )
        else:
            value = dig(value, (step,))
    return value


def _not_json(body: bytes, failure: Exception) -> str:
    start = body[:200].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return (
            "The source answered with a web page where data was expected. "
            "Check the address: a login page or a proxy may stand before it."
        )
    if start.startswith(b"<"):
        return "The source answered XML where JSON was expected. Check that the address is that of its JSON interface."
    if not start:
        return (
            "The source answered nothing where JSON was expected. "
            "Check the address, and the source's own log for what became of the request."
        )
    if not start.startswith((b"{", b"[", b"\xef\xbb\xbf")):
        return (
            "The source answered something else where JSON was expected. "
            "Check that the address is that of its JSON interface."
        )
    return (
        f"The source's answer is not valid JSON ({type(failure).__name__}); it may have been cut off on its way. "
        "Check gateways and proxies between, and the source's own log."
    )
