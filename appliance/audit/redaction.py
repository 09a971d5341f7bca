"""Takes secrets out of what is logged: by the name of a member, and wherever one of our own tokens stands.

What cannot be understood is left out as a whole rather than searched.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

MASK = "********"
DEEPEST = 40

_SECRET_NAME = re.compile(
    r"pass(?:word|phrase|wd)|secret|token|credential|authorization|cookie|api[_-]?key|private[_-]?key|client[_-]?key"
    r"|signature|verifier|assertion|certificate|^pin$|^pwd$|^auth$",
    re.I,
)
_OUR_TOKENS = re.compile(r"\b(?:apl|apk|apt|aps|apr|apc|set|ses|vis|whk|whsec)_[A-Za-z0-9_-]{16,}")
# Harmless, though their names look otherwise.
_HARMLESS = frozenset({"token_type", "next_cursor", "connection_token_hint"})


def is_secret(name: str) -> bool:
    """Whether a member, parameter or header of this name holds a secret."""
    return name.lower() not in _HARMLESS and _SECRET_NAME.search(name) is not None


def redact(value: Any, extra: frozenset[str] = frozenset(), depth: int = 0) -> Any:
    """Plain data without its secrets; `extra` names are secret here, too."""
    if depth > DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {
            redact_text(str(name)): MASK
            if inner is not None and (is_secret(str(name)) or name in extra)
            else redact(inner, extra, depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [redact(inner, extra, depth + 1) for inner in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    return _OUR_TOKENS.sub(MASK, text)


def shown_path(path: str) -> str:
    """A path as it may be logged: below `/hooks/` it is a secret, whatever it looks like."""
    return f"/hooks/{MASK}" if path.startswith("/hooks/") else redact_text(path)


def redact_query(query: str, extra: frozenset[str] = frozenset()) -> str:
    """A query string or the body of a form without its secrets."""
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    return urlencode(
        [(name, MASK if is_secret(name) or name in extra else redact_text(value)) for name, value in pairs],
        safe="[]:*,",
    )


def redact_body(content: bytes, mimetype: str, extra: frozenset[str] = frozenset()) -> Any:
    """A JSON or form body as plain data; None for others and for what cannot be read."""
    try:
        if mimetype == "application/x-www-form-urlencoded":
            return redact_query(content.decode("utf-8", "replace"), extra)
        # Bodies without a type are read as JSON, as the views do.
        if mimetype in ("application/json", "") and content:
            return redact(msgspec.json.decode(content), extra)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return None
