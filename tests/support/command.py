"""The program as people run it, in a process of its own; short commands come from one that has loaded it."""

import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.forking import ROOT, program

START_SECONDS = 30.0


def free_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def environment(**variables: str) -> dict[str, str]:
    """This process's, without settings of the appliance."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    return {**kept, **variables}


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Program:
    """Runs commands on one data directory."""

    data_dir: Path
    flags: tuple[str, ...] = ()

    def __call__(self, *command: str, given: str = "", check: bool = True, **variables: str) -> Ended:
        """Run a command to its end; with `check` it has to succeed."""
        done = subprocess.run(
            [program(), *command, "--set", f"data_dir={self.data_dir}", *self.flags],
            cwd=ROOT,
            env=environment(**variables),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in ended.err, ended.err
        assert not check or ended.status == 0, ended.err
        return ended

    @staticmethod
    def command(*parts: str) -> list[str]:
        return [sys.executable, "-m", "appliance", *parts]


class Answer(NamedTuple):
    status: int
    headers: Any
    body: Any


@dataclass(slots=True)
class Service:
    """`appliance serve` on a free port; a context manager. Its certificate is trusted, and verified."""

    data_dir: Path
    settings: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    lines: list[str] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None
    seconds_to_start: float = 0.0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def __enter__(self) -> Self:
        flags = [part for each in self.settings for part in ("--set", each)]
        began = time.monotonic()
        self.process = subprocess.Popen(
            [
                *Program.command("serve", "--set", f"data_dir={self.data_dir}"),
                *("--set", f"listen=127.0.0.1:{self.port}", *flags),
            ],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self.wait_until(self.answers, "it answers", pause=0.02)
        self.seconds_to_start = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(15)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output
        try:
            return self.request("GET", "/healthz").status == 200
        except OSError:
            return False

    def wait_until(self, condition: Any, what: str, *, pause: float = 0.05) -> None:
        """Look until `condition()` is true. Real time: this is another process."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}:\n{self.output}"
            time.sleep(pause)

    def request(self, method: str, path: str, *, token: str = "", body: Any = None) -> Answer:
        request = urllib.request.Request(self.url + path, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, context=self.context(), timeout=10) as answer:
                return Answer(answer.status, answer.headers, _decoded(answer.read()))
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.headers, _decoded(refused.read()))

    def context(self) -> ssl.SSLContext | None:
        """Trusts its certificate."""
        return ssl.create_default_context(cafile=str(self.data_dir / "tls" / "self-signed.crt"))

    def child(self, role: str) -> int:
        """The process id of the web or the engine process, 0 while there is none."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            try:
                if f"_{role}" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                    return int(pid)
            except OSError:
                continue
        return 0

    def setup_token(self) -> str:
        found = re.search(r"/admin/setup\?token=(\S+)", self.output)
        assert found is not None, self.output
        return found[1]

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.lines.append(line)


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
