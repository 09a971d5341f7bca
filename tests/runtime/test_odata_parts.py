"""Literals, keys and batches of OData, one by one."""

from datetime import UTC, datetime

import pytest

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.protocols.odata.batch import Operation, decode_batch, encode_batch
from appliance.runtime.protocols.odata.edmx import EntityType
from appliance.runtime.protocols.odata.literals import key_predicate, literal, moment_literal, removed_row
from appliance.runtime.protocols.odata.options import split
from appliance.transport.http import Response

LINE = EntityType("Line", ("Order", "Line"), {"Order": "Edm.String", "Line": "Edm.Int32"})
GUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("version", "kind", "value", "written"),
    [
        (2, "Edm.String", "O'Brien", "'O''Brien'"),
        (2, "Edm.Decimal", "10.50", "10.50m"),
        (4, "Edm.Decimal", "10.50", "10.50"),
        (2, "Edm.Int64", 7, "7L"),
        (4, "Edm.Int64", "7", "7"),
        (2, "Edm.Guid", GUID, f"guid'{GUID}'"),
        (4, "Edm.Guid", GUID, GUID),
        (2, "Edm.Time", "PT08H30M00S", "time'PT08H30M00S'"),
        (4, "Edm.TimeOfDay", "08:30:00", "08:30:00"),
        (4, "Edm.Boolean", True, "true"),
        (4, "a.Kind", "High", "a.Kind'High'"),
    ],
)
def test_a_value_is_written_as_its_version_and_type_ask(version, kind, value, written):
    assert literal(version, kind, value, {"a.Kind"}) == written


@pytest.mark.parametrize("value", ["1 or 1 eq 1", "1'", "x"])
def test_a_value_that_is_not_of_its_type_cannot_slip_into_a_filter(value):
    with pytest.raises(ValueError):
        literal(4, "Edm.Int32", value)
    with pytest.raises(ValueError):
        literal(4, "Edm.Guid", "'")


def test_a_service_may_have_its_own_time_literals():
    moment = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    assert moment_literal(2, "Edm.DateTime", moment, {}) == "datetime'2026-01-04T00:00:00'"
    assert moment_literal(4, "Edm.DateTimeOffset", moment, {}) == "2026-01-05T08:00:00Z"
    assert (
        moment_literal(4, "Edm.DateTimeOffset", moment, {"Edm.DateTimeOffset": "'%Y-%m-%d'"})
        == "'2026-01-04'"
    )


def test_a_key_of_several_parts_is_named():
    assert key_predicate(2, LINE, {"Order": "A,1", "Line": 10}) == "(Order='A,1',Line=10)"


@pytest.mark.parametrize(
    "said",
    [
        {"@removed": {"reason": "deleted"}, "@odata.id": "https://h/s/Lines(Order='A,''1',Line=10)"},
        {"@odata.context": "$metadata#Lines/$deletedEntity", "id": "Lines(Order='A,''1',Line=10)"},
    ],
)
def test_the_key_of_a_removed_entity_is_taken_from_its_address(said):
    assert removed_row(said, LINE) == b'{"Order":"A,\'1","Line":"10"}'


def test_a_row_that_stays_is_not_removed():
    assert removed_row({"Order": "A", "Line": 1}, LINE) is None


def test_expands_are_split_outside_of_brackets_and_quotes():
    assert split("A($select=x,y;$filter=n eq 'a;,('),B", ",") == ["A($select=x,y;$filter=n eq 'a;,(')", "B"]


def test_a_change_set_is_one_part_with_numbered_operations():
    content_type, body = encode_batch(
        [Operation("GET", "A('1')"), (Operation("POST", "B", {"Content-Type": "application/json"}, b"{}"),)]
    )
    assert content_type.startswith("multipart/mixed; boundary=batch_")
    assert b"\r\n\r\nGET A('1') HTTP/1.1\r\n\r\n" in body
    assert (
        b"Content-ID: 1\r\n\r\nPOST B HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        in body
    )
    assert body.count(b"multipart/mixed; boundary=changeset_") == 1


def test_answers_are_taken_apart_also_from_change_sets():
    inner = (
        b"--cs\r\nContent-Type: application/http\r\nContent-Length: 99\r\n\r\n"
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n"
        b'{"a":1}\r\n--cs\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--cs--'
    )
    body = (
        b"--b\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n" + inner + b"\r\n"
        b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 404 Not Found\r\netag: x\r\n\r\nno\r\n--b--\r\n"
    )
    answers = decode_batch(Response(202, {"Content-Type": 'multipart/mixed; boundary="b"'}, body, "u", 0.0))
    assert [(a.status, a.body) for a in answers] == [(201, b'{"a":1}'), (204, b""), (404, b"no")]
    assert answers[2].header("Etag") == "x"


def test_an_answer_that_is_no_batch_is_refused():
    with pytest.raises(SourceAnswerInvalid, match="not multipart"):
        decode_batch(Response(200, {"Content-Type": "text/html"}, b"<html>", "u", 0.0))
