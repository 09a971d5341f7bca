"""The change feed of a connection, over all its entities."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.store.database import Database
from appliance.store.feed import Feed
from appliance.store.records import Records
from tests.support.records import new_record

event = st.tuples(
    st.sampled_from(["write", "delete"]),
    st.sampled_from(["A", "B", "C"]),
    st.integers(0, 5),
    st.integers(0, 9),
)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(st.lists(event, max_size=6), max_size=8), limit=st.integers(1, 5))
def test_a_reader_that_follows_the_feed_holds_what_the_store_holds(
    database: Database, records: Records, batches: list[list[tuple[str, str, int, int]]], limit: int
) -> None:
    feed = Feed(database)
    connection = f"con_{database.value('SELECT count(*) FROM stream')}"
    other = records.stream(f"{connection}_other", "A")
    held: dict[tuple[str, str], str] = {}
    position = 0
    for events in [*batches, []]:
        for what, entity, number, value in events:
            stream = records.stream(connection, entity)
            if what == "write":
                records.write(stream, [new_record(f"k{number}", value)])
                records.write(other, [new_record(f"k{number}", value)])
            else:
                records.mark_deleted(stream, [f"k{number}"], 5)
        more = True
        while more:
            changes, more = feed.after(connection, position, limit, begun_at=0)
            assert len(changes) <= limit and [c.seq for c in changes] == sorted(c.seq for c in changes)
            for change in changes:
                at = (change.entity, change.key)
                position = change.seq
                if change.change == "deleted":
                    assert change.payload is None
                    held.pop(at, None)
                else:
                    # What the reader has not seen is inserted; only what was deleted may come as an update anew.
                    assert change.payload is not None
                    assert change.change == "updated" or at not in held
                    held[at] = change.payload
    there = database.tuples(
        "SELECT entity, key, payload FROM record JOIN stream ON stream.id = stream_id"
        " WHERE connection_id = ? AND deleted_at IS NULL",
        (connection,),
    )
    assert held == {(entity, key): payload for entity, key, payload in there}


def test_only_the_entities_that_are_asked_for(database: Database, records: Records) -> None:
    for entity in ("A", "B"):
        records.write(records.stream("con_1", entity), [new_record("k1")])
    assert [c.entity for c in Feed(database).after("con_1", 0, 10, ["B"], begun_at=0).changes] == ["B"]
    assert Feed(database).after("con_1", 0, 10, [], begun_at=0).changes == []
    assert Feed(database).after("con_2", 0, 10, begun_at=0).changes == []


def test_a_restore_begins_an_epoch(database: Database) -> None:
    feed = Feed(database)
    assert (feed.epoch(), feed.begin_epoch(), feed.epoch()) == (1, 2, 2)
