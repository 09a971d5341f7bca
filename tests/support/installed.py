"""An appliance as it is installed on a machine, below a folder of the test: releases, data, and a service.

The service is a script in place of systemd: it recovers before it starts, as the unit does.
"""

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.command import environment, free_port
from tests.support.program import descendants, wait_until
from tests.support.releases import Signer, program_of

_SERVICE = """#!/bin/sh
case "$1" in
stop)
    [ -f {folder}/pid ] || exit 0
    kill "$(cat {folder}/pid)" 2>/dev/null
    while kill -0 "$(cat {folder}/pid)" 2>/dev/null; do sleep 0.05; done
    rm -f {folder}/pid
    ;;
start)
    {current} upgrade --recover {options} {flags} >>{folder}/log 2>&1 || exit 1
    setsid {current} serve {flags} >>{folder}/log 2>&1 </dev/null &
    echo $! >{folder}/pid
    ;;
esac
"""


class Installed:
    """Version `version` with a maker's key; a context manager, after which nothing runs."""

    def __init__(self, folder: Path, signer: Signer, version: str = "1.0.0") -> None:
        self.folder = folder
        self.prefix = folder / "opt"
        self.data_dir = folder / "data"
        self.port = free_port()
        program_of(self.prefix / version, version)
        (self.prefix / version / "release.pem").write_bytes(signer.public_pem)
        (self.prefix / "current").symlink_to(version)
        self.flags = ["--set", f"data_dir={self.data_dir}", "--set", f"listen=127.0.0.1:{self.port}"]
        self.service = folder / "service"
        self.options = ["--prefix", str(self.prefix), "--service-command", str(self.service)]
        self.service.write_text(
            _SERVICE.format(
                folder=folder,
                current=self.prefix / "current" / "appliance",
                options=" ".join(self.options),
                flags=" ".join(self.flags),
            )
        )
        self.service.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_service()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def version(self) -> str:
        return (self.prefix / "current").readlink().name

    def call(self, *command: str, given: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """A command of the release in use."""
        done = subprocess.run(
            [self.prefix / "current" / "appliance", *command, *self.flags],
            env=environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def begin(self, *command: str) -> "subprocess.Popen[str]":
        """A command that goes on while the test looks."""
        return subprocess.Popen(
            [self.prefix / "current" / "appliance", *command, *self.flags],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def upgrade_command(self, bundle: Path, *more: str) -> list[str]:
        backups = ["--backups", str(self.folder / "backups"), "--watch-seconds", "1"]
        return ["upgrade", str(bundle), *self.options, *backups, *more]

    def upgrade(self, bundle: Path, *more: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return self.call(*self.upgrade_command(bundle, *more), check=check)

    def start(self) -> None:
        subprocess.run([self.service, "start"], check=True, env=environment())
        wait_until(self.answers)

    def kill_service(self) -> None:
        """SIGKILL to all of it, as at a power cut."""
        try:
            pid = int((self.folder / "pid").read_text())
        except FileNotFoundError:
            return
        for one in [pid, *descendants(pid)]:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        (self.folder / "pid").unlink()
        end = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        request = urllib.request.Request(f"https://localhost:{self.port}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        context = ssl.create_default_context(cafile=str(self.data_dir / "tls" / "self-signed.crt"))
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, _decoded(refused.read())


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
