"""Synchronizes purchase orders with lines from the gateway simulator, and prints ratios to two references.

    python tests/benchmarks/sync_orders.py [ORDERS]

The references read the same pages in the same run: a plain script as one would write it by hand (requests, json,
sqlite3, a table for headers and one for lines), and the floor of the same work (one thread, hand-coded mapping,
encrypted database, compressed raw rows kept). Times are wall seconds of the reading alone.
"""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import requests
import zstandard

from appliance.store.database import Database

ROOT = Path(__file__).parents[2]
SERVICE = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"
QUERY = "$format=json&$inlinecount=allpages&$expand=to_PurchaseOrderItem"
AUTH = ("SYNC", "Welcome1")


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    gateway, url = start_gateway(orders)
    work = Path(tempfile.mkdtemp())
    try:
        by_hand = timed(lambda: handwritten(url, work / "hand.db"))
        floor = timed(lambda: encrypted_floor(url, work / "floor.db"))
        product = Product(url, work / "data")
        full = product.run("full")
        again = product.run("full")
        idle = product.run("incremental")
        touch(url, orders // 100)
        changed = product.run("incremental")
        size = sum(file.stat().st_size for file in (work / "data").glob("appliance.db*"))
        print(f"\n{orders} orders with 3 lines, 8.5 kB each")
        show("hand-written script", by_hand, orders)
        show("encrypted floor, one thread", floor, orders)
        ratios = f"{full['seconds'] / by_hand:.2f} x by hand, {full['seconds'] / floor:.2f} x floor"
        show("full", full["seconds"], orders, ratios)
        show("all read again, unchanged", again["seconds"], orders, f"{again['seconds'] / floor:.2f} x floor")
        show("nothing changed", idle["seconds"], idle["fetched"])
        show("1 % changed", changed["seconds"], changed["fetched"], f"{changed['updated']} written")
        print(f"peak memory {product.peak_kib / 1024:.0f} MiB, idle {product.idle_kib / 1024:.0f} MiB")
        print(f"database {size / 1e6:.0f} MB, {size / orders / 1000:.1f} kB an order")
    finally:
        gateway.terminate()
        shutil.rmtree(work)


class Product:
    """The appliance as a command that does the run itself, so that its memory can be measured."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self._environment = {**os.environ, "APPLIANCE_DATA_DIR": str(data_dir)}
        self.peak_kib = 0
        self._call("status")
        self.idle_kib = self.peak_kib
        fields = {"url": url + SERVICE, "username": AUTH[0], "password": AUTH[1]}
        given = [flag for pair in fields.items() for flag in ("--field", "=".join(pair))]
        self._call(
            "connection", "add", "--system", "generic_odata", "--name", "sap", "--hosting", "cloud",
            "--historical-days", "3650", *given,
        )  # fmt: skip

    def run(self, mode: str) -> dict[str, Any]:
        run = self._call("sync", "run", "sap", "--mode", mode, "--wait")
        assert run["state"] == "completed", run
        entity: dict[str, Any] = run["entities"][0]
        return entity

    def _call(self, *arguments: str) -> Any:
        command = [sys.executable, "-m", "appliance", *arguments, "--json"]
        answer = subprocess.run(command, env=self._environment, cwd=ROOT, check=True, capture_output=True)
        self.peak_kib = max(self.peak_kib, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        return json.loads(answer.stdout)


def start_gateway(orders: int) -> tuple[subprocess.Popen[str], str]:
    command = [
        sys.executable, "-m", "tests.simulators.gateway", "--orders", str(orders), "--controllable",
        "--store-megabytes", "4096", "--warm", "$format=json&$expand=to_PurchaseOrderItem",
    ]  # fmt: skip
    gateway = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert gateway.stdout is not None
    return gateway, gateway.stdout.readline().strip()


def control(url: str, command: str, **arguments: Any) -> Any:
    body = json.dumps(arguments).encode()
    request = urllib.request.Request(f"{url}/_control/{command}", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["result"]


def touch(url: str, orders: int) -> None:
    numbers = control(url, "order_numbers")
    for order in numbers[:: len(numbers) // orders][:orders]:
        control(url, "touch", order=order, CorrespncExternalReference=f"T{order}")


def handwritten(url: str, path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = wal")
    session = requests.Session()
    session.auth = AUTH
    link: str | None = f"{url}{SERVICE}/A_PurchaseOrder?{QUERY}"
    ready = False
    while link:
        page = session.get(link).json()["d"]
        for order in page["results"]:
            lines = order.pop("to_PurchaseOrderItem")["results"]
            header = {name: value for name, value in order.items() if not isinstance(value, dict)}
            rows = [
                {name: value for name, value in line.items() if not isinstance(value, dict)} for line in lines
            ]
            if not ready:
                make_table(database, "orders", header)
                make_table(database, "lines", rows[0])
                ready = True
            insert(database, "orders", [header])
            insert(database, "lines", rows)
        database.commit()
        link = page.get("__next")


def make_table(database: sqlite3.Connection, name: str, row: dict[str, Any]) -> None:
    database.execute(f"CREATE TABLE {name} ({', '.join(row)})")


def insert(database: sqlite3.Connection, name: str, rows: list[dict[str, Any]]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    database.executemany(f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows])


def encrypted_floor(url: str, path: Path) -> None:
    database = Database(path, b"k" * 32)
    database.run("CREATE TABLE floor (key TEXT PRIMARY KEY, payload TEXT, raw BLOB) WITHOUT ROWID")
    session = requests.Session()
    session.auth = AUTH
    compressor = zstandard.ZstdCompressor(level=3)
    encode = msgspec.json.encode
    link: str | None = f"{url}{SERVICE}/A_PurchaseOrder?{QUERY}"
    while link:
        page = msgspec.json.decode(session.get(link).content)["d"]
        rows = [
            (order["PurchaseOrder"], encode(mapped(order)).decode(), compressor.compress(encode(order)))
            for order in page["results"]
        ]
        database.run_many("INSERT OR REPLACE INTO floor VALUES (?, ?, ?)", rows)
        link = page.get("__next")
    database.close()


def mapped(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "orderNo": order["PurchaseOrder"],
        "vendor": order["Supplier"],
        "currency": order["DocumentCurrency"],
        "ordered": order["PurchaseOrderDate"],
        "company": order["CompanyCode"],
        "terms": order["PaymentTerms"],
        "lineItems": [
            {
                "number": line["PurchaseOrderItem"],
                "material": line["Material"],
                "name": line["PurchaseOrderItemText"],
                "quantity": line["OrderQuantity"],
                "unit": line["PurchaseOrderQuantityUnit"],
                "price": line["NetPriceAmount"],
                "plant": line["Plant"],
            }
            for line in order["to_PurchaseOrderItem"]["results"]
        ],
    }


def timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(name: str, seconds: float, rows: int, note: str = "") -> None:
    rate = f"{rows / seconds:9.0f} rows/s" if seconds and rows else ""
    print(f"{name:28} {seconds:8.2f} s {rate:16} {note}")


if __name__ == "__main__":
    main()
