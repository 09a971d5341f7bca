"""The application held against its own OpenAPI document with requests that schemathesis makes up, hostile ones too."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.model.entity import load_model
from appliance.runtime.select import encode
from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox
from tests.support.complete import body
from tests.support.filled import key

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODEL = load_model()
WRITES = {
    (one.method, f"/api/{area}/{one.path}"): one
    for one in MODEL.operations
    if one.method != "GET"
    for area in (one.category, "v1")
}
OF_THE_ACCOUNT = ("/api/system/", "/api/v1/connections/")
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
LIMITS = settings(
    max_examples=2,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ENDS_ITSELF = ("DELETE", "/api/integrations/current")
"""Without parameters it can only end the connection that asks; see test_system_contract.py."""


@pytest.fixture(scope="module")
def schema(complete: Plant) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", complete.app)


def operations(schema: Any) -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) != ENDS_ITSELF:
            yield operation


def call(complete: Plant, case: Any, number: int, spare: str) -> Any:
    """Send a request; every second one is about a record or a connection that is there."""
    path = case.operation.path
    writes = WRITES.get((case.method.upper(), path))
    there = {"connection_id": spare}
    owner = next((one.owner for one in MODEL.operations if path.split("/", 3)[-1] == one.path), None)
    if owner is not None:
        there["key"] = key(MODEL.entities[owner], complete.one.connection.part, 1)
    if number % 2:
        case.path_parameters = {
            name: there.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
        if writes is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            # References that lead somewhere are more than a schema can tell.
            sent = json.loads(encode(body(MODEL, writes, complete.one.connection.part)))
            case.body = {**sent, "file": b"%PDF-1"} if "file" in sent else sent
    token = complete.key if path.startswith(OF_THE_ACCOUNT) else complete.one.token
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    return case.call(base_url="https://localhost")


def test_every_answer_is_as_the_document_says(complete: Plant, schema: Any) -> None:
    spare = connect_sandbox(complete.appliance, "Spare").connection.id
    statuses: Counter[int] = Counter()
    wrong: list[str] = []

    def ask(case: Any) -> None:
        answer = call(complete, case, statuses.total(), spare)
        statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            wrong.extend(f"{case.method} {case.formatted_path}: {one}" for one in failures.exceptions)

    for operation in operations(schema):
        for mode in MODES:
            if mode is GenerationMode.NEGATIVE and not (
                operation.query or operation.body or operation.path_parameters
            ):
                # Nothing of it can be wrong.
                continue
            LIMITS(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    # Shown by `pytest -s`.
    print(f"{statuses.total()} requests, by status {dict(sorted(statuses.items()))}")
    assert not wrong, "\n".join(wrong[:20])
    assert statuses.total() > 1500 and statuses[200] > 300


def test_an_answer_that_is_not_as_it_says_would_be_noticed(complete: Plant) -> None:
    document = complete.json("/api/openapi.json", token="")
    document["components"]["schemas"]["Asset"]["required"] = ["noSuchField"]
    case = schemathesis.openapi.from_dict(document)["/api/eam/assets"]["GET"].Case()
    case.operation.app = complete.app
    answer = call(complete, case, 0, "")
    assert answer.status_code == 200
    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=CHECKS)
