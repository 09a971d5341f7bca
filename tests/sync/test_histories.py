"""A source that changes and fails while it is read, told by random histories: in the end the store is as the source.

A history is some runs with what happens to the source before, between and in the middle of their pages. Whatever that
was, one incremental run and one full one later, with the source at rest, everything is there once and as it is, and on
the way nothing that was there was ever said to be deleted. APPLIANCE_TEST_HISTORIES sets how many are told;
APPLIANCE_TEST_SHRINK=1 looks for the shortest one that fails, which takes minutes.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appliance.app import Appliance
from tests.support.appliance import Appliances, work
from tests.support.living import SPOILED, Deed, LivingSource, LivingSources, MortalClock, Script
from tests.support.living_habits import ENTITIES, FURTHEST, LATEST, Habits, Paging
from tests.support.plant import CONNECTORS, Killed

HISTORIES = int(os.environ.get("APPLIANCE_TEST_HISTORIES", "140"))
PHASES = (
    list(Phase) if os.environ.get("APPLIANCE_TEST_SHRINK") else [Phase.explicit, Phase.reuse, Phase.generate]
)
PAGINGS: tuple[Paging, ...] = get_args(Paging)
HISTORICAL_DAYS = 30
TRIES = 5
NOTE = {"Vendor": "name", "WorkOrder": "title", "Team": "name"}


@dataclass(frozen=True)
class Chapter:
    """One run: `gap` seconds and deeds before it, then what happens at its pages, each of which takes `seconds`."""

    mode: str = "incremental"
    gap: int = 60
    before: tuple[Deed, ...] = ()
    script: Script = field(default_factory=dict)
    seconds: int = 0


@dataclass(frozen=True)
class History:
    """`ages` are those of the rows at the start, in days, by entity."""

    habits: Habits
    ages: dict[str, list[int]]
    first: Script
    chapters: list[Chapter]


changes = partial(
    st.builds,
    Deed,
    act=st.sampled_from(["insert", "update", "update", "spoil", "delete", "delete", "restore"]),
    which=st.sampled_from([0, 0, 1, 2, 3, 5, 8]),
    late=st.sampled_from([0, 0, 1, 59, LATEST]),
    inside=st.booleans(),
)
between = changes(entity=st.sampled_from(list(ENTITIES)))
troubles = st.builds(Deed, act=st.sampled_from(["unavailable", "cut", "forget", "kill"]))
scripts = st.dictionaries(
    st.tuples(st.sampled_from(list(ENTITIES)), st.integers(0, 4)),
    st.lists(st.one_of(changes(), changes(), changes(), troubles), min_size=1, max_size=3),
    min_size=3,
    max_size=9,
)  # fmt: skip
histories = st.builds(
    History,
    habits=st.builds(
        Habits,
        size=st.sampled_from([1, 2, 2, 3, 3, 4, 5, 6, 7]),
        skew=st.sampled_from([0, 0, -FURTHEST, -61, 61, FURTHEST]),
        step=st.sampled_from([1, 60]),
        keys=st.booleans(),
        singly=st.booleans(),
        stamped=st.sampled_from([True, True, True, False]),
        flags=st.sampled_from([False, False, True]),
        counted=st.booleans(),
    ),
    ages=st.fixed_dictionaries(
        {entity: st.lists(st.integers(0, 45), min_size=5, max_size=9) for entity in ENTITIES}
    ),
    first=scripts,
    chapters=st.lists(
        st.builds(
            Chapter,
            mode=st.sampled_from(["incremental", "incremental", "full", "reconcile"]),
            gap=st.sampled_from([1, 60, 900, 3600, 86_400]),
            before=st.lists(between, max_size=4).map(tuple),
            script=scripts,
            seconds=st.sampled_from([0, 1, 60, 60]),
        ),
        min_size=1,
        max_size=4,
    ),
)


class Site:
    """One appliance for all histories; each connects a source of its own."""

    def __init__(self, appliance: Appliance, clock: MortalClock, sources: LivingSources) -> None:
        self.appliance, self.clock, self.sources = appliance, clock, sources
        appliance.database.run("CREATE TABLE told_deleted (stream_id, code)")
        appliance.database.run(
            "CREATE TRIGGER tell_deleted AFTER UPDATE OF deleted_at ON record WHEN NEW.deleted_at IS NOT NULL"
            " BEGIN INSERT INTO told_deleted VALUES (NEW.stream_id, OLD.payload ->> 'code'); END"
        )

    def tell(self, history: History) -> "Telling":
        return Telling(self, history)


class Telling:
    """A history, told as far as it went."""

    def __init__(self, site: Site, history: History) -> None:
        self.site, self.appliance, self.clock = site, site.appliance, site.clock
        self.source: LivingSource = site.sources.add(history.habits)
        self.source.on_kill = self.clock.kill
        for entity, ages in history.ages.items():
            self.source.fill(entity, [float(age) for age in ages])
        self.began = self.clock.now()
        made = self.appliance.connections.connect(
            system="living",
            name=self.source.url,
            fields=self.source.fields(),
            historical_days=HISTORICAL_DAYS,
        )
        self.connection_id = made.connection.id
        self.run(Chapter(mode="first", gap=0, script=history.first))
        for chapter in history.chapters:
            self.run(chapter)

    def run(self, chapter: Chapter) -> None:
        """One run to its end, begun again after every kill."""
        self.clock.advance(chapter.gap)
        for deed in chapter.before:
            self.source.do(deed)
        self.source.seconds = chapter.seconds
        self.source.told.append(f"-- {chapter.mode}")
        gone = {entity: set(rows) for entity, rows in self.source.gone.items()}
        self.appliance.database.run("DELETE FROM told_deleted")
        self.source.begin(dict(chapter.script))
        if chapter.mode != "first":
            self.appliance.planner.request_run(self.connection_id, mode=chapter.mode)  # type: ignore[arg-type]
        while True:
            try:
                work(self.appliance)
            except Killed:
                continue
            break
        self.clock.spare()
        newest = self.appliance.planner.runs.recent(self.connection_id, 1)[0]
        self.source.told.append(f"-- {newest['mode']}: {newest['state']}")
        for entity in ENTITIES:
            ever = gone[entity] | self.source.gone_in_this_run[entity]
            assert self.told_deleted(entity) <= ever, (
                f"{entity}: said to be deleted and is there\n" + self.story(entity)
            )

    def told_deleted(self, entity: str) -> set[int]:
        stream = self.appliance.records.stream(self.connection_id, entity)
        rows = self.appliance.database.tuples(
            "SELECT code FROM told_deleted WHERE stream_id = ?", (stream.id,)
        )
        return {int(row[0]) for row in rows}

    def rest(self, mode: str) -> None:
        """A run of a source at rest, which must succeed, if not at once: a pass that cannot go on where it stood
        begins again after some tries."""
        for _ in range(TRIES):
            self.run(Chapter(mode=mode, gap=3600))
            newest = self.appliance.planner.runs.recent(self.connection_id, 1)[0]
            if newest["state"] == "completed":
                return
        raise AssertionError(self.appliance.planner.describe_run(newest["id"]))

    def held(self, entity: str) -> dict[int, tuple[str, dict[str, Any]]]:
        """By the source's key: the note in the unified record, and the row as it came."""
        stream = self.appliance.records.stream(self.connection_id, entity)
        found: dict[int, tuple[str, dict[str, Any]]] = {}
        for row in self.appliance.database.rows(
            "SELECT key, payload FROM record WHERE stream_id = ? AND deleted_at IS NULL", (stream.id,)
        ):
            raw = json.loads(self.appliance.records.raw(stream, row["key"]) or b"")
            assert raw["id"] not in found, "a row is held twice"
            found[raw["id"]] = (json.loads(row["payload"])[NOTE[entity]], raw)
        assert self.appliance.records.count(stream) == len(found)
        return found

    def expect_all_as_they_are(self, *, restored: Literal["perhaps", "there", "as they are"]) -> None:
        """Every row is held as it is, but for what the historical period leaves out.

        What came back from an archive, with the time it had, no incremental pass sees; that it is there shows in its
        key, and what it holds only when everything is read.
        """
        for entity in ENTITIES:
            held, rows = self.held(entity), self.source.rows[entity]
            for one, row in rows.items():
                if row["due"] == SPOILED or self.may_be_left_out(entity, row):
                    # What cannot become a record waits, and what there was of it stays.
                    continue
                silently = one in self.source.ever_gone[entity] and not self.source.habits.flags
                if not silently or restored == "as they are":
                    assert held.get(one) == (row["note"], row), f"{entity} {one}\n" + self.story(entity)
                elif restored == "there":
                    assert one in held, f"{entity} {one}\n" + self.story(entity)

    def expect_no_ghost(self) -> None:
        for entity in ENTITIES:
            if entity == "WorkOrder" and not self.source.habits.stamped:
                # Whether it has left the historical period, or the source, nothing tells.
                continue
            ghosts = {
                one
                for one, (_, row) in self.held(entity).items()
                if one not in self.source.rows[entity] and not self.may_be_left_out(entity, row)
            }
            if ghosts and self.is_held(entity):
                continue
            assert not ghosts, f"{entity} {ghosts}\n" + self.story(entity)

    def story(self, entity: str) -> str:
        told = [line for line in self.source.told if entity in line or line.startswith("--")]
        told += map(str, self.appliance.planner.runs.notices(self.connection_id))
        return "\n".join([repr(self.source.habits), *told])

    def is_held(self, entity: str) -> bool:
        """Whether a person is asked, since too much would vanish."""
        return (
            self.appliance.database.value(
                "SELECT 1 FROM deletion_hold WHERE connection_id = ? AND entity = ? AND state = 'open'",
                (self.connection_id, entity),
            )
            is not None
        )

    def expect_refused_rows_kept(self) -> None:
        """Rows that cannot become records wait in quarantine, and none that is fine does."""
        for entity in ENTITIES:
            kept = {
                json.loads(self.appliance.rejected_rows.one(self.connection_id, row["id"])["raw"])["id"]
                for row in self.appliance.rejected_rows.page(self.connection_id, entity=entity, limit=1000)
            }
            rows = self.source.rows[entity]
            spoiled = {one for one, row in rows.items() if row["due"] == SPOILED}
            fine = rows.keys() - spoiled
            missing = {one for one in spoiled - kept if not self.may_be_left_out(entity, rows[one])}
            assert not missing and not kept & fine, f"{entity} {missing} {kept & fine}" + self.story(entity)

    def may_be_left_out(self, entity: str, row: dict[str, Any]) -> bool:
        edge = self.began - timedelta(days=HISTORICAL_DAYS - 5)
        return entity == "WorkOrder" and datetime.fromisoformat(row["changed"]) < edge


def is_steady(habits: Habits) -> bool:
    """Whether a pass reads every row that is there all the time, though others go: pages by number may skip some."""
    return habits.paging in ("key", "keyset", "cursor") or (
        habits.paging in ("offset", "newest") and habits.size > 1
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    clock = MortalClock(auto=True)
    folder: Path = tmp_path_factory.mktemp("histories")
    with Appliances(folder) as appliances, LivingSources(clock) as sources:
        yield Site(appliances.open(clock, connectors_dir=CONNECTORS), clock, sources)


@pytest.mark.parametrize("paging", PAGINGS)
@settings(
    max_examples=-(-HISTORIES // len(PAGINGS)),
    deadline=None,
    print_blob=True,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories)
def test_in_the_end_the_store_is_as_the_source(site: Site, paging: Paging, history: History) -> None:
    history = replace(history, habits=replace(history.habits, paging=paging))
    telling = site.tell(history)
    telling.rest("incremental")
    if is_steady(history.habits):
        telling.expect_all_as_they_are(restored="perhaps")
        if history.habits.flags:
            telling.expect_no_ghost()
    telling.rest("reconcile")
    if is_steady(history.habits):
        # What one pass by pages or tokens misses, a second one has to confirm.
        telling.rest("reconcile")
        # Rows that are lacking, and cannot be asked for one by one, come with the next synchronization.
        telling.rest("incremental")
        telling.expect_all_as_they_are(restored="there")
    telling.rest("full")
    telling.expect_all_as_they_are(restored="as they are")
    telling.expect_no_ghost()
    telling.expect_refused_rows_kept()


def test_a_row_that_gets_behind_the_reader_is_not_deleted(site: Site) -> None:
    """A long transaction of the source gives a row an earlier time than it had when it was last read."""
    telling = site.tell(
        History(
            Habits("keyset", size=1, keys=False, singly=False),
            {"Vendor": [], "WorkOrder": [], "Team": [20, 10, 5, 1]},
            first={},
            chapters=[
                Chapter(before=(Deed("update", "Team", 0), Deed("update", "Team", 1, late=60))),
                Chapter(mode="full", gap=1, script={("Team", 3): [Deed("update", which=0, late=120)]}),
            ],
        )
    )
    assert len(telling.held("Team")) == 4
    telling.rest("full")
    telling.expect_all_as_they_are(restored="as they are")


def test_a_transaction_that_leaves_the_historical_period_is_not_deleted(site: Site) -> None:
    """Where the time of its change is not told, it looks like one that is gone."""
    telling = site.tell(
        History(
            Habits("keyset", stamped=False, singly=False),
            {"Vendor": [], "WorkOrder": [HISTORICAL_DAYS - 1, 1], "Team": []},
            first={},
            chapters=[Chapter(mode="full", gap=2 * 86_400), Chapter(mode="reconcile", gap=86_400)],
        )
    )
    assert len(telling.held("WorkOrder")) == 2


def test_a_list_that_ends_early_does_not_hide_what_is_gone_behind_its_count(site: Site) -> None:
    """What is listed newest first is read as far as the historical period goes; the source counts all of it."""
    telling = site.tell(
        History(
            Habits("newest", size=2, keys=False, counted=True),
            {"Vendor": [], "WorkOrder": [60, 50, 10, 5, 1], "Team": []},
            first={},
            chapters=[],
        )
    )
    held = telling.held("WorkOrder")
    assert len(held) < 5, "else the pass did not end early"
    which = sorted(telling.source.rows["WorkOrder"]).index(min(held))
    telling.source.do(Deed("delete", "WorkOrder", which))
    telling.rest("full")
    assert telling.held("WorkOrder").keys() == held.keys() - {min(held)}
