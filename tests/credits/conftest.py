import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.quick import quick as quick

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "installer" / "issue_entitlement.py"


def run_tool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The issuer's tool, really run."""
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True, timeout=30
    )


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with issuer-private.pem and issuer.pem."""
    folder = tmp_path_factory.mktemp("issuer") / "keys"
    done = run_tool("keygen", folder)
    assert done.returncode == 0, done.stderr
    return folder


Issue = Callable[..., bytes]


@pytest.fixture
def issue(issuer: Path, tmp_path: Path) -> Issue:
    """Signs with the issuer's tool: `issue("ENT-1", credits=40, expires="2027-01-01", issued=...)`."""

    def sign(identity: str, *, credits: int, key: Path | None = None, **more: str) -> bytes:
        out = tmp_path / f"{identity}.json"
        flags = [part for name, value in more.items() for part in (f"--{name}", value)]
        done = run_tool(
            *("sign", "--key", key or issuer / "issuer-private.pem", "--id", identity),
            *("--customer", "Plant Example", "--credits", credits, "--out", out),
            *flags,
        )
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    return sign
