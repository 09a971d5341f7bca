"""Which files are taken, once each, and when."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import SourceAccessDenied
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Page, Since
from tests.runtime.opened import all_pages, defined, outbound
from tests.support.clock import ManualClock

HEAD = "no,name\n"


class Inbox:
    """A folder, and passes over it; `now` is what the clock of both shows, in seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.mark: Any = None

    @property
    def now(self) -> int:
        return self.clock.now_ms() // 1000

    def put(self, name: str, content: str, *, age: int = 3600) -> None:
        path = self.folder / name
        path.write_text(content)
        os.utime(path, (self.now - age, self.now - age))

    def connector(self, **said: Any) -> Connector:
        read = {"protocol": "files", "files": "*.csv", "format": {"kind": "csv"}, **said}
        entity = {"key": ["no"], "incremental": "mark", "read": read, "map": {"code": "no"}}
        fields = {"place": "local", "folder": str(self.folder)}
        way = outbound(self.clock, folders=[self.folder.parent])
        return defined({"files": {}, "entities": {"Vendor": entity}}, fields, way=way, clock=self.clock)

    def pages(self, **said: Any) -> list[Page]:
        """A whole pass, whose mark is kept as a successful run keeps it."""
        pages = all_pages(self.connector(**said), "Vendor", Since(mark=self.mark))
        marks = [page.mark for page in pages if page.mark is not None]
        self.mark = msgspec.json.decode(msgspec.json.encode(marks[-1])) if marks else self.mark
        return pages

    def take(self, **said: Any) -> list[str]:
        return numbers(self.pages(**said))


def numbers(pages: list[Page]) -> list[str]:
    return [msgspec.json.decode(row)["no"] for page in pages for row in page.rows]


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    (tmp_path / "in").mkdir()
    return Inbox(tmp_path / "in")


def test_files_are_taken_once_oldest_first(inbox):
    inbox.put("b.csv", HEAD + "3,c\n", age=100)
    inbox.put("a.csv", HEAD + "1,a\n2,b\n", age=200)
    inbox.put("notes.txt", "no csv")
    assert inbox.take() == ["1", "2", "3"]
    assert inbox.take() == []
    inbox.put("c.csv", HEAD + "4,d\n", age=90)
    assert inbox.take() == ["4"]


def test_a_changed_file_is_taken_again_but_not_one_that_only_was_touched(inbox):
    inbox.put("a.csv", HEAD + "1,a\n", age=500)
    assert inbox.take() == ["1"]
    inbox.put("a.csv", HEAD + "1,a\n", age=400)
    assert inbox.take() == []
    inbox.put("a.csv", HEAD + "1,b\n", age=300)
    assert inbox.take() == ["1"]


def test_a_file_still_being_written_is_left_for_later(inbox):
    inbox.put("a.csv", HEAD + "1,a\n", age=30)
    inbox.put("b.csv.part", HEAD + "2,b\n")
    assert inbox.take() == []
    inbox.clock.advance(40)
    assert inbox.take() == ["1"]


def test_a_file_that_grows_while_it_is_copied_is_left_for_later(inbox, monkeypatch):
    inbox.put("a.csv", HEAD + "1,a\n", age=500)
    inbox.put("b.csv", HEAD + "2,b\n", age=400)
    connector = inbox.connector()
    folder = connector.source.folder
    opening = folder.open

    def open_and_grow(name: str):
        file = opening(name)
        if name == "a.csv":
            inbox.put("a.csv", HEAD + "1,a\n9,z\n", age=0)
        return file

    monkeypatch.setattr(folder, "open", open_and_grow)
    pages = all_pages(connector, "Vendor")
    assert numbers(pages) == ["2"]
    assert pages[0].notices == ("a.csv is left for later: it is still being written.",)
    assert list(pages[-1].mark["taken"]) == ["b.csv"]


def test_a_file_waits_for_its_marker(inbox):
    inbox.put("a.csv", HEAD + "1,a\n")
    assert inbox.take(marker=".done") == []
    inbox.put("a.csv.done", "")
    assert inbox.take(marker=".done") == ["1"]


def test_a_clock_ahead_of_ours_needs_two_looks(inbox):
    inbox.put("a.csv", HEAD + "1,a\n", age=-600)
    assert inbox.take() == []
    assert inbox.take() == ["1"]


def test_of_snapshots_only_the_newest_counts(inbox):
    inbox.put("s1.csv", HEAD + "1,a\n2,b\n", age=300)
    inbox.put("s2.csv", HEAD + "2,b\n3,c\n", age=200)
    assert inbox.take(mode="snapshot") == ["2", "3"]
    assert inbox.take(mode="snapshot") == []


def test_a_file_that_grows_is_read_on(inbox):
    inbox.put("log.csv", HEAD + "1,a\n2,b\n", age=300)
    assert inbox.take(mode="append") == ["1", "2"]
    inbox.put("log.csv", HEAD + "1,a\n2,b\n3,c\n", age=200)
    assert inbox.take(mode="append") == ["3"]
    inbox.put("log.csv", HEAD + "4,d\n", age=100)
    assert inbox.take(mode="append") == ["4"]


def test_files_are_archived_only_after_their_rows_were_stored(inbox):
    inbox.put("a.csv", HEAD + "1,a\n", age=300)
    assert inbox.take(archive="done") == ["1"]
    assert (inbox.folder / "a.csv").exists(), "the run may still fail"
    assert inbox.take(archive="done") == []
    assert (inbox.folder / "done" / "a.csv").read_text() == HEAD + "1,a\n"
    assert not (inbox.folder / "a.csv").exists()
    assert inbox.mark["taken"] == {}
    inbox.put("a.csv", HEAD + "2,b\n", age=200)
    assert inbox.take(archive="done") == ["2"]
    inbox.take(archive="done")
    assert len(list((inbox.folder / "done").iterdir())) == 2, "nothing is written over"


def test_a_full_pass_reads_what_was_taken(inbox):
    inbox.put("a.csv", HEAD + "1,a\n")
    assert inbox.take() == ["1"]
    inbox.mark = None
    assert inbox.take() == ["1"]


def test_broken_rows_are_counted_and_a_broken_file_does_not_stop_the_others(inbox):
    inbox.put("a.csv", HEAD + "1,a\n2\n3,c\n", age=300)
    pages = inbox.pages()
    assert numbers(pages) == ["1", "3"]
    assert pages[0].rejected == ("Line 3 has 1 values, there are 2 columns.",)
    inbox.put("b.json", '[{"no": "7"', age=200)
    inbox.put("c.json", '[{"no": "8"}]', age=100)
    pages = inbox.pages(files="*.json", format={"kind": "json"})
    assert numbers(pages) == ["8"]
    assert pages[0].notices[0].startswith("b.json is left for later: it is no complete JSON")
    assert list(inbox.mark["taken"]) == ["c.json"]


def many(count: int) -> str:
    return HEAD + "".join(f"{n},x\n" for n in range(count))


def test_a_pass_goes_on_from_any_page_in_another_process(inbox):
    inbox.put("a.csv", many(7), age=300)
    inbox.put("b.csv", HEAD + "b1,x\nb2,x\n", age=200)
    position, found = inbox.connector().pages("Vendor").first(), []
    while position is not None:
        pages = inbox.connector(size=3).pages("Vendor")
        page = pages.fetch(position, EVERYTHING, resuming=True, sample=False)
        found.append(page)
        position = msgspec.json.decode(msgspec.json.encode(page.next))
    assert numbers(found) == [*map(str, range(7)), "b1", "b2"]
    assert sorted(found[-1].mark["taken"]) == ["a.csv", "b.csv"]


def test_a_file_changed_between_two_attempts_begins_the_pass_again(inbox):
    inbox.put("a.csv", many(7), age=300)
    pages = inbox.connector(size=3).pages("Vendor")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    inbox.put("a.csv", many(6), age=200)
    with pytest.raises(ResumeRefused):
        inbox.connector(size=3).pages("Vendor").fetch(page.next, EVERYTHING, resuming=True, sample=False)


def test_rows_of_an_order_are_not_torn_apart_by_a_page(inbox):
    inbox.put("a.csv", "no,line\n1,1\n1,2\n1,3\n2,1\n3,1\n3,2\n")
    pages = inbox.pages(size=2, group={"by": ["no"], "into": "lines"})
    rows = [msgspec.json.decode(row) for page in pages for row in page.rows]
    assert [[line["line"] for line in row["lines"]] for row in rows] == [["1", "2", "3"], ["1"], ["1", "2"]]


def test_only_folders_the_settings_name_can_be_read(inbox, tmp_path):
    (tmp_path.parent / "secret").mkdir(exist_ok=True)
    (inbox.folder / "link").symlink_to(tmp_path.parent / "secret")
    (inbox.folder / "away.csv").symlink_to("/etc/passwd")
    assert inbox.take() == [], "links are passed over"
    way = outbound(folders=[inbox.folder])
    for folder in (str(tmp_path), str(inbox.folder / "link"), f"{inbox.folder}/../../secret", "/etc"):
        fields = {"place": "local", "folder": folder}
        entity = {
            "key": ["no"],
            "read": {"protocol": "files", "files": "*", "format": {"kind": "csv"}},
            "map": {},
        }
        connector = defined({"files": {}, "entities": {"Vendor": entity}}, fields, way=way)
        with pytest.raises(SourceAccessDenied, match=r"files\.folders"):
            connector.source.folder.list()
