"""Requests per second and p99 of a page of 100 work orders, asked of the running service over sockets.

    python -m tests.benchmarks.serving [WORK_ORDERS] [SECONDS]

The service is started as it ships, over TLS and then plain, on an encrypted data directory with so many work orders,
every field filled, with the lists inside them and without. The clients are threads of another process with one kept
connection each; they read each answer in full and look at its status. What they can do by themselves is measured
first, against a server that sends one prepared answer of the same size. Three rounds, medians.
"""

import http.client
import multiprocessing
import os
import socket
import ssl
import statistics
import sys
import tempfile
import threading
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, NamedTuple

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.runtime.select import decode, encode
from appliance.store.records import NewRecord
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.filled import BORN, new_records
from tests.support.program import Program, wait_until

PAGE = "/api/eam/work-orders?per_page=100"
CLIENTS = (1, 8, 32)
ROUNDS = 3
BATCH = 5000
# design/performance.md, pages of 100 orders (128-139 kB; the joined texts 535 kB): req/s of 1, 8, 32 clients,
# and p99 in milliseconds at 8.
PEERS = (
    ("nginx, static file, 136 kB", (11_668, 28_388, 29_932), 0.4),
    ("Flask, one fixed page in memory, plain", (3_661, 3_530, 3_510), 4.7),
    ("Flask, stored JSON text joined, 535 kB, plain", (494, 468, 461), 32),
    ("Flask, keyset SQL rows + json, encrypted", (423, 229, 223), 65),
    ("json-server (10,000 orders)", (202, 405, 441), 27),
    ("datasette", (208, 213, 183), 62),
)


class Measured(NamedTuple):
    """Requests per second, and the time in milliseconds that 99 of 100 answers take at most."""

    rate: float
    p99: float


class Target(NamedTuple):
    """`secure` asks over TLS, without looking at who signed the certificate. `gzip` takes compressed answers."""

    port: int
    secure: bool
    token: str
    gzip: bool = False


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    with tempfile.TemporaryDirectory() as folder:
        limits = {f"limits.{name}_per_minute": "0" for name in ("token", "account", "address")}
        with Appliances(Path(folder)) as appliances:
            appliance = appliances.open()
            pages = [
                (made.token, fill(appliance, made, orders, lists=lists))
                for made, lists in (
                    (connect_sandbox(appliance, f"Lists {word}"), word) for word in (True, False)
                )
            ]
            # The sandbox would be synchronized at once, and the work orders that it does not have would be gone.
            for table in ("run_entity", "run", "schedule"):
                appliance.database.run(f"DELETE FROM {table}")
        print(f"{orders} work orders a connection; load {os.getloadavg()[0]:.1f}")
        print(f"{'':<46}{'1 client':>10}{'8':>8}{'32':>8}   p99 ms: 1, 8, 32")
        show(f"clients alone, {pages[0][1] // 1000} kB", calibrate(pages[0][1], seconds))
        for name, secure in (("TLS as shipped", True), ("plain", False)):
            mode = {} if secure else {"tls.mode": "proxy"}
            with Program(Path(folder), **limits, **mode) as program:
                program.start_service()
                for token, size in pages:
                    for gzip in (False, True) if secure else (False,):
                        target = Target(program.port, secure, token, gzip)
                        wait_until(partial(is_up, target))
                        check_page(target, size)
                        show(f"service, {name}, {size // 1000} kB{', gzip' * gzip}", rounds(target, seconds))
                        check_page(target, size)
    for name, rates, p99 in PEERS:
        print(f"{name:<46}{rates[0]:>10,}{rates[1]:>8,}{rates[2]:>8,}   {'':>7}{p99:>7}")


def fill(appliance: Appliance, made: Connected, orders: int, *, lists: bool) -> int:
    """Write the work orders, with tasks, documents and resources or none; the size of 100 of them in bytes."""
    entity = appliance.model.entities["WorkOrder"]
    (pattern,) = new_records(appliance.model, entity, made.connection.part, range(1, 2))
    if not lists:
        record = decode(pattern.payload)
        empty: dict[str, Any] = {name: [] for name, value in record.items() if isinstance(value, list)}
        pattern = pattern._replace(payload=encode({**record, **empty}))
    stream = appliance.records.stream(made.connection.id, entity.name)
    for first in range(0, orders, BATCH):
        numbers = range(first, min(first + BATCH, orders))
        appliance.records.write(stream, [numbered(pattern, number) for number in numbers])
    return len(pattern.payload) * 100


def numbered(pattern: NewRecord, number: int) -> NewRecord:
    key = f"{pattern.key[:8]}{number:032x}"
    payload = pattern.payload.replace(pattern.key.encode(), key.encode(), 1)
    return NewRecord(key, pattern.hash, payload, BORN + number, pattern.raw)


def show(name: str, measured: dict[int, Measured]) -> None:
    rates = "".join(f"{measured[n].rate:>{width},.0f}" for n, width in zip(CLIENTS, (10, 8, 8), strict=True))
    print(f"{name:<46}{rates}   " + "".join(f"{measured[n].p99:>7.1f}" for n in CLIENTS), flush=True)


def rounds(target: Target, seconds: float) -> dict[int, Measured]:
    """For each number of clients the medians of some rounds, which take turns."""
    found: dict[int, list[Measured]] = {number: [] for number in CLIENTS}
    with multiprocessing.get_context("spawn").Pool(1) as elsewhere:
        elsewhere.apply(ask_for, (target, 8, 1.0))
        for _ in range(ROUNDS):
            for number in CLIENTS:
                found[number].append(elsewhere.apply(ask_for, (target, number, seconds)))
    return {
        number: Measured(*(statistics.median(column) for column in zip(*measured, strict=True)))
        for number, measured in found.items()
    }


def ask_for(target: Target, clients: int, seconds: float) -> Measured:
    """Ask by so many clients at a time for so long. Raises AssertionError for an answer that is not the page."""
    times: list[float] = []
    faults: list[str] = []
    began = perf_counter()

    def client() -> None:
        own: list[float] = []
        connection = connect(target)
        request = request_of(target)
        while perf_counter() - began < seconds:
            asked = perf_counter()
            status, length = exchange(connection, request)
            own.append(perf_counter() - asked)
            if status != 200 or length < 1000:
                faults.append(f"status {status}, {length} bytes")
                break
        connection.close()
        times.extend(own)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = perf_counter() - began
    assert times and not faults, faults[:3]
    return Measured(len(times) / took, sorted(times)[int(len(times) * 0.99)] * 1000)


def connect(target: Target) -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", target.port), 30)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not target.secure:
        return raw
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(raw)


def request_of(target: Target) -> bytes:
    encoding = "Accept-Encoding: gzip\r\n" if target.gzip else ""
    head = f"GET {PAGE} HTTP/1.1\r\nHost: localhost:{target.port}\r\nAuthorization: Bearer {target.token}\r\n"
    return f"{head}{encoding}\r\n".encode()


def exchange(connection: socket.socket, request: bytes) -> tuple[int, int]:
    """Status and number of bytes of the answer, which says its length."""
    connection.sendall(request)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(262_144)
        if not piece:
            raise http.client.RemoteDisconnected("the service closed the connection")
        received += piece
    head = received[:end].lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    missing = length - (len(received) - end - 4)
    while missing > 0:
        missing -= len(connection.recv(262_144))
    return int(head[9:12]), length


def is_up(target: Target) -> bool:
    try:
        with connect(target) as connection:
            return exchange(connection, request_of(target))[0] == 200
    except OSError:
        sleep(0.1)
        return False


def check_page(target: Target, size: int) -> None:
    """Raises AssertionError where the page is not that of the work orders written."""
    plain = target._replace(gzip=False)
    with connect(plain) as connection:
        status, length = exchange(connection, request_of(plain))
    assert (status, size <= length < size + 5000) == (200, True), (status, length, size)


def calibrate(size: int, seconds: float) -> dict[int, Measured]:
    """What the clients can do against a server that only sends, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    told, given = context.Pipe(duplex=False)
    server = context.Process(target=send_prepared, args=(given, size), daemon=True)
    server.start()
    try:
        return rounds(Target(told.recv(), False, "none"), seconds / 2)
    finally:
        server.kill()
        server.join()


def send_prepared(given: Connection, size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(65_536):
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        given.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
