"""Which addresses an endpoint may have."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from appliance.errors import ApplianceError
from appliance.webhooks.errors import WebhookInvalid

LONGEST_ADDRESS = 1000
_VISIBLE = re.compile(r"[\x21-\x7e]+")

CheckHost = Callable[[str], bool]
"""Whether a host is this machine itself. Raises EgressRefused for one that may not be called."""


def check_address(url: object, check_host: CheckHost, *, may_be_here: bool) -> str:
    """The address, checked: https, or http to this machine itself where `may_be_here`.

    This machine is closed to whoever holds no more than a connection's token: what listens here often trusts its
    neighbors. Raises WebhookInvalid, EgressRefused.
    """
    if not isinstance(url, str) or not url.strip():
        raise _refused("is required", "https://…")
    text = url.strip()
    if len(text) > LONGEST_ADDRESS or not _VISIBLE.fullmatch(text):
        raise _refused(
            f"has at most {LONGEST_ADDRESS} characters, all plain ASCII without blanks", "https://…"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("https", "http"):
        raise _refused("is an https address such as https://portal.example/hooks", "https://…")
    if parts.username is not None or parts.password is not None:
        raise _refused(
            "may not hold user or password; the signature tells who sends", "without user and password"
        )
    if parts.fragment or text.endswith("#"):
        raise _refused("may not have a fragment", "without #")
    is_here = check_host(host)
    if is_here and not may_be_here:
        raise _refused(
            "may not lead to the appliance's own machine; an administrator can set that", "elsewhere"
        )
    if parts.scheme == "http" and not is_here:
        raise _refused("begins with https; plain http is for the appliance's own machine only", "https://…")
    return text


def _refused(rule: str, short: str) -> ApplianceError:
    return WebhookInvalid(f"The address (url) {rule}.", details={"fields": {"url": short}})
