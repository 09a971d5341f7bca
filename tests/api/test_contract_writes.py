"""Every writing operation of the public contract, called in both dialects on a connection that serves it."""

import json

import pytest

from appliance.model.entity import load_model
from appliance.writes.capabilities import kind_of
from tests.api.calls import address, body_of, write
from tests.api.conftest import Plant
from tests.api.contract import BODIES, WRITES, Documented, check_type
from tests.support.complete import REFUSED

MODEL = load_model()
CREATED = [one for one in WRITES if one.operation(MODEL).kind == "create"]
# A list of keys of any entity is mapped by no source; there is nothing to read it from.
UNMAPPED = ("entityKeys",)


def v1(path: str) -> str:
    return "/api/v1/" + path.split("/", 3)[3]


def test_the_list_is_that_of_all_74_writing_operations() -> None:
    assert len(WRITES) == 74
    for documented in WRITES:
        published = set(BODIES.get((documented.method, documented.path), ()))
        assert {field.name for field in documented.operation(MODEL).body} == published


@pytest.mark.parametrize("documented", WRITES, ids=lambda one: f"{one.method} {one.path}")
def test_a_writing_operation_answers_with_every_declared_field(
    complete: Plant, documented: Documented
) -> None:
    sent = body_of(complete, documented)
    path = address(complete, documented)
    for where in (path, v1(path)):
        answer = write(complete, documented, where, sent)
        assert answer.status_code == (201 if documented in CREATED else 200), answer.text
        told = answer.get_json()
        assert list(told) == ["data"]
        record = told["data"]
        declared = MODEL.entities[documented.entity].fields
        assert list(record) == list(declared)
        for field in declared.values():
            new = documented in CREATED and field.name != "key" and field.name not in sent
            # Of a new record the answer tells what was sent; a changed one has all that it had.
            if not new and field.name not in UNMAPPED:
                check_type(MODEL, field, record[field.name], f"{where} {field.name}", filled=False)
        assert answer.headers["X-Sandbox"] == "true" and answer.headers["X-Request-Id"]
        assert record["key"] == path.split("/")[4] if "{key}" in documented.path else record["key"]


@pytest.mark.parametrize("documented", WRITES, ids=lambda one: f"{one.method} {one.path}")
def test_a_field_that_is_none_is_refused_by_its_name(complete: Plant, documented: Documented) -> None:
    path = address(complete, documented)
    sent = {**body_of(complete, documented), "noSuchField": "x"}
    for where in (path, v1(path)):
        answer = write(complete, documented, where, sent)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (422, "VALIDATION_FAILED"), answer.text
        assert [one["field"] for one in error["details"]["fields"]] == ["noSuchField"]
        assert error["details"]["fields"][0]["code"] == "UNKNOWN_FIELD"


NO_FIELDS = [one for one in CREATED if kind_of(one.operation(MODEL)) == "upload"]
"""Parts of a form are told by the upload itself, before there is a body; see tests/writes/test_documents.py."""


def required(documented: Documented) -> list[str]:
    """What is demanded: of a new record all that is published, of a change what the contract says."""
    published = BODIES.get((documented.method, documented.path), {})
    if documented in CREATED:
        return sorted(published)
    # A changed record keeps what is not sent.
    if documented.operation(MODEL).kind == "update":
        return []
    if documented.operation(MODEL).kind == "status":
        return ["statusKey"]
    return sorted(name for name, rules in published.items() if rules.endswith("required"))


@pytest.mark.parametrize(
    "documented",
    [one for one in WRITES if required(one) and one not in NO_FIELDS],
    ids=lambda one: f"{one.method} {one.path}",
)
def test_every_required_field_that_is_missing_is_named(complete: Plant, documented: Documented) -> None:
    path = address(complete, documented)
    for where in (path, v1(path)):
        answer = write(complete, documented, where, {})
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (422, "VALIDATION_FAILED"), answer.text
        told = {one["field"]: one["code"] for one in error["details"]["fields"]}
        assert told == dict.fromkeys(required(documented), "REQUIRED")


@pytest.mark.parametrize("documented", CREATED, ids=lambda one: one.path)
def test_a_repetition_with_the_same_key_is_answered_the_same(complete: Plant, documented: Documented) -> None:
    sent, path = body_of(complete, documented), address(complete, documented)
    headers = {"Idempotency-Key": f"walk {path}"}
    first, again = (write(complete, documented, path, sent, **headers) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first.get_json()


@pytest.mark.parametrize(
    "documented", [one for one in WRITES if "{key}" in one.path], ids=lambda one: f"{one.method} {one.path}"
)
def test_a_record_of_another_connection_is_not_found(complete: Plant, documented: Documented) -> None:
    path = address(complete, documented)
    answer = complete.send(
        documented.method, path, token=complete.other.token, json=body_of(complete, documented)
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "RECORD_NOT_FOUND")


def test_what_the_source_refuses_is_told_in_its_words(complete: Plant) -> None:
    documented = next(one for one in CREATED if one.path == "/api/eam/work-orders")
    sent = {**body_of(complete, documented), "title": REFUSED}
    answer = write(complete, documented, documented.path, sent)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "SOURCE_REJECTED")
    assert "on purpose" in json.dumps(answer.get_json())
