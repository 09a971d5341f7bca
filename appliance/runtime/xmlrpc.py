"""XML-RPC: calls as request bodies, answers as plain data.

Numbers keep all their digits and may be larger than 32 bits, which the specification does not know but servers
send and take (`i8`); nothing is `nil`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.mapping.transforms import exact

_INTEGERS = frozenset({"int", "i1", "i2", "i4", "i8", "biginteger"})
_LARGEST = 2**31


def encode_call(method: str, params: Sequence[Any]) -> bytes:
    """The body of a call. Raises TypeError for a value that XML-RPC cannot hold."""
    values = "".join(f"<param>{_written(value)}</param>" for value in params)
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<methodCall><methodName>{escape(method)}</methodName><params>{values}</params></methodCall>"
    ).encode()


def _written(value: Any) -> str:
    match value:
        case None:
            inner = "<nil/>"
        case bool():
            inner = f"<boolean>{int(value)}</boolean>"
        case int():
            kind = "int" if -_LARGEST <= value < _LARGEST else "i8"
            inner = f"<{kind}>{value}</{kind}>"
        case Decimal():
            inner = f"<double>{value:f}</double>"
        case float():
            inner = f"<double>{value!r}</double>"
        case str():
            inner = f"<string>{escape(value)}</string>"
        case datetime():
            inner = f"<dateTime.iso8601>{value:%Y%m%dT%H:%M:%S}</dateTime.iso8601>"
        case list() | tuple():
            inner = f"<array><data>{''.join(_written(item) for item in value)}</data></array>"
        case Mapping():
            members = "".join(
                f"<member><name>{escape(str(name))}</name>{_written(item)}</member>"
                for name, item in value.items()
            )
            inner = f"<struct>{members}</struct>"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in XML-RPC")
    return f"<value>{inner}</value>"


def is_answer(root: Element) -> bool:
    return root.tag == "methodResponse"


def read_answer(root: Element) -> dict[str, Any]:
    """`{"result": …}`, or `{"fault": {"faultCode": …, "faultString": …}}`. Raises SourceAnswerInvalid."""
    value = root.find("params/param/value")
    if value is not None:
        return {"result": _read(value)}
    value = root.find("fault/value")
    if value is not None:
        return {"fault": _read(value)}
    raise SourceAnswerInvalid("The source's XML-RPC answer holds neither a result nor a fault.")


def _read(value: Element) -> Any:
    if not len(value):
        # A value without a type is a text.
        return value.text or ""
    typed = value[0]
    # Apache's servers write their own types, such as nil, in a namespace.
    kind, text = str(typed.tag).rsplit("}", 1)[-1], typed.text or ""
    try:
        match kind:
            case "struct":
                return {
                    member.findtext("name", ""): _read(inner)
                    for member in typed.findall("member")
                    if (inner := member.find("value")) is not None
                }
            case "array":
                return [_read(item) for item in typed.findall("data/value")]
            case "nil":
                return None
            case "boolean":
                return text.strip() in ("1", "true")
            case "double" | "float" | "bigdecimal":
                number = exact(text.strip())
                return number if number.is_finite() else None
            case "dateTime.iso8601" | "dateTime":
                return _iso(text.strip())
            case _:
                return int(text) if kind in _INTEGERS else text
    except ValueError:
        raise SourceAnswerInvalid(f"The source's XML-RPC answer holds {text[:40]!r} as {kind}.") from None


def _iso(text: str) -> str:
    """`20260131T10:30:00` as `2026-01-31T10:30:00`; blank and zero dates stay as they are."""
    if len(text) > 8 and text[:8].isdigit() and text[8] == "T":
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text
