import json
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.store.database import Database
from appliance.store.records import Records, Stream
from tests.support.records import bury, new_record, real_count, sequence_of


def values(payloads: Sequence[str]) -> list[object]:
    return [json.loads(payload)["value"] for payload in payloads]


def test_a_page_says_what_was_new_changed_and_the_same(records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    assert records.write(stream, [new_record("a"), new_record("b")]) == (2, 0, 0)
    assert records.write(stream, [new_record("a"), new_record("b", 1), new_record("c")]) == (1, 1, 1)
    assert records.count(stream) == 3
    assert values(records.by_id(stream, 0, 10).payloads) == [0, 1, 0]


def test_a_row_that_changed_only_in_what_is_not_mapped_keeps_its_place_in_the_feed(
    database: Database, records: Records
) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record("a"), new_record("b")])
    before = sequence_of(database, stream, "a")
    changed = new_record("a", unmapped="new")
    assert records.write(stream, [changed]) == (0, 0, 1)
    assert sequence_of(database, stream, "a") == before
    assert records.raw(stream, "a") == changed.raw
    assert records.held(stream, ["a"])["a"].hash == changed.hash, "else it is mapped again at every pass"


def test_a_change_moves_to_the_end_of_the_feed_and_keeps_its_place_in_the_list(
    database: Database, records: Records
) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record("a"), new_record("b")])
    records.write(stream, [new_record("a", 1)])
    assert sequence_of(database, stream, "a") > sequence_of(database, stream, "b")
    assert [json.loads(p)["key"] for p in records.by_id(stream, 0, 10).payloads] == ["a", "b"]
    assert database.value("SELECT inserted_seq FROM record WHERE key = 'a'") == 1


def test_a_deleted_record_that_comes_again_lives_again(database: Database, records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record("a"), new_record("b")])
    bury(database, stream, "a")
    assert records.payload(stream, "a") is None
    assert records.held(stream, ["a", "b"]).keys() == {"b"}
    before = sequence_of(database, stream, "a")
    assert records.write(stream, [new_record("a")]) == (0, 1, 0)
    assert records.count(stream) == real_count(database, stream) == 2
    assert sequence_of(database, stream, "a") > before
    assert records.payload(stream, "a") is not None


def test_streams_do_not_see_one_another(records: Records) -> None:
    first, second = records.stream("con_1", "Vendor"), records.stream("con_2", "Vendor")
    records.write(first, [new_record("a")])
    records.write(second, [new_record("a", 2), new_record("b", 2)])
    assert (records.count(first), records.count(second)) == (1, 2)
    assert values(records.by_id(first, 0, 10).payloads) == [0]
    assert records.held(first, ["a", "b"]).keys() == {"a"}
    assert records.counts("con_2") == {"Vendor": 2}


def test_the_source_row_is_kept_as_it_came_with_and_without_a_dictionary(records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    few = [new_record("few", unmapped="ä" * 100)]
    many = [new_record(f"k{n}", n, unmapped="text of the row") for n in range(300)]
    records.write(stream, few)
    records.write(stream, many)
    records.write(stream, [new_record("later", 1)])
    for record in (*few, *many, new_record("later", 1)):
        assert records.raw(stream, record.key) == record.raw


def test_a_dictionary_that_was_rolled_back_is_not_used(database: Database, records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    many = [new_record(f"k{n}", n, unmapped="text of the row") for n in range(300)]
    try:
        with database.write():
            records.write(stream, many)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    records.write(stream, many)
    assert records.raw(stream, "k7") == many[7].raw


def test_erasing_a_connection_leaves_the_others(database: Database, records: Records) -> None:
    first, second = records.stream("con_1", "Vendor"), records.stream("con_2", "Vendor")
    for stream in (first, second):
        records.write(stream, [new_record(f"k{n}") for n in range(60)])
    assert records.erase("con_1") == 60
    assert records.count(first) == real_count(database, first) == 0
    assert records.count(second) == real_count(database, second) == 60


key = st.sampled_from("abcdefgh")
page = st.lists(st.tuples(key, st.integers(0, 2)), max_size=6, unique_by=lambda pair: pair[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(page, key), max_size=12))
def test_the_kept_count_and_the_counts_of_a_page_are_always_right(
    database: Database, records: Records, steps: list[str | list[tuple[str, int]]]
) -> None:
    stream = _new_stream(database, records)
    expected: dict[str, int] = {}
    ever: set[str] = set()
    for step in steps:
        if isinstance(step, str):
            bury(database, stream, step)
            expected.pop(step, None)
        else:
            new = sum(name not in ever for name, _ in step)
            same = sum(expected.get(name) == value for name, value in step)
            written = records.write(stream, [new_record(name, value) for name, value in step])
            assert written == (new, len(step) - new - same, same)
            expected.update(step)
            ever.update(name for name, _ in step)
        assert records.count(stream) == real_count(database, stream) == len(expected)
    listed = [json.loads(payload) for payload in records.by_id(stream, 0, 100).payloads]
    assert {each["key"]: each["value"] for each in listed} == expected


def _new_stream(database: Database, records: Records) -> Stream:
    return records.stream(f"con_{database.value('SELECT count(*) FROM stream')}", "Vendor")
