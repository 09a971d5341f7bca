"""Pages a second that the gateway simulator serves, in its own process, to one client that only reads bytes.

    python -m tests.benchmarks.gateway_pages [--orders 100000]

The simulator must be far faster than what is measured against it. Pages hold 100 orders with their lines.
"""

import argparse
import base64
import contextlib
import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from appliance.clock import SystemClock

_PATH = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder?$format=json"
_EXPANDED = _PATH + "&$expand=to_PurchaseOrderItem"
_CHANGED = (
    _EXPANDED + "&$filter=LastChangeDateTime%20gt%20datetimeoffset'2020-01-01T00:00:00Z'"
    "%20or%20CreationDate%20ge%20datetime'2020-01-01T00:00:00'"
)
_NEXT = re.compile(rb'"__next":"([^"]+)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    arguments = parser.parse_args()
    clock = SystemClock()
    with _gateway(arguments.orders) as url:
        for title, path in (
            ("headers", _PATH),
            ("orders with lines", _EXPANDED),
            ("orders with lines, again (rows kept)", _EXPANDED),
            ("orders with lines, filtered on dates (rows kept)", _CHANGED),
        ):
            began = clock.monotonic()
            sizes = list(_read(url, path))
            seconds = clock.monotonic() - began
            megabytes = sum(sizes) / 1e6
            print(
                f"{title}: {len(sizes)} pages in {seconds:.2f} s, {len(sizes) / seconds:.0f} pages/s, "
                f"{megabytes / seconds:.0f} MB/s, {sum(sizes) / arguments.orders / 1000:.1f} kB an order"
            )


@contextlib.contextmanager
def _gateway(orders: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.simulators.gateway", "--orders", str(orders)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def _read(url: str, path: str) -> Iterator[int]:
    """Sizes of all pages on the wire."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    credentials = base64.b64encode(b"SYNC:Welcome1").decode()
    headers = {"Authorization": f"Basic {credentials}"}
    while path:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(body.decode())
        yield len(body)
        cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        if cookie:
            headers["Cookie"] = cookie
        found = _NEXT.search(body, max(0, len(body) - 1000))
        path = found[1].decode().removeprefix(url) if found else ""


if __name__ == "__main__":
    main()
