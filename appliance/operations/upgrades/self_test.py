"""A new release tried on a migrated copy of the data, on a spare port of this machine only.

First all of it serves in maintenance, so that it calls no source and sends nothing. Then its web process alone answers
an account's list, for which maintenance ends in the copy.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.model.entity import Model
from appliance.operations.upgrades.errors import UpgradeFailed
from appliance.operations.upgrades.maintenance import Maintenance
from appliance.operations.upgrades.service import is_ready
from appliance.runtime.catalog import Catalog
from appliance.store.database import Database
from appliance.transport.loopback import OwnAddress
from appliance.users.api_keys import ApiKeys

START_SECONDS = 90.0
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.1
LAST_WORDS = 2000
MOST_LISTS = 5


@dataclass(frozen=True, slots=True)
class SelfTest:
    """`program` starts this release, `flags` are settings with which it serves the copy at `address`.

    `lists` are paths of lists that have to be answered, with the id of the connection or none.
    """

    program: Sequence[str]
    flags: Sequence[str]
    address: OwnAddress
    maintenance: Maintenance
    api_keys: ApiKeys
    lists: Sequence[tuple[str, str | None]]
    clock: Clock

    def run(self) -> list[str]:
        """What was looked at. Raises UpgradeFailed with what is wrong."""
        self.maintenance.begin("upgrade", "self-test")
        looked = []
        with self._served("serve", lambda: is_ready(self.address)):
            for path, expected in (
                ("/healthz", 200),
                ("/admin/sign-in", 200),
                ("/api/system/connections", 503),
            ):
                looked.append(self._look(path, expected))
        self.maintenance.end()
        headers = {"Authorization": f"Bearer {self.api_keys.create('self-test')}"}
        with self._served("_web", self._answers, "--parent", str(os.getpid())):
            for path, connection_id in self.lists:
                named = headers if connection_id is None else {**headers, "X-Connection-Id": connection_id}
                looked.append(self._look(path, 200, named))
        return looked

    def _look(self, path: str, expected: int, headers: dict[str, str] | None = None) -> str:
        try:
            status, body = self.address.get(path, headers)
        except OSError as failure:
            raise UpgradeFailed(f"The self-test got no answer to {path}: {failure}.") from failure
        if status != expected:
            said = body[:400].decode("utf-8", "replace")
            raise UpgradeFailed(f"The self-test got {status} in place of {expected} for {path}: {said}")
        return f"{path} {status}"

    def _answers(self) -> str | None:
        try:
            status, _ = self.address.get("/healthz")
        except OSError as failure:
            return f"It does not answer: {failure}."
        return None if status == 200 else f"It answers {status}."

    @contextmanager
    def _served(self, command: str, ready: Callable[[], str | None], *options: str) -> Iterator[None]:
        said: list[str] = []
        process = subprocess.Popen(
            [*self.program, command, *options, *self.flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None, "it is a pipe"
        reader = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
        reader.start()
        try:
            self._wait(process, ready, said)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(
        self, process: "subprocess.Popen[str]", ready: Callable[[], str | None], said: list[str]
    ) -> None:
        never, end = threading.Event(), self.clock.monotonic() + START_SECONDS
        while (reason := ready()) is not None:
            ended = process.poll() is not None
            if ended or self.clock.monotonic() > end:
                words = "".join(said)[-LAST_WORDS:].strip()
                state = f"ended with status {process.returncode}" if ended else f"was not ready: {reason}"
                raise UpgradeFailed(f"The new release {state}. It said: {words}")
            self.clock.wait(never, LOOK_SECONDS)


def lists_to_ask(database: Database, model: Model, catalog: Catalog) -> list[tuple[str, str | None]]:
    """The list of connections, and lists of some connections that have records."""
    found: list[tuple[str, str | None]] = [("/api/system/connections", None)]
    streams = database.rows(
        "SELECT stream.entity, connection.id, connection.system FROM stream"
        " JOIN connection ON connection.id = stream.connection_id"
        " WHERE stream.live > 0 AND connection.status = 'connected' ORDER BY stream.id"
    )
    paths = {
        (one.entity, one.category): f"/api/{one.category}/{one.path}"
        for one in model.operations
        if one.kind == "list" and one.owner == one.entity
    }
    systems = {one.system: one.categories for one in catalog.definitions()}
    for stream in streams:
        for category in systems.get(stream["system"], ()):
            path = paths.get((stream["entity"], category))
            if path is not None and len(found) <= MOST_LISTS:
                found.append((path, stream["id"]))
    return found
