"""A call of a function module as a SOAP 1.1 envelope, and its answer as plain data.

Parameters carry no namespace, rows of a table are `item` elements, and a slash in a name is written `_-`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceError
from appliance.runtime.definition import ErrorRule, Http, RequestTemplate
from appliance.runtime.document import local, parse_xml
from appliance.runtime.request import compile_request
from appliance.runtime.source import Source

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_RFC = "urn:sap-com:document:sap:rfc:functions"

_FAULT = (500,)
RULES = (
    ErrorRule(
        status=(404,),
        then="fail",
        advice="Activate the node /sap/bc/soap/rfc in transaction SICF of that system.",
    ),
    ErrorRule(
        status=_FAULT,
        contains="NOT_AUTHORIZED",
        then="denied",
        advice="Give the user S_TABU_NAM for the table.",
    ),
    ErrorRule(
        status=_FAULT,
        contains="RFC_NO_AUTHORITY",
        then="denied",
        advice="Give the user S_RFC for the function module or its group.",
    ),
    ErrorRule(
        status=_FAULT,
        contains="TABLE_NOT_AVAILABLE",
        then="fail",
        advice="The system has no such table or view.",
    ),
    ErrorRule(
        status=_FAULT,
        contains="FIELD_NOT_VALID",
        then="fail",
        advice="The table lacks one of the columns asked for.",
    ),
    ErrorRule(
        status=_FAULT, contains="OPTION_NOT_VALID", then="fail", advice="The condition `where` is not right."
    ),
    ErrorRule(
        status=_FAULT,
        contains="DATA_BUFFER_EXCEEDED",
        then="fail",
        advice="The row is too wide for this module: lower `width`.",
    ),
)
"""What ABAP exceptions in a fault mean; the key of the exception stands in the fault's text or detail."""


class RfcNode:
    """The node of one system. `path` leads to it from `http.base_url`."""

    def __init__(self, source: Source, http: Http, path: str, *, where: str) -> None:
        self._source = source
        template = RequestTemplate(
            method="POST",
            path=path,
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": _RFC, "Accept": "text/xml"},
        )
        self._request = compile_request(template, http, where=where, safe=True)

    def call(self, function: str, parameters: Mapping[str, Any], *, safe: bool = True) -> dict[str, Any]:
        """Call a module and give what it exports. Raises SourceError with the words of a fault.

        A call that is `safe`, since the module only reads, may be repeated.
        """
        body = encode_call(function, parameters)
        request = replace(self._request(self._source.fields), body=body, safe=safe)
        response = self._source.send(request, rules=RULES)
        return decode_answer(response.body, function)


def encode_call(function: str, parameters: Mapping[str, Any]) -> bytes:
    """Values are texts, numbers, mappings (structures) or lists of mappings (tables; an empty one comes back filled).

    Raises ConfigurationError for another kind of value.
    """
    name = _written_name(function)
    inner = "".join(_written(key, value) for key, value in parameters.items() if value is not None)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="{_SOAP}"><s:Body><f:{name} xmlns:f="{_RFC}">{inner}</f:{name}></s:Body></s:Envelope>'
    ).encode()


def decode_answer(body: bytes, function: str) -> dict[str, Any]:
    """The parameters of the answer: texts, mappings, lists. Raises SourceAnswerInvalid for another envelope."""
    root = parse_xml(body)
    wanted = f"{_written_name(function)}.Response"
    found = next((element for element in root.iter() if local(element.tag) == wanted), None)
    if found is None:
        raise SourceAnswerInvalid(f"The answer of SAP holds no {wanted}.")
    return {_read_name(child): _read(child) for child in found}


def rows_of(value: Any) -> list[Any]:
    """A table of an answer. An empty one is an empty text in it, a single structure a list of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def raise_for_messages(messages: Any, source: Source) -> None:
    """Raise SourceError for a BAPI's return table or structure that holds an error (E), abort (A) or exit (X)."""
    failed = [
        row for row in rows_of(messages) if isinstance(row, dict) and row.get("TYPE") in ("E", "A", "X")
    ]
    if failed:
        said = source.cleaned("; ".join(_message(row) for row in failed[:5]))
        raise SourceError(f"SAP refused the call. It said: {said}", details={"source_message": said})


def _message(row: Mapping[str, Any]) -> str:
    number = f"{row.get('ID') or ''} {row.get('NUMBER') or row.get('CODE') or ''}".strip()
    return f"{row.get('MESSAGE') or ''} ({number})".strip() if number else str(row.get("MESSAGE") or "")


def _written(key: str, value: Any) -> str:
    name = _written_name(key)
    match value:
        case list() | tuple():
            inner = "".join(_written("item", row) for row in value)
        case Mapping():
            inner = "".join(_written(member, part) for member, part in value.items() if part is not None)
        case bool():
            inner = "X" if value else ""
        case str() | int():
            inner = escape(str(value))
        case _:
            raise ConfigurationError(
                f"The parameter {key} cannot be {type(value).__name__}; write it as text."
            )
    return f"<{name}>{inner}</{name}>"


def _read(element: Element) -> Any:
    if not len(element):
        return element.text or ""
    if all(local(child.tag) == "item" for child in element):
        return [_read(child) for child in element]
    return {_read_name(child): _read(child) for child in element}


def _written_name(name: str) -> str:
    return escape(name).replace("/", "_-")


def _read_name(element: Element) -> str:
    return local(element.tag).replace("_-", "/")
