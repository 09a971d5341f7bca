"""Routes that cost little to declare."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class Route(Rule):
    """Compiles what builds its address when that is first asked for.

    Compiling it is most of what a route costs at the start, and of most routes no address is ever built. A werkzeug
    that calls it by another name than here compiles at once, as it did before.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        made: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            nonlocal made
            if made is None:
                made = compile_now(append_unknown)
            return made(rule, **values)

        return build
