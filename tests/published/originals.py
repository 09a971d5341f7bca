"""Where the published descriptions of systems are: in shared/data beside the checkout, or one level above."""

import json
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PLACES = [above / "shared" / "data" for above in (_ROOT.parent, _ROOT.parent.parent)]
DATA = next((place for place in _PLACES if place.is_dir()), None)


def original(name: str) -> Path:
    assert DATA is not None, "tests of originals are collected only where there are any"
    return DATA / name


def described(name: str) -> Any:
    """A description in JSON."""
    return json.loads(original(name).read_text("utf-8"))
