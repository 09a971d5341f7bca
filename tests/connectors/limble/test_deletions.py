"""Limble: what a reconciliation sees of deletions, and tasks that are not finished."""

from tests.connectors.limble.test_limble import connected, plant
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.limble import Limble

__all__ = ["plant"]


def test_keys_alone_are_those_of_the_reads_and_need_no_details(plant: Limble) -> None:
    connector = connected(plant)
    assert {"Asset", "PurchaseOrder", "Receipt"} <= narrowed_reads_fit(connector)
    plant.asked.clear()
    before = there(connector, "PurchaseOrder")
    assert {asked.path.strip("/") for asked in plant.asked} == {"po"}
    plant.rows["po"].pop()
    assert len(there(connector, "PurchaseOrder")) == len(before) - 1


def test_a_deleted_request_is_gone(plant: Limble) -> None:
    connector = connected(plant)
    before = there(connector, "ServiceRequest")
    plant.rows["work-requests/work-request-submissions"][0]["deletedAt"] = "2026-01-06 08:00:00"
    assert len(there(connector, "ServiceRequest")) == len(before) - 1


def test_tasks_are_open_until_they_are_complete(plant: Limble) -> None:
    connector = connected(plant)
    wanted = [row for row in plant.rows["tasks"] if not row["template"]]
    for row in wanted:
        row |= {"status": 0, "lastEdited": 1}
    assert len(open_keys(connector, "WorkOrder")) == len(wanted)
    wanted[0]["status"] = 1
    assert len(open_keys(connector, "WorkOrder")) == len(wanted) - 1
