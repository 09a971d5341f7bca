"""What requests and urllib3 raise, as our errors.

The originals hold whole URLs and header values; only a few words of them are taken over, and the caller
raises the result outside its `except`, so that no traceback carries them along.
"""

import ssl

import requests.exceptions as rq
import urllib3.exceptions as u3

from appliance.errors import ApplianceError, InvalidInput, SourceAnswerInvalid
from appliance.transport.errors import unreachable
from appliance.transport.stages import explain_tls


def translated(
    error: Exception, host: str, port: int, read_timeout: float, out_of_time: bool
) -> ApplianceError:
    """The error to raise for `error`, met after the connection to `host:port` was made.

    `out_of_time`: the total time of the request is used up, so that this and not the source is to blame.
    """
    if isinstance(error, rq.InvalidHeader | UnicodeEncodeError):
        return InvalidInput(
            "A request header holds characters that HTTP does not allow. Check the credentials."
        )
    if isinstance(
        error, rq.InvalidURL | rq.MissingSchema | rq.InvalidSchema | u3.LocationParseError | ValueError
    ):
        return InvalidInput("The address is not an http or https URL. Check the address of the connection.")
    causes = _causes(error)
    if any(isinstance(cause, u3.DecodeError | rq.ContentDecodingError) for cause in causes):
        return SourceAnswerInvalid(
            f"The answer of {host} cannot be decompressed. Check for a proxy or gateway that alters answers.",
            details={"host": host},
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            words, check = explain_tls(cause)
            return unreachable(
                "tls", host, port, words, f"TLS with {host} port {port} failed: {words}. {check}."
            )
    cause_text, check = _broken(causes, read_timeout, out_of_time)
    return unreachable(
        "read", host, port, cause_text, f"No complete answer from {host}: {cause_text}. {check}."
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error and those wrapped in it, outermost first."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 12:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting.extend((*item.args, item.__cause__, getattr(item, "reason", None)))
    return found


def _broken(causes: list[BaseException], read_timeout: float, out_of_time: bool) -> tuple[str, str]:
    for cause in causes:
        if isinstance(cause, u3.ReadTimeoutError | TimeoutError):
            if out_of_time:
                return (
                    "the total time for the request is used up",
                    "Ask for smaller pages or raise the total time",
                )
            return (
                f"nothing came for {read_timeout:g} s",
                "The system is overloaded, or the read time-out too short",
            )
        if isinstance(cause, u3.IncompleteRead):
            return "the answer was cut off", "Check gateways and proxies between, and the system's own log"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "the connection was closed", "Check the system's own log; it may demand a client certificate"
    return "the connection was closed", "Check the system's own log and the gateways between"
