"""Maintenance: what stops, what waits, what stays, and that everything goes on from where it was."""

import threading

from flask.testing import FlaskClient

from appliance.app import Appliance
from appliance.engine_room import engine_of
from appliance.server.wsgi import create_app
from tests.support.appliance import Appliances, connect_sandbox, synchronize
from tests.support.plant import CONNECTORS, Asked, Plant, connect_plant
from tests.support.program import wait_until

WHY = "the network is rebuilt"


def client_of(appliance: Appliance) -> tuple[FlaskClient, str]:
    return create_app(appliance).test_client(), connect_sandbox(appliance).token


def test_the_api_answers_503_and_when_to_come_again(appliances: Appliances) -> None:
    appliance = appliances.open()
    client, token = client_of(appliance)
    appliance.maintenance.begin("anna", WHY)
    for path in ("/api/erp/purchase-orders", "/sync-status", "/api/system/credits", "/link/unknown"):
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (503, "MAINTENANCE", "configuration"), (
            path
        )
        assert answer.headers["Retry-After"] == "60"
        assert WHY in error["message"] and "anna" not in answer.text
    for path in ("/healthz", "/admin/sign-in", "/docs/errors"):
        assert client.get(path).status_code == 200, path
    appliance.maintenance.end()
    answer = client.get("/api/erp/purchase-orders", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code != 503


def test_beginning_again_leaves_who_and_why_as_they_were(appliances: Appliances) -> None:
    maintenance = appliances.open().maintenance
    assert not maintenance.end()
    assert maintenance.begin("anna", WHY) and not maintenance.begin("ben", "another")
    period = maintenance.period()
    assert period is not None and (period.who, period.why) == ("anna", WHY)
    assert maintenance.end() and maintenance.period() is None


def test_a_run_ends_at_its_page_and_goes_on_after_maintenance(appliances: Appliances) -> None:
    appliance = appliances.open(connectors_dir=CONNECTORS)
    plant = Plant(appliance.clock)
    plant.fill("Vendor", 200)

    def begin_at_the_third(asked: Asked) -> None:
        if asked.entity == "Vendor" and asked.after >= "0020":
            appliance.maintenance.begin("anna", WHY)

    plant.before_page = begin_at_the_third
    connection_id = connect_plant(appliance, plant).connection.id
    stop = threading.Event()
    engine = threading.Thread(target=engine_of(appliance).serve, args=(stop,))
    engine.start()

    def state() -> str:
        found: str = appliance.planner.runs.recent(connection_id, 1)[0]["state"]
        return found

    try:
        wait_until(lambda: state() == "interrupted")
        stored = appliance.records.count(appliance.records.stream(connection_id, "Vendor"))
        assert 0 < stored < 200
        plant.before_page = lambda asked: None
        asked = len(plant.asked)
        assert not threading.Event().wait(1.2), "two ticks"
        assert len(plant.asked) == asked, "nothing is asked of the source meanwhile"
        appliance.maintenance.end()
        wait_until(lambda: state() == "completed")
    finally:
        stop.set()
        engine.join()
    assert appliance.records.count(appliance.records.stream(connection_id, "Vendor")) == 200
    assert min(one.after for one in plant.asked[asked:] if one.entity == "Vendor") >= "0009", "it went on"


def test_work_that_waits_beside_is_not_done(appliances: Appliances) -> None:
    maintenance = appliances.open().maintenance
    done: list[int] = []

    def work() -> int:
        done.append(1)
        return 1

    guarded = maintenance.unless_on(work)
    assert guarded() == 1
    maintenance.begin("anna", WHY)
    assert guarded() == 0 and len(done) == 1


def test_a_run_asked_for_during_maintenance_waits_and_is_done_after_it(appliances: Appliances) -> None:
    appliance = appliances.open()
    connection_id = connect_sandbox(appliance).connection.id
    appliance.maintenance.begin("anna", WHY)
    assert synchronize(appliance, connection_id)["state"] == "queued"
    appliance.maintenance.end()
    assert synchronize(appliance, connection_id)["state"] == "completed"
