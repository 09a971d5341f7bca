"""Answers that are XML: read safely, turned into plain data, rows cut out of them."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.select import Envelope, decode, dig, encode, steps
from appliance.runtime.xmlrpc import is_answer, read_answer

_DEEPEST = 200


def read_document(body: bytes) -> Any:
    """JSON, XML or an XML-RPC answer, whichever it is, as plain data. Raises SourceAnswerInvalid."""
    if not is_xml(body):
        return decode(body)
    root = parse_xml(body)
    return read_answer(root) if is_answer(root) else {local(root.tag): plain(root)}


def is_xml(body: bytes) -> bool:
    """Whether the body is XML, which a web page is not."""
    start = body[:300].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(b"<") and not start.startswith((b"<!doctype html", b"<html"))


def parse_xml(body: bytes) -> Element:
    """Raises SourceAnswerInvalid for what is not well-formed, and for documents with a DTD or entities."""
    if not is_xml(body):
        # Says in the same words what came instead.
        decode(body)
        raise SourceAnswerInvalid("The source answered JSON where XML was expected.")
    try:
        root: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as failure:
        raise SourceAnswerInvalid(
            f"The source's answer is not valid XML ({type(failure).__name__}); it may have been cut off on its way."
        ) from None
    if _is_deep(root):
        raise SourceAnswerInvalid(
            f"The source's answer is not usable XML: it is nested over {_DEEPEST} levels."
        )
    return root


def _is_deep(root: Element) -> bool:
    """Whether elements are nested deeper than they can be read one inside the other."""
    level: list[Element] = [root]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element if len(child)]
        if not level:
            return False
    return True


def plain(element: Element) -> Any:
    """An element as data: text, None when empty, or a mapping of its children and of its attributes as `@name`.

    A child that comes several times is a list. Namespaces are left out. Text beside attributes is `#text`.
    """
    members: dict[str, Any] = {f"@{local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = local(child.tag), plain(child)
        if name not in members:
            members[name] = value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]
    text = element.text if element.text and (not element.text.isspace() or not len(element)) else None
    if not members:
        return text
    return members if text is None or len(element) else {**members, "#text": text}


def local(tag: str) -> str:
    """A name without its namespace."""
    return str(tag).rsplit("}", 1)[-1]


class XmlEnvelope:
    """Like `select.Envelope` for XML: `rows` names the elements from the root on, the row's own last."""

    def __init__(self, rows: str, beside: Mapping[str, str]) -> None:
        self._rows = steps(rows)
        self._beside = {name: steps(path) for name, path in beside.items() if path}

    def read(self, body: bytes) -> tuple[list[bytes] | None, dict[str, Any]]:
        """Raises SourceAnswerInvalid for a body that is not XML."""
        root = parse_xml(body)
        values = {name: _value(root, path) for name, path in self._beside.items()}
        *around, row = self._rows
        if not around:
            return ([encode(plain(root))] if local(root.tag) == row else None), values
        parents = _along(root, around)
        if not parents:
            return None, values
        return [encode(plain(e)) for parent in parents for e in parent if local(e.tag) == row], values


class XmlRpcEnvelope:
    """Like `select.Envelope` for XML-RPC; paths begin with `result`."""

    def __init__(self, rows: str, beside: Mapping[str, str]) -> None:
        self._rows = steps(rows)
        self._beside = {name: steps(path) for name, path in beside.items() if path}

    def read(self, body: bytes) -> tuple[list[bytes] | None, dict[str, Any]]:
        """Raises SourceAnswerInvalid for a body that is no answer of XML-RPC."""
        root = parse_xml(body)
        answer = read_answer(root) if is_answer(root) else {}
        rows = dig(answer, self._rows)
        values = {name: dig(answer, path) for name, path in self._beside.items()}
        return ([encode(row) for row in rows] if isinstance(rows, list) else None), values


def _along(root: Element, path: Iterable[str]) -> list[Element]:
    first, *rest = path
    found = [root] if local(root.tag) == first else []
    for step in rest:
        found = [child for element in found for child in element if local(child.tag) == step]
    return found


def _value(root: Element, path: list[str]) -> Any:
    *around, last = path
    if not last.startswith("@"):
        return next((plain(element) for element in _along(root, path)), None)
    name = last[1:]
    attributes = (element.attrib.items() for element in _along(root, around))
    return next((value for each in attributes for key, value in each if local(key) == name), None)


_ENVELOPES: dict[str, type[Envelope | XmlEnvelope | XmlRpcEnvelope]] = {
    "json": Envelope,
    "xml": XmlEnvelope,
    "xmlrpc": XmlRpcEnvelope,
}


def envelope(answer: str, rows: str, beside: Mapping[str, str]) -> Envelope | XmlEnvelope | XmlRpcEnvelope:
    """What cuts the rows out of answers of a kind, and reads the values beside them, by name."""
    return _ENVELOPES[answer](rows, beside)
