"""Fifty connects at once against credits for ten."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.clock import SystemClock
from appliance.credits.errors import InsufficientCredits
from appliance.settings import Settings
from tests.support.appliance import Appliances
from tests.support.plant import CONNECTORS, Plant, connect_plant
from tests.support.processes import in_processes

CREDITS = 10


def assert_ledger_is_right(appliance: Appliance) -> None:
    balance = appliance.ledger.balance()
    assert (balance.granted, balance.used, balance.available) == (CREDITS, CREDITS, 0)
    entries = appliance.ledger.entries(limit=1000)
    taken = [entry for entry in entries if entry["kind"] == "take"]
    assert len(taken) == len({entry["connection_id"] for entry in taken}) == CREDITS
    connections = appliance.connections.table.all()
    assert {connection.id for connection in connections} == {entry["connection_id"] for entry in taken}
    for table in ("token", "data_key"):
        assert appliance.database.value(f"SELECT count(*) FROM {table}") == CREDITS, (
            f"{table}: none left over"
        )
    assert appliance.database.value("SELECT count(*) FROM run") == CREDITS
    sums: Counter[str] = Counter()
    for entry in reversed(entries):
        sums[entry["kind"]] += entry["amount"]
        assert sums["grant"] - sums["revoke"] - sums["take"] + sums["return"] >= 0, "never negative"


def connect_all(appliance: Appliance, names: list[str]) -> list[str]:
    """Connect in one thread each, all at once; what became of each."""
    results: list[str] = []
    together = threading.Barrier(len(names))

    def connect(name: str) -> None:
        together.wait()
        try:
            connect_plant(appliance, Plant(appliance.clock), name)
            results.append("connected")
        except InsufficientCredits as refused:
            assert refused.details["available"] == 0
            results.append(refused.code)
        except Exception as failure:
            results.append(repr(failure))
        finally:
            appliance.database.release_thread()

    threads = [threading.Thread(target=connect, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_exactly_as_many_threads_connect_as_there_are_credits(appliances: Appliances) -> None:
    appliance = appliances.open(connectors_dir=CONNECTORS, credits_evaluation=CREDITS)
    results = connect_all(appliance, [f"plant {n}" for n in range(50)])
    assert Counter(results) == {"connected": 10, "INSUFFICIENT_CREDITS": 40}
    assert_ledger_is_right(appliance)
    for connection in appliance.connections.table.all():
        appliance.connections.disconnect(connection.id)
        appliance.connections.disconnect(connection.id)
    assert appliance.ledger.balance().available == CREDITS
    again = connect_all(appliance, [f"again {n}" for n in range(20)])
    assert Counter(again) == {"connected": 10, "INSUFFICIENT_CREDITS": 10}


def _connect_in_process(data_dir: Path) -> list[str]:
    settings: dict[str, Any] = {"data_dir": data_dir, "connectors_dir": CONNECTORS}
    appliance = Appliance.open(Settings(**settings, credits_evaluation=CREDITS), SystemClock())
    try:
        return connect_all(appliance, [f"plant {n}" for n in range(13)])
    finally:
        appliance.close()


@pytest.mark.crash
def test_exactly_as_many_processes_connect_as_there_are_credits(appliances: Appliances) -> None:
    found = in_processes(4, _connect_in_process, appliances.data_dir)
    results = Counter(result for one in found for result in one)
    assert results == {"connected": 10, "INSUFFICIENT_CREDITS": 42}
    assert_ledger_is_right(appliances.open(connectors_dir=CONNECTORS, credits_evaluation=CREDITS))
