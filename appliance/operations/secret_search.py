"""Takes known secrets out of any text by their value, in whatever form they stand there, and counts them.

What the redaction of the request log does by name does not help with free text, such as log lines and messages of
sources. Here every secret that there is gets searched for, and besides that whatever has the form of one.
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from appliance.audit.redaction import MASK

SHORTEST = 4
"""Shorter values, such as a PIN of three digits, stand everywhere by chance."""

# What has the form of a secret, whosever it is; the first group stays.
_SHAPES = re.compile(
    r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|()\b(?:apl|apk|apt|aps|apr|apc|set|ses|vis|whk|whsec)_[A-Za-z0-9_-]{16,}"
    r"|()\bey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
    r"|(\b[a-z][a-z0-9+.-]*://)[^\s/@:\"']+:[^\s/@\"']+(?=@)"
    r"|(\b(?:Bearer|Basic|Digest|Negotiate|NTLM) )[A-Za-z0-9+/_.=~-]{8,}"
    r"|((?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token|refresh[_-]?token)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s\"',;&<>{}]{4,}",
    re.I | re.S,
)


class Redacted(NamedTuple):
    text: str
    places: int


class SecretSearch:
    """`values` are secrets in plain; they are held in memory only, for as long as this is."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        # The longest first: a secret may be the beginning of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def redact(self, text: str) -> Redacted:
        """The text without secrets, and how many places were masked."""
        known = 0
        if self._known is not None:
            text, known = self._known.subn(MASK, text)
        text, shaped = _SHAPES.subn(lambda match: f"{match[match.lastindex or 1]}{MASK}", text)
        return Redacted(text, known + shaped)

    def holds(self, text: str) -> bool:
        """Whether a known secret stands in a text."""
        return self._known is not None and self._known.search(text) is not None


def _forms(value: str) -> set[str]:
    """How a value may stand in a text: plain, in JSON, in an address, in Base64, and each of its lines."""
    content = value.encode()
    encoded = {
        base64.b64encode(content).decode().rstrip("="),
        base64.urlsafe_b64encode(content).decode().rstrip("="),
    }
    lines = {line for line in value.splitlines() if len(line) >= 16 and not line.startswith("-----")}
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        quote_plus(value),
        *encoded,
        *lines,
    }
