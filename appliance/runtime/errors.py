"""What an answer of the source means: ordered rules of the connector, then the status codes.

The source's own message is kept where it gives one, shortened, on one line.
"""

import re
from collections.abc import Sequence
from typing import Any

from appliance.errors import (
    ApplianceError,
    SourceAccessDenied,
    SourceAnswerInvalid,
    SourceCredentialsRejected,
    SourceError,
    SourceThrottled,
    SourceUnreachable,
)
from appliance.runtime.definition import ErrorRule
from appliance.runtime.document import is_xml, read_document
from appliance.runtime.select import dig, steps
from appliance.transport.http import Response


class ResumeRefused(SourceError):
    """The source no longer knows the position a pass would go on from: begin the pass again."""

    code = "SOURCE_RESUME_REFUSED"
    retryable = True


class EndOfData(SourceError):
    """The source answers with an error where the rows end."""

    code = "SOURCE_END_OF_DATA"


# Where common systems put the text of an error (OData V2 and V4, JSON-RPC, XML-RPC, SOAP, REST in many shapes).
_MESSAGE_PATHS = (
    "error.message.value",
    "error.message",
    "error.data.message",
    "error.0",
    "error_description",
    "error",
    "message",
    "detail",
    "errors.0.message",
    "errors.0",
    "fault.faultString",
    "Envelope.Body.Fault.faultstring",
    "Envelope.Body.Fault.faultstring.#text",
    "Envelope.Body.Fault.Reason.Text.#text",
)


def raise_for(response: Response, rules: Sequence[ErrorRule], *, resuming: bool = False) -> None:
    """Raise what the answer means, or return when it is a good one.

    `resuming` says that the request asked for a kept position: an answer that the request is wrong then raises
    ResumeRefused.
    """
    for rule in rules:
        if _matches(rule, response):
            if rule.then == "ignore":
                return
            raise _meaning(rule.then, response, rule.advice)
    status = response.status
    if 200 <= status < 300:
        if _is_fault(response):
            raise _meaning("fail", response, "")
        return
    if resuming and status in (400, 404, 410):
        raise ResumeRefused("The source no longer knows the page to go on from; the pass begins again.")
    if status == 401:
        raise _meaning("credentials", response, "")
    if status == 403:
        raise _meaning("denied", response, "")
    if status == 429:
        raise _meaning("throttled", response, "")
    if status in (408, 502, 503, 504):
        raise _meaning("unavailable", response, "")
    if 300 <= status < 400:
        raise SourceAnswerInvalid(
            "The source sends us to another address. Enter the final address of its interface, "
            "with https and without a login page before it.",
            details={"status": status},
        )
    raise _meaning("fail", response, "")


def _matches(rule: ErrorRule, response: Response) -> bool:
    if rule.status and response.status not in rule.status:
        return False
    if not rule.path:
        return not rule.contains or rule.contains in response.text(20_000)
    value = dig(_body(response), steps(rule.path))
    return value is not None and (not rule.contains or rule.contains in str(value))


def _meaning(kind: str, response: Response, advice: str) -> ApplianceError:
    said = source_message(response)
    tail = f" It said: {said}" if said else ""
    details = {"status": response.status, "source_message": said}
    match kind:
        case "credentials":
            text = advice or "Check user name and password, and that the user is not locked in the source."
            return SourceCredentialsRejected(
                f"The source rejects the credentials. {text}{tail}", details=details
            )
        case "denied":
            text = advice or "Give the user the rights named in the connector's guide."
            return SourceAccessDenied(f"The source denies access. {text}{tail}", details=details)
        case "throttled":
            return SourceThrottled(
                f"The source asks for fewer requests.{tail}",
                retry_after=retry_after(response),
                details=details,
            )
        case "unavailable":
            return SourceUnreachable(
                f"The source is not available now (status {response.status}). {advice}{tail}".replace(
                    "  ", " "
                ),
                details=details,
            )
        case "end":
            return EndOfData("There are no more rows.")
        case "restart":
            return ResumeRefused("The source no longer knows the page to go on from; the pass begins again.")
    text = advice or "Look the message up in the source's documentation."
    return SourceError(
        f"The source refused the request (status {response.status}). {text}{tail}", details=details
    )


def retry_after(response: Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d{1,6}", value) else None


def source_message(response: Response) -> str:
    """The source's own words, at most 300 characters; empty when it gave none that can be read."""
    body = _body(response)
    if body is not None:
        for path in _MESSAGE_PATHS:
            value = dig(body, steps(path))
            if isinstance(value, str) and value.strip():
                return _one_line(value)
        if not is_xml(response.body):
            return ""
    text = response.text(4000)
    title = re.search(r"<(?:title|message)[^>]*>([^<]{1,300})<", text, re.IGNORECASE)
    if title and not re.match(r"\s*\d{3}\b", title[1]):
        return _one_line(title[1])
    return "" if "<" in text else _one_line(text)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:300]


def _is_fault(response: Response) -> bool:
    """Whether a good status carries a fault of XML-RPC, which has no other, or of SOAP."""
    head = response.body[:4000]
    return (b"<methodResponse" in head and b"<fault>" in head) or (
        b"Envelope" in head and re.search(rb"<(\w+:)?Fault[ >]", head) is not None
    )


def _body(response: Response) -> Any:
    try:
        return read_document(response.body)
    except SourceAnswerInvalid:
        return None
