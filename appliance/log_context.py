"""What a thread works on while it logs: the run or the request, which every line then names."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class About(NamedTuple):
    """`kind` is `run_id` or `request_id`."""

    kind: str
    id: str


_about: ContextVar[About | None] = ContextVar("about", default=None)


def current() -> About | None:
    """None outside of both."""
    return _about.get()


def begin(kind: str, of: str) -> None:
    """From now on in this thread, until the next one."""
    _about.set(About(kind, of))


def end() -> None:
    """Nothing is worked on in this thread any more."""
    _about.set(None)


@contextmanager
def about(kind: str, of: str) -> Iterator[None]:
    """Inside of the block."""
    token = _about.set(About(kind, of))
    try:
        yield
    finally:
        _about.reset(token)
