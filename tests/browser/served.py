"""The really running product: `python -m appliance serve` on a free port with its own data directory."""

import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    setup_url: str
    data_dir: Path


@contextmanager
def serve(data_dir: Path, *settings: str) -> Iterator[Served]:
    """Run it until the block ends, with settings such as `workers=2`."""
    own = [word for setting in settings for word in ("--set", setting)]
    with socket(AF_INET, SOCK_STREAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "appliance", "serve"),
            *("--set", f"data_dir={data_dir}", "--set", f"listen=127.0.0.1:{port}"),
            *own,
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(process.stdout or []), daemon=True).start()
    url = f"https://localhost:{port}"
    try:
        _wait_until_it_answers(url, process, lines)
        found = re.search(r"(/admin/setup\?token=\S+)", "".join(lines))
        assert found is not None, "".join(lines)
        yield Served(url, url + found.group(1), data_dir)
    finally:
        process.terminate()
        process.wait(15)


def _wait_until_it_answers(url: str, process: "subprocess.Popen[str]", lines: list[str]) -> None:
    trusting = ssl._create_unverified_context()  # noqa: S323 - its own certificate
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "".join(lines)
        try:
            urllib.request.urlopen(f"{url}/healthz", context=trusting, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the appliance did not answer in time:\n" + "".join(lines))
