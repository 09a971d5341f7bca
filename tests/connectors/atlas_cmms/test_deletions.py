"""Atlas: what a reconciliation sees of deletions and archived records, and documents that are not finished."""

from appliance.runtime.connector import Connector
from tests.connectors.atlas_cmms.test_atlas_cmms import atlas, connector, key
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.atlas_cmms import Atlas

__all__ = ["atlas", "connector"]


def test_keys_alone_are_those_of_the_reads(connector: Connector) -> None:
    assert {"WorkOrder", "Asset", "ServiceRequest"} <= narrowed_reads_fit(connector)


def test_a_deleted_and_an_archived_record_are_gone(atlas: Atlas, connector: Connector) -> None:
    assert there(connector, "Asset") == {key("Asset", 3)}
    assert there(connector, "WorkOrder") == {key("WorkOrder", 400)}
    atlas.rows["work-orders"].clear()
    assert there(connector, "WorkOrder") == set()


def test_what_is_not_complete_or_not_decided_is_open(atlas: Atlas, connector: Connector) -> None:
    atlas.put("work-orders", id=401, status="COMPLETE", archived=False)
    assert open_keys(connector, "WorkOrder") == {key("WorkOrder", 400)}
    assert open_keys(connector, "ServiceRequest") == {key("ServiceRequest", 702)}
