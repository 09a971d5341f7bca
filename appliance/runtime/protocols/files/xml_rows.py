"""Elements of an XML document as rows, each forgotten once it was read."""

from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from appliance.runtime.definition import XmlFormat
from appliance.runtime.protocols.files.broken import FileBroken, Rejected


def read(file: IO[bytes], form: XmlFormat) -> Iterator[dict[str, Any] | Rejected]:
    """Raises FileBroken for what is no XML, is cut off, or declares entities."""
    wanted = form.rows.strip("/").split("/")
    lists = frozenset(form.lists)
    above: list[Element] = []
    names: list[str] = []
    try:
        for event, element in ElementTree.iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                above.append(element)
                names.append(_local(element.tag))
                continue
            above.pop()
            if names == wanted:
                content = _content(element, lists)
                yield content if isinstance(content, dict) else {"#text": content}
            names.pop()
            if len(names) < len(wanted) and above:
                above[-1].remove(element)
    except DefusedXmlException as failure:
        raise FileBroken(f"it declares what XML from outside may not ({type(failure).__name__})") from None
    except (ParseError, ValueError) as failure:
        raise FileBroken(f"it is no complete XML ({failure})") from None


def _content(element: Element, lists: frozenset[str]) -> Any:
    """Text alone is text, empty is None; anything more is a mapping."""
    text = (element.text or "").strip() or None
    content: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _content(child, lists)
        if name in lists or isinstance(content.get(name), list):
            content.setdefault(name, []).append(value)
        elif name in content:
            content[name] = [content[name], value]
        else:
            content[name] = value
    if not content:
        return text
    return content if text is None else {**content, "#text": text}


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]
