"""Runs the simulator as a program until it is interrupted: `python -m tests.simulators.gateway --port
50080`.
"""

import argparse
import signal
import threading
from pathlib import Path

from .gateway import Gateway
from .system import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="gateway", description="A strict simulator of an SAP Gateway (OData V2)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one; the URL is printed")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=3, help="lines of each order")
    parser.add_argument(
        "--days", type=int, default=365, help="days before today over which orders are spread"
    )
    parser.add_argument("--user", default="SYNC")
    parser.add_argument("--password", default="Welcome1")
    parser.add_argument("--page", type=int, default=100, help="rows of a page when no $top is given")
    parser.add_argument("--internal-base", help="scheme and host in the URLs the system writes")
    parser.add_argument("--etag-set", action="append", default=[], help="a set that demands If-Match")
    parser.add_argument("--html-errors", action="store_true")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to every answer")
    parser.add_argument("--tls", action="store_true", help="with a certificate of its own")
    parser.add_argument(
        "--certificate-out", type=Path, help="write the certificate here, for clients to trust"
    )
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--store-megabytes", type=int, default=1024, help="temporary file for rendered rows")
    parser.add_argument(
        "--warm",
        action="append",
        default=[],
        help="query on orders to render at the start",
    )
    parser.add_argument("--edmx", type=Path, action="append", default=[], help="a further service to serve")
    parser.add_argument("--plain-rows", type=int, default=10, help="rows of each set of such a service")
    parser.add_argument("--controllable", action="store_true", help="accept POST /_control/...")
    arguments = parser.parse_args()
    settings = Settings(
        page_size=arguments.page,
        internal_base=arguments.internal_base,
        etag_sets=frozenset(arguments.etag_set),
        html_errors=arguments.html_errors,
    )
    gateway = Gateway(
        orders=arguments.orders,
        lines=arguments.lines,
        days=arguments.days,
        users={arguments.user: arguments.password},
        settings=settings,
        host=arguments.host,
        port=arguments.port,
        tls=arguments.tls,
        zipped=arguments.gzip,
        latency=arguments.latency,
        controllable=arguments.controllable,
        extra=arguments.edmx,
        plain_rows=arguments.plain_rows,
        store_bytes=arguments.store_megabytes * 1024 * 1024,
    )
    if arguments.certificate_out and gateway.certificate:
        arguments.certificate_out.write_bytes(gateway.certificate)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    for query in arguments.warm:
        gateway.warm(arguments.user, query)
    with gateway:
        print(gateway.url, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
