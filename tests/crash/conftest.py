from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """A data directory for the real program, which the test starts."""
    with Program(tmp_path) as made:
        yield made
