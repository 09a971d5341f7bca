"""A file that is sent along with a write."""

import base64
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Upload:
    """Lies at `path` until the write is done; `size` in bytes. `name` has no folders in it."""

    path: Path
    name: str
    content_type: str
    size: int

    def read(self) -> bytes:
        return self.path.read_bytes()

    def base64(self) -> str:
        return base64.b64encode(self.read()).decode()

    def __str__(self) -> str:
        return self.name
