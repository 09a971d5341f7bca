"""The releases on a machine, the link to the one in use, and the unit that goes with it."""

from pathlib import Path

import pytest

from appliance.operations.upgrades.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Three releases with a unit each, the second in use."""
    prefix, unit = tmp_path / "opt", tmp_path / "units" / "appliance.service"
    unit.parent.mkdir()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        folder = prefix / version / "systemd"
        folder.mkdir(parents=True)
        (folder / unit.name).write_text(f"Description={version}\n")
    (prefix / "current").symlink_to("1.1.0")
    unit.write_text("Description=1.1.0\n")
    return Installation(prefix, unit)


def unit_of(installation: Installation) -> str:
    assert installation.unit is not None
    return installation.unit.read_text()


def test_the_unit_goes_with_the_release_there_and_back(installation: Installation) -> None:
    assert installation.flip("1.2.0") is None
    assert (installation.current(), unit_of(installation)) == ("1.2.0", "Description=1.2.0\n")
    assert installation.unit is not None and installation.unit.stat().st_mode & 0o777 == 0o644
    assert installation.flip("1.1.0") is None
    assert (installation.current(), unit_of(installation)) == ("1.1.0", "Description=1.1.0\n")


def test_a_unit_left_by_a_power_cut_is_put_right_though_the_link_is(installation: Installation) -> None:
    assert installation.unit is not None
    installation.unit.write_text("Description=1.2.0\n")
    assert installation.flip("1.1.0") is None
    assert unit_of(installation) == "Description=1.1.0\n"


def test_a_unit_changed_by_hand_stays_and_is_told(installation: Installation) -> None:
    assert installation.unit is not None
    installation.unit.write_text("Description=of the plant\n")
    told = installation.flip("1.2.0")
    assert told is not None and "was changed by hand" in told and "1.2.0/systemd/appliance.service" in told
    assert unit_of(installation) == "Description=of the plant\n"
    assert installation.current() == "1.2.0"


def test_no_unit_is_made_where_there_is_none(installation: Installation) -> None:
    assert installation.unit is not None
    installation.unit.unlink()
    assert installation.flip("1.2.0") is None and not installation.unit.exists()
    assert Installation(installation.prefix).flip("1.0.0") is None


def test_older_releases_and_what_attempts_left_go(installation: Installation) -> None:
    prefix = installation.prefix
    for left in (".bundle-x", ".1.3.0.new", "of the plant"):
        (prefix / left).mkdir()
    installation.clear()
    present = {file.name for file in prefix.iterdir()}
    assert present == {"1.0.0", "1.1.0", "1.2.0", "current", "of the plant"}
    installation.clear("1.1.0", "1.2.0")
    assert {file.name for file in prefix.iterdir()} == present - {"1.0.0"}
