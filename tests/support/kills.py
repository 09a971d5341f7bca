"""Kills the real program again and again while it synchronizes a source that changes, and then holds both together.

    with LivingSources(SystemClock()) as sources, Program(folder, connectors_dir=str(CONNECTORS)) as program:
        loop = KillLoop(program, sources, seed)
        for _ in range(15):
            loop.kill_once()
        loop.settle()

What is looked at in the end does not believe the product's own books: triggers of the database note every change of a
record as it is committed, and the receiver of webhooks keeps what it was sent.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from appliance.app import Appliance
from appliance.clock import SystemClock
from appliance.settings import Settings
from appliance.sync.runs.tables import ACTIVE
from appliance.webhooks.endpoints import Owner
from tests.support.living import Act, Deed, LivingSource, LivingSources
from tests.support.living_habits import ENTITIES, Habits
from tests.support.plant import CONNECTORS
from tests.support.program import Program, wait_until
from tests.transport.servers import Exchange

ROWS = 150
# With more, a person would be asked before they are deleted.
MOST_GONE = ROWS // 10
PAGE_SECONDS = 0.01
ANSWER_SECONDS = 0.02
WAITING = "SELECT count(*) FROM webhook_delivery WHERE state = 'waiting'"
ACTS: tuple[Act, ...] = ("insert", "update", "update", "update", "delete")
MODES: tuple[Any, ...] = ("full", "full", "incremental", "reconcile")
NOTES = (
    "CREATE TABLE told_change (stream_id, key, code, kind)",
    "CREATE TRIGGER tell_insert AFTER INSERT ON record BEGIN"
    " INSERT INTO told_change VALUES (NEW.stream_id, NEW.key, NEW.payload ->> 'code', 'inserted'); END",
    "CREATE TRIGGER tell_update AFTER UPDATE OF seq ON record BEGIN"
    " INSERT INTO told_change VALUES (NEW.stream_id, NEW.key, OLD.payload ->> 'code', CASE"
    " WHEN NEW.deleted_at IS NOT NULL THEN 'deleted' WHEN OLD.deleted_at IS NULL THEN 'updated'"
    " ELSE 'inserted' END); END",
)


class Receiver:
    """Takes webhooks, slowly enough to be killed for, and refuses a share of them: body by id, in the order in which
    they were first taken."""

    def __init__(self, draw: random.Random) -> None:
        self.refused = 0.05
        self._draw = draw
        self.bodies: dict[str, bytes] = {}
        self.calls = 0
        self.changed: list[str] = []
        self._lock = threading.Lock()

    def take(self, exchange: Exchange) -> None:
        time.sleep(ANSWER_SECONDS)
        if self._draw.random() < self.refused:
            exchange.reply(503, b"not now")
            return
        event_id = json.loads(exchange.body)["id"]
        with self._lock:
            self.calls += 1
            if self.bodies.setdefault(event_id, exchange.body) != exchange.body:
                self.changed.append(event_id)
        exchange.reply(200, b"thanks")

    def told(self) -> Counter[tuple[str, str, str]]:
        """How often a change was told of, an id counted once: by path of the entity, key of the record, and kind."""
        found: Counter[tuple[str, str, str]] = Counter()
        for body in self.bodies.values():
            event = json.loads(body)
            path, _, kind = event["event"].rpartition(".")
            found.update((path, key, kind) for key in event["body"])
        return found


class KillLoop:
    """`hits` counts the kills that met a running synchronization."""

    def __init__(self, program: Program, sources: LivingSources, seed: int, paging: Any = "keyset") -> None:
        self.draw = random.Random(seed)
        self.program = program
        self.source: LivingSource = sources.add(Habits(paging, size=7, step=1))
        self.source.seconds = PAGE_SECONDS
        self.hits = 0
        self.receiver = Receiver(random.Random(seed))
        for entity in ENTITIES:
            self.source.fill(entity, [self.draw.uniform(0, 20) for _ in range(ROWS)])
        with self.opened() as appliance:
            made = appliance.connections.connect(
                system="living", name="Living", fields=self.source.fields(), historical_days=30
            )
            self.connection_id = made.connection.id
            for statement in NOTES:
                appliance.database.run(statement)
            given = {"url": sources.listen(self.receiver.take), "events": ["*"]}
            self.webhook_id = appliance.webhooks.create(given, Owner(), may_be_here=True).endpoint.id

    def kill_once(self) -> None:
        """Start the engine, change the source while it works, and kill it at some moment."""
        with self._changing():
            self.program.start_engine()
            with self.opened() as appliance:
                if not self._active(appliance):
                    appliance.planner.request_run(self.connection_id, mode=self.draw.choice(MODES))
                mine = f"engine-{self.program.process.pid}"
                wait_until(lambda: self._owner(appliance) == mine or not self._active(appliance), 90)
            time.sleep(self.draw.uniform(0, 0.6))
            self.program.kill()
        with self.opened() as appliance:
            self.hits += any(run["state"] == "running" for run in self._active(appliance))
            self._expect_consistent(appliance)
            if self.draw.random() < 0.5:
                self._deliver_now(appliance)

    def settle(self) -> None:
        """Let everything finish with the source at rest, and hold the store to it."""
        self.receiver.refused = 0
        self.program.start_engine()
        with self.opened() as appliance:
            # Rows that came back are lacking in a reconciliation, and come with the synchronization after it.
            for mode in (None, "incremental", "reconcile", "incremental"):
                if mode is not None:
                    appliance.planner.request_run(self.connection_id, mode=mode)  # type: ignore[arg-type]
                wait_until(lambda: not self._active(appliance), 120)
            self._deliver_now(appliance)
            wait_until(lambda: not appliance.database.value(WAITING), 120)
        status, _ = self.program.terminate()
        assert status == 0
        with self.opened() as appliance:
            states = {run["state"] for run in appliance.planner.runs.recent(self.connection_id, 1000)}
            assert states == {"completed"}, states
            self._expect_consistent(appliance)
            for entity in ENTITIES:
                self._expect_as_the_source(appliance, entity)
            self._expect_all_told(appliance)
            appliance.database.checkpoint()
            assert appliance.database.value("PRAGMA integrity_check") == "ok"
            assert appliance.database.rows("PRAGMA foreign_key_check") == []
            assert appliance.database.rows("PRAGMA cipher_integrity_check") == []

    def figures(self) -> dict[str, int]:
        """What it went through, by name."""
        with self.opened() as appliance:
            value = appliance.database.value
            return {
                "kills in the middle of a run": self.hits,
                "runs": value("SELECT count(*) FROM run"),
                "pages written": value("SELECT sum(pages) FROM run_entity"),
                "changes of the source": self.source.changes,
                "changes of records": value("SELECT count(*) FROM told_change"),
                "of these deletions": value("SELECT count(*) FROM told_change WHERE kind = 'deleted'"),
                "events": value("SELECT count(*) FROM webhook_event"),
                "of these sent more than once": self.receiver.calls - len(self.receiver.bodies),
                "records": value("SELECT count(*) FROM record WHERE deleted_at IS NULL"),
            }

    @contextmanager
    def opened(self) -> Iterator[Appliance]:
        """The data directory as another process sees it."""
        settings = Settings(data_dir=self.program.data_dir, connectors_dir=CONNECTORS)
        appliance = Appliance.open(settings, SystemClock())
        try:
            yield appliance
        finally:
            appliance.close()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        over = threading.Event()
        draw = random.Random(self.draw.random())

        def change() -> None:
            while not over.wait(0.05):
                entity, act = draw.choice([*ENTITIES]), draw.choice(ACTS)
                if act == "delete" and len(self.source.gone[entity]) >= MOST_GONE:
                    act = "restore"
                self.source.do(Deed(act, entity, draw.randrange(1000)))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _expect_consistent(self, appliance: Appliance) -> None:
        """What holds at every moment: counts, numbers, checkpoints that the next start can read."""
        database = appliance.database
        live = database.value("SELECT count(*) FROM record WHERE deleted_at IS NULL")
        assert live == sum(appliance.records.counts(self.connection_id).values())
        assert database.value("SELECT count(*) - count(DISTINCT seq) FROM record") == 0
        for row in database.rows("SELECT checkpoint FROM run_entity WHERE checkpoint IS NOT NULL"):
            assert json.loads(row["checkpoint"])["leg"] in (
                "rows",
                "keys",
                "open",
                "open_keys",
                "compare",
                "end",
            )
        untold = database.rows(
            "SELECT r.key FROM record r WHERE NOT EXISTS"
            " (SELECT 1 FROM told_change t WHERE t.stream_id = r.stream_id AND t.key = r.key)"
        )
        assert not untold, "the triggers see every change"

    def _expect_as_the_source(self, appliance: Appliance, entity: str) -> None:
        stream = appliance.records.stream(self.connection_id, entity)
        keys = appliance.database.tuples(
            "SELECT key FROM record WHERE stream_id = ? AND deleted_at IS NULL", (stream.id,)
        )
        raws = [json.loads(appliance.records.raw(stream, key) or b"") for (key,) in keys]
        held = {row["id"]: row for row in raws}
        assert len(held) == len(raws), f"{entity}: a row is held twice"
        rows = self.source.rows[entity]
        wrong = {one for one in held.keys() | rows.keys() if held.get(one) != rows.get(one)}
        assert not wrong, (
            f"{entity}: {len(held)} held, {len(rows)} there, {len(wrong)} wrong such as "
            f"{[(held.get(one), rows.get(one)) for one in sorted(wrong)[:3]]}, {self._told(appliance)}"
        )
        deleted = {
            int(row["code"])
            for row in appliance.database.rows(
                "SELECT code FROM told_change WHERE stream_id = ? AND kind = 'deleted'", (stream.id,)
            )
        }
        assert deleted <= self.source.ever_gone[entity], f"{entity}: said to be deleted and was there"

    def _deliver_now(self, appliance: Appliance) -> None:
        """Whoever was killed while sending has left a lease behind, which would be waited for."""
        appliance.webhooks.change(self.webhook_id, {"enabled": True}, may_be_here=True)

    def _expect_all_told(self, appliance: Appliance) -> None:
        """Every change of a record was told of by one event, and the events came in order."""
        received, database = self.receiver, appliance.database
        assert not received.changed, "the same id was sent with two bodies"
        sent = [row["id"] for row in database.rows("SELECT id FROM webhook_event ORDER BY seq")]
        assert list(received.bodies) == sent, "each event once at least, in the order of the changes"
        paths = {name: appliance.model.entities[name].path for name in ENTITIES}
        noted = Counter(
            (paths[row["entity"]], row["key"], row["kind"])
            for row in database.rows(
                "SELECT s.entity, t.key, t.kind FROM told_change t JOIN stream s ON s.id = t.stream_id"
            )
        )
        assert received.told() == noted

    def _told(self, appliance: Appliance) -> list[str]:
        """What the product says of deletions it holds back, and of what it met."""
        held = appliance.database.rows("SELECT entity, missing, known, state FROM deletion_hold")
        return [
            *map(str, held),
            *(str(notice) for notice in appliance.planner.runs.notices(self.connection_id)),
        ]

    def _owner(self, appliance: Appliance) -> object:
        return appliance.database.value("SELECT lease_owner FROM run WHERE state = 'running'")

    def _active(self, appliance: Appliance) -> list[dict[str, Any]]:
        runs = appliance.planner.runs.recent(self.connection_id, 50)
        return [run for run in runs if run["state"] in ACTIVE]
