"""What an answer of the source means: ordered rules of the connector, then the status codes.

The source's own message is kept where it gives one, shortened, on one line.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

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
from appliance.runtime.select import dig, key_decoder, steps
from appliance.transport.http import Response


class ResumeRefused(SourceError):
    """The source no longer knows the position a pass would go on from: begin the pass again."""

    code = "SOURCE_RESUME_REFUSED"
    retryable = True


class EndOfData(SourceError):
    """The source answers with an error where the rows end."""

    code = "SOURCE_END_OF_DATA"


class EndOfPages(EndOfData):
    """The source answers with an error after its last page; on the first page the same answer is a failure."""

    code = "SOURCE_REFUSED_PAGE"


class CannotFilter(SourceError):
    """The source refuses to filter or order as it was asked to; there may be another way to ask."""

    code = "SOURCE_CANNOT_FILTER"


# Where common systems put the text of an error (OData V2 and V4, JSON-RPC, XML-RPC, SOAP, REST in many shapes).
_MESSAGE_PATHS = (
    "error.message.value",
    "error.data.message",
    "error.message",
    "error.innererror.message",
    "error.1.0",
    "error.0",
    "error_description",
    "error",
    "Error.message",
    "message",
    "msg",
    "detail",
    "errors.0.message",
    "errors.0.error",
    "errors.0",
    "o:errorDetails.0.detail",
    "exception",
    "fault.faultString",
    "Envelope.Body.Fault.faultstring",
    "Envelope.Body.Fault.faultstring.#text",
    "Envelope.Body.Fault.Reason.Text.#text",
)

# What ASP.NET says when the words stand further inside.
_NOTHING_SAID = "An error has occurred."


def raise_for(
    response: Response, rules: Sequence[ErrorRule], *, resuming: bool = False, secrets: Sequence[str] = ()
) -> None:
    """Raise what the answer means, or return when it is a good one.

    `resuming` says that the request asked for a kept position: an answer that the request is wrong then raises
    ResumeRefused. `secrets` are taken out of what the source says, since some systems repeat what they were sent.
    """
    rule = matching(rules, response)
    if rule is not None:
        if rule.then == "ignore":
            return
        raise _meaning(rule.then, response, rule.advice, secrets, rule.wait)
    status = response.status
    if 200 <= status < 300:
        if _is_fault(response):
            raise _meaning("fail", response, "", secrets)
        return
    if resuming and status in (400, 404, 410):
        raise ResumeRefused("The source no longer knows the page to go on from; the pass begins again.")
    if status == 401:
        raise _meaning("credentials", response, "", secrets)
    if status == 403:
        raise _meaning("denied", response, "", secrets)
    if status == 429:
        raise _meaning("throttled", response, "", secrets)
    if status in (408, 502, 503, 504):
        raise _meaning("unavailable", response, "", secrets)
    if status == 500 and not _is_fault(response):
        raise _meaning("broken", response, "", secrets)
    if 300 <= status < 400:
        raise SourceAnswerInvalid(
            "The source sends us to another address. Enter the final address of its interface, "
            "with https and without a login page before it.",
            details={"status": status},
        )
    raise _meaning("fail", response, "", secrets)


def matching(rules: Sequence[ErrorRule], response: Response) -> ErrorRule | None:
    """The first rule that an answer meets."""
    return next((rule for rule in rules if _matches(rule, response)), None)


def _matches(rule: ErrorRule, response: Response) -> bool:
    if rule.status and response.status not in rule.status:
        return False
    if not rule.path:
        return not rule.contains or rule.contains in response.text(20_000)
    if rule.path.startswith("fault.") and not _is_fault(response):
        # Spares reading all of a good answer of XML-RPC once a rule.
        return False
    value = _value_at(rule.path, response)
    return value is not None and (not rule.contains or rule.contains in str(value))


def _value_at(path: str, response: Response) -> Any:
    """The value at a path of the body, without decoding the rows of a good answer."""
    try:
        (value,) = _looking_at(path)(response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The path leads through a list, or the body is no JSON.
        return dig(_body(response), steps(path))
    return value


@lru_cache(256)
def _looking_at(path: str) -> Callable[[bytes], list[Any]]:
    return key_decoder([path])


def _meaning(
    kind: str, response: Response, advice: str, secrets: Sequence[str], wait: str = ""
) -> ApplianceError:
    said = source_message(response, secrets)
    tail = f" It said: {said}" if said else ""
    details = {"status": response.status, "source_message": said}
    match kind:
        # An authenticator signs in again on `reauthorize`; what is refused even then is refused for good.
        case "credentials" | "reauthorize":
            text = advice or "Check user name and password, and that the user is not locked in the source."
            return SourceCredentialsRejected(
                f"The source rejects the credentials. {text}{tail}", details=details
            )
        case "denied":
            text = advice or "Give the user the rights named in the connector's guide."
            return SourceAccessDenied(f"The source denies access. {text}{tail}", details=details)
        case "throttled":
            text = advice or (
                "Let other programs that use the same account ask less, or have its limit raised in the source."
            )
            return SourceThrottled(
                f"The source asks for fewer requests. {text}{tail}",
                retry_after=retry_after(response) or _advised(wait, response),
                details=details,
            )
        case "unavailable":
            text = advice or "Check that it is up, and that no maintenance is under way."
            return SourceUnreachable(
                f"The source is not available now (status {response.status}). {text}{tail}", details=details
            )
        case "broken":
            return SourceError(
                f"The source met an error of its own (status {response.status}). "
                f"Look into the log of the source at this time.{tail}",
                details=details,
            )
        case "end":
            return EndOfData("There are no more rows.")
        case "restart":
            return ResumeRefused("The source no longer knows the page to go on from; the pass begins again.")
    text = advice or "Look the message up in the source's documentation."
    refused = {"end_of_pages": EndOfPages, "cannot_filter": CannotFilter}.get(kind, SourceError)
    return refused(
        f"The source refused the request (status {response.status}). {text}{tail}", details=details
    )


def retry_after(response: Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d{1,6}", value) else None


def _advised(path: str, response: Response) -> float | None:
    """Seconds to wait, from the milliseconds at a path of the body."""
    told = str(_value_at(path, response)) if path else ""
    return int(told) / 1000 if re.fullmatch(r"\d{1,9}", told) else None


def source_message(response: Response, secrets: Sequence[str] = ()) -> str:
    """The source's own words, at most 300 characters; empty when it gave none that can be read."""
    said = _said(response)
    if said.lstrip().startswith("Traceback ("):
        # Python's own, as XML-RPC servers send it: only its last line says what happened.
        said = said.strip().splitlines()[-1]
    return cleaned(said, secrets)


def cleaned(said: str, secrets: Sequence[str]) -> str:
    """Words of a source on one line, without secrets, at most 300 characters."""
    for secret in secrets:
        # Whole words only: a short password may be part of a common one.
        said = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", said)
    return _one_line(said)


def _said(response: Response) -> str:
    body = _body(response)
    if body is not None:
        reasons = _gateway_reasons(body)
        if reasons:
            return "; ".join(reasons)
        for path in _MESSAGE_PATHS:
            value = dig(body, steps(path))
            if isinstance(value, str) and value.strip() and value != _NOTHING_SAID:
                return value
        if not is_xml(response.body):
            return _of_fields(body)
    text = response.text(4000)
    title = re.search(r"<(?:title|message)[^>]*>([^<]{1,300})<", text, re.IGNORECASE)
    if title and not re.match(r"\s*\d{3}\b", title[1]):
        return title[1]
    return "" if "<" in text else text


def _of_fields(body: Any) -> str:
    """What is said of the first field, where the answer is lists of words by field, as Django's forms give them."""
    if not isinstance(body, dict) or not all(isinstance(said, list) for said in body.values()):
        return ""
    for name, said in body.items():
        words = next((one if isinstance(one, str) else _of_fields(one) for one in said), "")
        if words:
            return words if name == "non_field_errors" else f"{name}: {words}"
    return ""


def _gateway_reasons(body: Any) -> list[str]:
    """The errors that SAP Gateway lists below a message that says nothing, without its own generic entry."""
    listed = dig(body, steps("error.innererror.errordetails"))
    found = [
        str(one["message"]).strip()
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
        and one.get("message")
        and one.get("severity", "error") == "error"
        and not str(one.get("code")).startswith("/IWBEP/CX_")
    ]
    return list(dict.fromkeys(found))


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
