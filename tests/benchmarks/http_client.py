"""GETs per second of a 100 kB gzip page over TLS keep-alive: our client against plain urllib3.

    python -m tests.benchmarks.http_client [seconds per measurement]

The server runs in a process of its own and sends one prepared answer. Five interleaved rounds, medians.
"""

import gzip
import json
import multiprocessing
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import urllib3

from appliance.clock import SystemClock
from appliance.transport.budget import BudgetLimits, Budgets, Window
from appliance.transport.egress import Egress
from appliance.transport.http import HttpClient, HttpOptions, Request
from appliance.transport.trust import Trust
from tests.transport.authority import Authority

ROUNDS = 5


def page() -> bytes:
    rows = [
        {"PurchaseOrder": f"45{n:08}", "Supplier": f"S{n % 97:05}", "Net": f"{n * 1.37:.2f}"}
        for n in range(1450)
    ]
    return json.dumps(rows).encode()[:100_000]


def serve(certificate: str, key: str, pipe: Connection) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    body = gzip.compress(page(), 6)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body

    def talk(sock: ssl.SSLSocket) -> None:
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while sock.recv(65536):  # a GET without body fits one TLS record
                sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        while True:
            raw, _ = listener.accept()
            threading.Thread(
                target=talk, args=(context.wrap_socket(raw, server_side=True),), daemon=True
            ).start()


def rate(get: Callable[[], bytes], seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        assert len(get()) == 100_000
        count += 1
    return count / spent


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        certificate, key = authority.issue("127.0.0.1")
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(str(certificate), str(key), theirs), daemon=True)
        server.start()
        url = f"https://127.0.0.1:{ours.recv()}/orders"

        pool = urllib3.PoolManager(ca_certs=str(authority.ca_file))
        headers = {"Accept-Encoding": "gzip, deflate"}

        def by_urllib3() -> bytes:
            # In pieces, as our client reads: urllib3's own reading of a whole body is slower by a third.
            answer = pool.request("GET", url, headers=headers, preload_content=False)
            pieces = iter(lambda: answer.read(262_144, decode_content=True), b"")
            body = b"".join(pieces)
            answer.release_conn()
            return body

        clock = SystemClock()
        budget = Budgets(clock).for_connection(
            "127.0.0.1", "one", BudgetLimits(windows=(Window(10_000_000, 60),), concurrency=8)
        )
        client = HttpClient(
            HttpOptions(), egress=Egress(["127.0.0.0/8"]), budget=budget, clock=clock,
            trust=Trust([authority.ca_file], system_bundles=()),
        )  # fmt: skip
        request = Request("GET", url, safe=True)
        plain, guarded = [], []
        for _ in range(ROUNDS):
            plain.append(rate(by_urllib3, seconds))
            guarded.append(rate(lambda: client.send(request).body, seconds))
        server.terminate()
    base, own = statistics.median(plain), statistics.median(guarded)
    print(f"urllib3 {base:,.0f} GET/s   client {own:,.0f} GET/s   ratio {own / base:.2f}")


if __name__ == "__main__":
    main()
