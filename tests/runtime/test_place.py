"""Which host a source is on, as the ceilings of synchronization know it."""

import pytest

from appliance.runtime.place import host_of
from appliance.transport.files import Place
from appliance.transport.sql import Login


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://ERP.plant.example/sap", "erp.plant.example:443"),
        ("http://erp.plant.example", "erp.plant.example:80"),
        ("https://erp.plant.example:8443/a?b", "erp.plant.example:8443"),
        ("no address", None),
    ],
)
def test_two_addresses_of_one_server_are_one_host(base_url: str, host: str | None) -> None:
    assert host_of(base_url, None, None) == host


def test_databases_and_folders_have_hosts_and_folders_of_this_machine_have_none() -> None:
    login = Login("postgresql", "DB.plant.example", 0, "plant", "reader", "secret")
    assert host_of(None, login, None) == "db.plant.example"
    place = Place("sftp", "/out", host="files.plant.example", port=2222)
    assert host_of(None, None, place) == "files.plant.example:2222"
    assert host_of(None, None, Place("local", "/out")) is None
    assert host_of(None, None, None) is None
