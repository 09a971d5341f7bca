"""The test cache builds once, and does not trust what an interrupted build left behind."""

from pathlib import Path

import pytest

from tests.real.cache import build_once


def test_a_finished_build_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_TEST_CACHE", str(tmp_path))
    built: list[Path] = []
    assert build_once("thing", built.append) == build_once("thing", built.append) == tmp_path / "thing"
    assert built == [tmp_path / "thing"]


def test_an_interrupted_build_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_TEST_CACHE", str(tmp_path))

    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_once("thing", interrupted)
    folder = build_once("thing", lambda folder: (folder / "whole").touch())
    assert [path.name for path in sorted(folder.iterdir())] == [".complete", "whole"]
