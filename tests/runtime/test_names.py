"""Which names templates may use."""

from appliance.runtime.checking.names import foreign_names
from tests.runtime.opened import catalog


def test_packaged_connectors_use_no_name_that_nothing_provides() -> None:
    assert {d.system: foreign_names(d) for d in catalog().definitions() if foreign_names(d)} == {}
