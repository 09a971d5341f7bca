"""A filled appliance whose backups go to a folder."""

from pathlib import Path
from typing import Any

from appliance.app import Appliance
from appliance.clock import Clock
from appliance.setting_kinds import BackupPlace
from tests.support.appliance import Appliances, connect_sandbox, work

HOUR = 3600


def opened(appliances: Appliances, place: Path, clock: Clock | None = None, **settings: Any) -> Appliance:
    return appliances.open(clock, backup_target=BackupPlace("folder", str(place)), **settings)


def filled(appliances: Appliances, place: Path, clock: Clock | None = None, **settings: Any) -> Appliance:
    """With the sample data, synchronized once."""
    appliance = opened(appliances, place, clock, **settings)
    connect_sandbox(appliance)
    work(appliance)
    return appliance


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())
