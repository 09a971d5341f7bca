"""How connections and their runs tell of what happens to them, without knowing who listens."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Announce(Protocol):
    """Joins the caller's transaction. `describe` is called only when somebody listens (see webhooks.outbox)."""

    def __call__(
        self, name: str, connection_id: str | None, describe: Callable[[], Mapping[str, Any]]
    ) -> None: ...


def unheard(name: str, connection_id: str | None, describe: Callable[[], Mapping[str, Any]]) -> None:
    """For where nobody listens."""
