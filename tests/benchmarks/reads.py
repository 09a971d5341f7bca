"""Times of reads over one list of many records, beside a plain list of stored texts in the same process.

    python -m tests.benchmarks.reads [ORDERS] [FOLDER]

The records are purchase orders with three lines, every field filled. Requests go through the whole application by
Flask's test client: token check, query, answer; no network and no TLS. Figures are milliseconds a request, the
median of several: wall time, and processor time, which tells more on a busy machine. With FOLDER the filled
data directory is kept there and used again.
"""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from flask import Flask, Response

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.server.wsgi import create_app
from appliance.store.lists import Rows
from appliance.store.records import NewRecord
from appliance.store.selection import Selection
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.filled import BORN, new_records

BATCH = 5000
ORDERS = "/api/erp/purchase-orders"
TOKEN_FILE = "token"


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())
    try:
        with Appliances(folder) as appliances:
            appliance = appliances.open(limits_token_per_minute=0, limits_account_per_minute=0)
            if not (folder / TOKEN_FILE).exists():
                made = connect_sandbox(appliance, "Benchmark")
                fill(appliance, made, orders)
                (folder / TOKEN_FILE).write_text(f"{made.token} {made.connection.id}")
            token, connection_id = (folder / TOKEN_FILE).read_text().split()
            measure(appliance, token, connection_id, orders)
    finally:
        if len(sys.argv) <= 2:
            shutil.rmtree(folder)


def fill(appliance: Appliance, made: Connected, orders: int) -> None:
    """Write so many orders, texts of one made up by number so that making them takes no longer than writing them."""
    entity = appliance.model.entities["PurchaseOrder"]
    (pattern,) = new_records(appliance.model, entity, made.connection.part, range(1, 2))
    stream = appliance.records.stream(made.connection.id, entity.name)
    began = perf_counter()
    for first in range(0, orders, BATCH):
        appliance.records.write(
            stream, [_numbered(pattern, n) for n in range(first, min(first + BATCH, orders))]
        )
    print(f"{orders} orders of {len(pattern.payload)} bytes written in {perf_counter() - began:.0f} s")


def _numbered(pattern: NewRecord, number: int) -> NewRecord:
    key = f"{pattern.key[:8]}{number:032x}"
    payload = pattern.payload.replace(pattern.key.encode(), key.encode(), 1)
    payload = payload.replace(b'"orderNo":"orderNo 01"', b'"orderNo":"PO-%07d"' % number)
    payload = payload.replace(b'"title":"title 01"', b'"title":"title %d"' % (number % 10))
    return NewRecord(key, pattern.hash, payload, BORN + number, pattern.raw)


def measure(appliance: Appliance, token: str, connection_id: str, orders: int) -> None:
    client = create_app(appliance).test_client()
    headers = {"Authorization": f"Bearer {token}"}

    def get(path: str, **more: str) -> Any:
        answer = client.get(path, headers={**headers, **more}, base_url="https://localhost")
        assert answer.status_code in (200, 304, 400), answer.text
        return answer

    def show(what: str, path: str, times: int = 30, **more: str) -> None:
        report(what, lambda: get(path, **more), times)

    floor(appliance, connection_id)
    show("page of 100", f"{ORDERS}?per_page=100")
    deep = deep_cursor(appliance, get, connection_id, orders)
    show("page of 100, by cursor after 90 %", f"{ORDERS}?per_page=100&cursor={deep}")
    show("page of 100, by number after 90 %", f"{ORDERS}?per_page=100&page={orders * 9 // 1000}", 5)
    show("page of 100 in the dialect of the website", "/api/v1/purchase-orders?per_page=100")
    show("page of 100, compressed", f"{ORDERS}?per_page=100", **{"Accept-Encoding": "gzip"})
    tag = get(f"{ORDERS}?per_page=100").headers["ETag"]
    show("page of 100, held already (304)", f"{ORDERS}?per_page=100", **{"If-None-Match": tag})
    show("page of 100, three fields", f"{ORDERS}?per_page=100&fields=key,orderNo,statusKey")
    show(
        "page of 100, vendor and parts followed", f"{ORDERS}?per_page=100&expand=vendor,lineItems.material", 5
    )
    show("page of 100, with source rows", f"{ORDERS}?per_page=100&include=raw")
    show(
        "page of 100, changed since", f"{ORDERS}?per_page=100&count=false&modified_after=2025-10-09T09:00:00Z"
    )
    show("page of 100 lines in orders", "/api/erp/purchase-orders.line-items?per_page=100&count=false")
    show("100 changes", "/api/v1/changes?limit=100")
    stream = appliance.records.find_stream(connection_id, "PurchaseOrder")
    report(
        "1000 records from the store alone", lambda: appliance.lists.page(Rows(stream), Selection(), 1000), 20
    )
    show("filter that one in ten fits, first page", f"{ORDERS}?count=false&filter[title]=title 7", 5)
    show("the same with its total", f"{ORDERS}?filter[title]=title 7", 1)
    rare = f"PO-{orders - 1:07d}"
    show("filter that only the last fits, all are read", f"{ORDERS}?count=false&filter[orderNo]={rare}", 1)
    show("sort by a field, all are read", f"{ORDERS}?count=false&sort=-orderNo", 1)


def deep_cursor(appliance: Appliance, get: Callable[[str], Any], connection_id: str, orders: int) -> str:
    """The cursor of a page near the end, which a page by number gives."""
    found: str = get(f"{ORDERS}?per_page=100&page={orders * 9 // 1000}").get_json()["next_cursor"]
    return found


def floor(appliance: Appliance, connection_id: str) -> None:
    """The least a list can cost in this framework: stored texts of a plain file, joined."""
    stream = appliance.records.find_stream(connection_id, "PurchaseOrder")
    page = appliance.lists.page(Rows(stream), Selection(), 1000)
    plain = sqlite3.connect(":memory:", check_same_thread=False)
    plain.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, payload TEXT)")
    plain.executemany("INSERT INTO record (payload) VALUES (?)", [(row.payload,) for row in page.rows])
    app = Flask("floor")

    @app.get("/orders")
    def orders() -> Response:
        rows = plain.execute(
            "SELECT payload FROM record WHERE id > ? ORDER BY id LIMIT ?", (0, 100)
        ).fetchall()
        return Response('{"data":[' + ",".join(text for (text,) in rows) + "]}", mimetype="application/json")

    client = app.test_client()
    size = len(client.get("/orders").data)
    report(f"floor: 100 stored texts joined, {size} bytes", lambda: client.get("/orders"), 30)


def report(what: str, call: Callable[[], Any], times: int) -> None:
    call()
    walls, processors = [], []
    for _ in range(times):
        wall, processor = perf_counter(), process_time()
        call()
        walls.append(perf_counter() - wall)
        processors.append(process_time() - processor)
    print(f"{what:55} {median(walls) * 1000:10.2f} wall {median(processors) * 1000:10.2f} cpu", flush=True)


if __name__ == "__main__":
    main()
