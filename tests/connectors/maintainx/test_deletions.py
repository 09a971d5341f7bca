"""MaintainX: what a reconciliation sees of deletions, and work orders that are not finished."""

from tests.connectors.maintainx.test_maintainx import connected, plant
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.maintainx import MaintainX

__all__ = ["plant"]


def test_keys_alone_are_those_of_the_reads_and_need_no_details(plant: MaintainX) -> None:
    plant.rows["/workorders"][0]["deletedAt"] = None
    connector = connected(plant)
    assert {"WorkOrder", "PurchaseOrder"} <= narrowed_reads_fit(connector, ["WorkOrder", "PurchaseOrder"])
    plant.asked.clear()
    there(connector, "PurchaseOrder")
    assert {asked.path for asked in plant.asked} == {"/purchaseorders"}


def test_a_work_order_that_is_deleted_and_a_plan_that_is_archived_are_gone(plant: MaintainX) -> None:
    connector = connected(plant)
    orders, plans = there(connector, "WorkOrder"), there(connector, "PreventiveMaintenance")
    plant.rows["/workorders"][0]["deletedAt"] = "2026-01-06T08:00:00.000Z"
    plant.rows["/maintenanceplans"][0]["archivedAt"] = "2026-01-06T08:00:00.000Z"
    assert len(there(connector, "WorkOrder")) == len(orders) - 1
    assert len(there(connector, "PreventiveMaintenance")) == len(plans) - 1


def test_work_orders_are_open_until_they_are_done(plant: MaintainX) -> None:
    connector = connected(plant)
    for row in plant.rows["/workorders"]:
        row["status"] = "ON_HOLD"
    everything = open_keys(connector, "WorkOrder")
    assert len(everything) == len(plant.rows["/workorders"])
    plant.rows["/workorders"][0]["status"] = "SKIPPED"
    assert len(open_keys(connector, "WorkOrder")) == len(everything) - 1
