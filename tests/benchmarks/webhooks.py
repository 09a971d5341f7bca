"""What webhooks cost a page of a synchronization, and how many are delivered in a second.

    python -m tests.benchmarks.webhooks [events]

The receiver is a Python server over TLS in the same process; four threads deliver, as the engine's do.
"""

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from appliance.app import Appliance
from appliance.engine_room import deliveries_of
from appliance.store.changes import Changes
from appliance.store.records import Stream
from appliance.webhooks.endpoints import Owner
from tests.support.appliance import Appliances
from tests.support.plant import CONNECTORS, Plant, connect_plant
from tests.transport.authority import Authority
from tests.transport.servers import server_context, serving

WORKERS = 4
PAGES = 300
KEYS = [f"03abcdef{number:032d}" for number in range(500)]


def cost_of_a_page(appliance: Appliance, stream: Stream) -> float:
    """Median microseconds that the outbox takes for a page of 500 new records, in the page's transaction."""
    taken = []
    for _ in range(PAGES):
        with appliance.database.write():
            began = time.perf_counter()
            appliance.outbox.changed(stream, Changes(KEYS, [], []))
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


def deliver(appliance: Appliance) -> None:
    deliveries = deliveries_of(appliance)

    def work() -> None:
        while deliveries.work_off():
            pass
        appliance.database.release_thread()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as name:
        authority = Authority(Path(name))
        context = server_context(authority.issue("127.0.0.1"))
        with (
            Appliances(Path(name)) as appliances,
            serving(lambda exchange: exchange.reply(), context) as server,
        ):
            appliance = appliances.open(connectors_dir=CONNECTORS, ca_files=(authority.ca_file,))
            streams = []
            for number in range(8):
                made = connect_plant(appliance, Plant(appliance.clock), f"Plant {number}")
                streams.append(appliance.records.stream(made.connection.id, "WorkOrder"))
            print(f"a page, nobody listens: {cost_of_a_page(appliance, streams[0]):.0f} µs")
            given = {"url": f"{server.url}/hooks", "events": ["*"]}
            appliance.webhooks.create(given, Owner(), may_be_here=True)
            print(f"a page, one endpoint: {cost_of_a_page(appliance, streams[0]):.0f} µs")
            deliver(appliance)
            for lanes in (1, len(streams)):
                for number in range(events):
                    appliance.outbox.changed(streams[number % lanes], Changes(KEYS[:1], [], []))
                began = time.perf_counter()
                deliver(appliance)
                print(f"{lanes} connections: {events / (time.perf_counter() - began):.0f} events a second")


if __name__ == "__main__":
    main()
