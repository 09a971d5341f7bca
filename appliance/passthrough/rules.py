"""Which requests a connection may hand on: `GET /odata/**`, `POST /orders/*/confirm`, `SQL`.

`*` stands for one part of a path, `**` at the end for everything below. A path is looked at as the source will read
it, and refused when it could mean another one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from appliance.errors import InvalidInput, PermissionDenied

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_RULES = 100
LONGEST_PATH = 2_000
_RULE = re.compile(r"(GET|POST|PUT|PATCH|DELETE|\*) (/[^\s?#]*)|SQL")


class PathRefused(InvalidInput):
    """The path handed on could be read as another one."""

    code = "PASSTHROUGH_PATH_INVALID"


class PassthroughClosed(PermissionDenied):
    """No rule of the connection opens this request; an administrator can add one."""

    code = "PASSTHROUGH_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class Rules:
    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Raises InvalidInput naming the rule that is none."""
        if len(texts) > MOST_RULES:
            raise InvalidInput(f"At most {MOST_RULES} rules.")
        for text in texts:
            if not isinstance(text, str) or len(text) > 300 or not _RULE.fullmatch(text) or _climbs(text):
                raise InvalidInput(
                    f"{text!r:.80} is no rule. Write a method and a path, such as `GET /orders/**`, or `SQL`.",
                    details={"rule": str(text)[:80]},
                )
        return cls(tuple(dict.fromkeys(texts)))

    def check(self, method: str, path: str) -> None:
        """Raises PathRefused for a path that could be misread, PassthroughClosed when no rule admits it."""
        parts = decoded(path).split("/")
        for text in self.texts:
            wanted, _, pattern = text.partition(" ")
            if pattern and wanted in (method, "*") and _matches(pattern.split("/"), parts):
                return
        self._refuse(f"{method} {path[:200]}")

    def check_sql(self) -> None:
        """Raises PassthroughClosed."""
        if "SQL" not in self.texts:
            self._refuse("SQL")

    def _refuse(self, what: str) -> None:
        open_for = ", ".join(self.texts) or "nothing"
        raise PassthroughClosed(
            f"This connection may not hand on {what}. An administrator can open it. Open is: {open_for}.",
            details={"allowed": list(self.texts)},
        )


def decoded(path: str) -> str:
    """The path as the source reads it. Raises PathRefused when that is not certain."""
    if not path.startswith("/") or len(path) > LONGEST_PATH:
        raise PathRefused(f"A path begins with / and has at most {LONGEST_PATH} characters.")
    once = unquote(path)
    odd = re.search(r"[\\?#\x00-\x20\x7f]|//", once)
    if odd or unquote(once) != once or _climbs(once):
        raise PathRefused(
            "The path holds what a source could read as another path: .., //, a backslash, ?, # or a blank, perhaps"
            " encoded. Send the query in `query`."
        )
    return once


def _climbs(path: str) -> bool:
    return any(part.split(";")[0] in (".", "..") for part in path.split("/"))


def _matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    if pattern[-1] == "**":
        return len(parts) >= len(pattern) and _same(pattern[:-1], parts[: len(pattern) - 1])
    return len(parts) == len(pattern) and _same(pattern, parts)


def _same(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    return all(
        wanted == part or (wanted == "*" and part != "") for wanted, part in zip(pattern, parts, strict=True)
    )
