"""A CMMS over HTTP whose rows are inserted, updated and deleted while they are read, connected as a customer's folder.

Everything it does is scripted by the pages that it is asked for in a run, so a history can be told again:

    with LivingSources() as sources:
        source = sources.add(Habits(paging="keyset", size=3, skew=-120, step=60))
        source.begin({("Vendor", 1): [Deed("delete", which=0)]})

Deeds happen before a page is chosen, or in its middle: after its rows were chosen and before they are sent. Open the
appliance with `connectors_dir=CONNECTORS`, and connect with `source.fields()`.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

import yaml

from appliance.clock import Clock
from tests.support.clock import ManualClock
from tests.support.living_habits import ENTITIES, Habits, entities_of
from tests.support.plant import Killed
from tests.transport.servers import Exchange, serving

Act = Literal["insert", "update", "spoil", "delete", "restore", "unavailable", "cut", "forget", "kill"]

DUE = "2026-07-01T00:00:00Z"
SPOILED = "the day after tomorrow"

Row = dict[str, Any]
Script = dict[tuple[str, int], list["Deed"]]
"""What happens when an entity is asked for the n-th time in a run, counted from 0."""


@dataclass(frozen=True)
class Deed:
    """Something that happens to the row that is `which` among those of an entity, counted around.

    One that is spoiled has a date that is none, until it is updated. Without an `entity` it is the one that is asked
    for. `late` is how many seconds before now its stamp is. `unavailable`, `cut`, `forget` and `kill` happen to the
    answer: status 503, half a body, every position forgotten, and the appliance killed.
    """

    act: Act
    entity: str = ""
    which: int = 0
    late: int = 0
    inside: bool = False


class MortalClock(ManualClock):
    """Kills who looks at it next in the main thread, after `kill` was called from whichever."""

    _fatal = False

    def kill(self) -> None:
        self._fatal = True

    def spare(self) -> None:
        self._fatal = False

    def now_ms(self) -> int:
        if self._fatal and threading.current_thread() is threading.main_thread():
            self._fatal = False
            raise Killed
        return super().now_ms()


@dataclass
class LivingSource:
    """Rows by entity and id. `gone` holds what was deleted, `ever_gone` also what came back.

    `begin` begins a run with a script; each page takes `seconds` of the clock. Rows are changed under `lock`.
    """

    clock: Clock
    habits: Habits
    url: str = ""
    seconds: float = 0
    rows: dict[str, dict[int, Row]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    gone: dict[str, dict[int, Row]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    flagged: dict[str, dict[int, Row]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    ever_gone: dict[str, set[int]] = field(default_factory=lambda: {entity: set() for entity in ENTITIES})
    gone_in_this_run: dict[str, set[int]] = field(
        default_factory=lambda: {entity: set() for entity in ENTITIES}
    )
    lock: threading.RLock = field(default_factory=threading.RLock)
    changes: int = 0
    on_kill: Callable[[], None] = lambda: None
    told: list[str] = field(default_factory=list)
    """What happened, in order, for the message of a test that fails."""
    _script: Script = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _numbers: int = 0
    _snapshots: dict[str, list[int]] = field(default_factory=dict)
    _snapshot_number: int = 0

    def fields(self) -> dict[str, str]:
        """The filled-in connect form."""
        return {"url": self.url, "entities": yaml.safe_dump(entities_of(self.habits))}

    def begin(self, script: Script) -> None:
        """A new run begins; tell the script in it."""
        self._asked.clear()
        self._script = script
        self.gone_in_this_run = {entity: set() for entity in ENTITIES}

    def fill(self, entity: str, ages: list[float]) -> None:
        """A row for each of these ages, in days."""
        for age in ages:
            self._write(entity, None, late=age * 86_400)

    def do(self, deed: Deed) -> None:
        """Change rows as of now."""
        with self.lock:
            self._do(deed)

    def _do(self, deed: Deed) -> None:
        rows, gone = self.rows[deed.entity], self.gone[deed.entity]
        among = gone if deed.act == "restore" else rows
        if deed.act == "insert":
            self._write(deed.entity, None, late=deed.late)
            return
        if not among:
            return
        chosen = sorted(among)[deed.which % len(among)]
        self.told.append(f"{deed.act} {deed.entity} {chosen}")
        match deed.act:
            case "update" | "spoil":
                self._write(deed.entity, chosen, late=deed.late, due=SPOILED if deed.act == "spoil" else DUE)
            case "delete":
                gone[chosen] = rows.pop(chosen)
                if self.habits.flags:
                    stamp = self._stamp(deed.late)
                    self.flagged[deed.entity][chosen] = {**gone[chosen], "state": "gone", "changed": stamp}
                self.ever_gone[deed.entity].add(chosen)
                self.gone_in_this_run[deed.entity].add(chosen)
            case "restore" if self.habits.flags:
                del gone[chosen], self.flagged[deed.entity][chosen]
                self._write(deed.entity, chosen, late=deed.late)
            case "restore":
                # As from an archive: its time of change does not tell.
                rows[chosen] = gone.pop(chosen)

    def answer(self, exchange: Exchange, path: str, query: dict[str, str]) -> None:
        """Answer a request below the source's own address."""
        entity = next((name for name, one in ENTITIES.items() if path.split("/")[0] == one), None)
        if path == "me":
            _reply(exchange, {"id": 1})
        elif entity is None:
            _reply(exchange, {"message": "no such path"}, 404)
        elif "/" in path:
            row = self._shown(entity).get(int(path.split("/")[1]))
            _reply(exchange, row or {"message": "no such record"}, 200 if row else 404)
        else:
            self._list(exchange, entity, query)

    def _list(self, exchange: Exchange, entity: str, query: dict[str, str]) -> None:
        deeds = [replace(deed, entity=entity) for deed in self._script.get((entity, self._asked[entity]), [])]
        self._asked[entity] += 1
        if isinstance(self.clock, ManualClock):
            self.clock.advance(self.seconds)
        else:
            time.sleep(self.seconds)
        self.told.append(f"asked {entity} {' '.join(f'{name}={value}' for name, value in query.items())}")
        troubles = {deed.act for deed in deeds}
        for deed in deeds:
            if not deed.inside:
                self.do(deed)
        if "kill" in troubles:
            self.on_kill()
        if "forget" in troubles:
            self._snapshots.clear()
        if "unavailable" in troubles:
            _reply(exchange, {"message": "not now"}, 503)
            return
        try:
            with self.lock:
                content = self._page(entity, query, [deed for deed in deeds if deed.inside])
        except Expired:
            _reply(exchange, {"message": "this position has expired"}, 410)
            return
        if query.get("only"):
            shown = ("id", "changed", *(["state"] if self.habits.flags else []))
            content["rows"] = [{name: row[name] for name in shown} for row in content["rows"]]
        body = json.dumps(content).encode()
        if "cut" in troubles:
            exchange.reply(200, body[: len(body) // 2], Content_Length=str(len(body)))
            exchange.close_connection = True
            return
        exchange.reply(200, body, Content_Type="application/json")

    def _page(self, entity: str, query: dict[str, str], inside: list[Deed]) -> dict[str, Any]:
        """The rows of a page, with what the request asks for. Raises Expired."""
        size = int(query["size"])
        found = self._found(entity, query.get("since"))
        count = {"count": len(found)} if self.habits.counted else {}
        match self.habits.paging:
            case "offset" | "newest":
                if self.habits.paging == "newest":
                    found.sort(key=lambda row: row["changed"], reverse=True)
                start = int(query["offset"])
                chosen = found[start : start + size]
            case "number":
                start = (int(query["page"]) - 1) * size
                chosen = found[start : start + size]
            case "key":
                chosen = [row for row in found if row["id"] > int(query.get("after", 0))][:size]
            case "keyset":
                after = (query.get("after_time", ""), int(query.get("after_id", 0)))
                ordered = sorted(found, key=lambda row: (row["changed"], row["id"]))
                chosen = [row for row in ordered if (row["changed"], row["id"]) > after][:size]
            case "cursor":
                return {**self._from_snapshot(entity, found, size, query.get("cursor"), inside), **count}
        for deed in inside:
            self.do(deed)
        if self.habits.paging not in ("keyset", "newest"):
            # A page by the time of change is of one moment: else a newer time of its last row would hide others.
            chosen = [self._shown(entity).get(row["id"], row) for row in chosen]
        return {"rows": chosen, **count}

    def _from_snapshot(
        self, entity: str, found: list[Row], size: int, cursor: str | None, inside: list[Deed]
    ) -> dict[str, Any]:
        """Ids as they were at the first page, rows as they are; what is gone meanwhile is left out."""
        if cursor is None:
            self._snapshot_number += 1
            cursor = f"{self._snapshot_number}-0"
            self._snapshots[str(self._snapshot_number)] = [row["id"] for row in found]
        number, _, start = cursor.partition("-")
        end = int(start) + size
        for deed in inside:
            self.do(deed)
        ids = self._snapshots.get(number)
        if ids is None:
            raise Expired
        shown = self._shown(entity)
        rows = [shown[one] for one in ids[int(start) : end] if one in shown]
        return {"rows": rows, "next": f"{number}-{end}" if end < len(ids) else None}

    def _found(self, entity: str, since: str | None) -> list[Row]:
        moment = None if since is None else datetime.fromisoformat(since)
        rows = (row for _, row in sorted(self._shown(entity).items()))
        return [row for row in rows if moment is None or datetime.fromisoformat(row["changed"]) >= moment]

    def _shown(self, entity: str) -> dict[int, Row]:
        return {**self.rows[entity], **self.flagged[entity]}

    def _write(self, entity: str, which: int | None, *, late: float, due: str = DUE) -> None:
        self.changes += 1
        if which is None:
            self._numbers += 1
            # New numbers come before and after old ones, as where the number is not counted up.
            which = self._numbers * 7919 % 10_007
            self.told.append(f"insert {entity} {which}")
        self.rows[entity][which] = {
            "id": which,
            "name": f"{entity} {which}",
            "note": f"change {self.changes}",
            "due": due,
            "state": "there",
            "changed": self._stamp(late),
        }

    def _stamp(self, late: float) -> str:
        moment = self.clock.now() + timedelta(seconds=self.habits.skew - late)
        stamp = int(moment.timestamp()) // self.habits.step * self.habits.step
        return datetime.fromtimestamp(stamp, UTC).isoformat()


class Expired(Exception):
    """A position is asked for that the source has forgotten."""


class LivingSources:
    """Serves any number of living sources at one address. Use it by `with`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sources: dict[str, LivingSource] = {}
        self._left = ExitStack()

    def __enter__(self) -> Self:
        self._server = self._left.enter_context(serving(self._answer))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.close()

    def add(self, habits: Habits) -> LivingSource:
        name = f"s{len(self._sources)}"
        self._sources[name] = LivingSource(self._clock, habits, f"{self._server.url}/{name}")
        return self._sources[name]

    def listen(self, take: Callable[[Exchange], None]) -> str:
        """Serve something else beside the sources; its address."""
        return self._left.enter_context(serving(take)).url

    def _answer(self, exchange: Exchange) -> None:
        self._server.requests.clear()
        parts = urlsplit(exchange.path)
        _, name, path = parts.path.split("/", 2)
        self._sources[name].answer(
            exchange, path, {key: one for key, (one,) in parse_qs(parts.query).items()}
        )


def _reply(exchange: Exchange, content: Any, status: int = 200) -> None:
    exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")
