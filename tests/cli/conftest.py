import io
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.__main__ import main
from tests.support.command import Ended, Program
from tests.support.quick import quick as quick

PASSWORD = "a long enough passphrase"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


Call = Callable[..., Ended]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """A command without a process of its own, for the many ways in which one can be wrong."""

    def run(*command: str, given: str = "", **variables: str) -> Ended:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        status = main([*command, "--set", f"data_dir={tmp_path / 'data'}"])
        captured = capsys.readouterr()
        return Ended(status, captured.out, captured.err)

    return run


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return file
