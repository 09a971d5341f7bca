"""The OpenAPI document: valid, complete, true of what is answered; its variant, its pages, its collection."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox, work


@pytest.fixture(scope="module")
def document(plant: Plant) -> dict[str, Any]:
    found: dict[str, Any] = plant.json("/api/openapi.json", token="")
    return found


@pytest.fixture(scope="module")
def variant(plant: Plant) -> dict[str, Any]:
    found: dict[str, Any] = plant.json("/api/v1/openapi.json")
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def check(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> None:
    """Raises ValidationError where the instance is not as the schema of the document says."""
    OAS31Validator({"components": document["components"], **schema}).validate(instance)


def answered(document: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any]:
    responses = document["paths"][path][method]["responses"]
    schema: dict[str, Any] = responses[str(status)]["content"]["application/json"]["schema"]
    return schema


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    """One path of each shape: the validator takes half a minute for all, and all are made by the same lines."""
    assert document["openapi"] == "3.1.0"
    shapes: dict[tuple[str, ...], str] = {}
    for path, methods in document["paths"].items():
        told = next(iter(methods.values()))
        about = "" if told["tags"] != ["System"] else path
        dated = r"[a-z]+_(?:after|before)"
        names = {re.sub(dated, "date", one["name"]) for one in told["parameters"]}
        shape = (about, *methods, re.sub(r"[a-z-]+", "x", path), *sorted(names))
        shapes.setdefault(shape, path)
    sample = {path: document["paths"][path] for path in shapes.values()}
    assert 20 < len(sample) < 140
    used = set(re.findall("#/components/schemas/([A-Za-z]+)", json.dumps(sample))) | {"Error"}
    while (more := used | names_in(document, used)) != used:
        used = more
    schemas = {name: document["components"]["schemas"][name] for name in used}
    validate({**document, "paths": sample, "components": {**document["components"], "schemas": schemas}})


def names_in(document: dict[str, Any], schemas: set[str]) -> set[str]:
    told = [document["components"]["schemas"][name] for name in schemas]
    return set(re.findall("#/components/schemas/([A-Za-z]+)", json.dumps(told)))


def test_every_schema_is_one(document: dict[str, Any], variant: dict[str, Any]) -> None:
    for one in (document, variant):
        for schema in one["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any], variant: dict[str, Any]) -> None:
    for one in (document, variant):
        used = set(re.findall("#/components/schemas/([A-Za-z]+)", json.dumps(one)))
        assert used <= set(one["components"]["schemas"])


def test_every_route_of_the_api_is_in_it_and_nothing_else(plant: Plant, document: dict[str, Any]) -> None:
    served = set()
    for rule in plant.app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/link/", "/sync-status")):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            served |= {(m.lower(), path) for m in rule.methods or () if m not in ("HEAD", "OPTIONS")}
    assert {(method, path) for method, path, _ in operations(document)} == served
    assert len(served) > 200


def test_every_operation_is_named_once_and_says_what_it_does(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert "default" in operation["responses"], (method, path)


def test_every_parameter_of_lists_is_described(plant: Plant, document: dict[str, Any]) -> None:
    for path in ("/api/eam/assets", "/api/erp/purchase-orders", "/api/v1/work-orders"):
        told = {p["name"] for p in document["paths"][path]["get"]["parameters"] if p["in"] == "query"}
        refused = plant.get(path, query_string={"no-such": "1"}).get_json()["error"]["details"]["allowed"]
        assert told == {name.partition("[")[0] for name in refused}


def test_lists_and_records_are_answered_as_it_says(plant: Plant, document: dict[str, Any]) -> None:
    checked = 0
    for method, path, _ in operations(document):
        if method != "get" or not path.startswith(("/api/eam/", "/api/erp/", "/api/wms/")) or "{" in path:
            continue
        answer = plant.get(path)
        if answer.status_code != 200:
            continue
        body = answer.get_json()
        check(document, answered(document, "get", path, 200), body)
        checked += len(body["data"])
        if body["data"] and f"{path}/{{key}}" in document["paths"]:
            record = plant.json(f"{path}/{body['data'][0]['key']}")
            check(document, answered(document, "get", f"{path}/{{key}}", 200), record)
    assert checked > 300


def test_a_wrong_answer_would_be_noticed(plant: Plant, document: dict[str, Any]) -> None:
    body = plant.json("/api/erp/purchase-orders?per_page=1")
    body["data"][0]["lineItems"][0]["quantity"] = [1]
    with pytest.raises(Exception, match="is not"):
        check(document, answered(document, "get", "/api/erp/purchase-orders", 200), body)


def test_a_document_is_told_as_the_parts_of_a_form(document: dict[str, Any]) -> None:
    for path in ("/api/eam/documents", "/api/v1/documents"):
        told = document["paths"][path]["post"]
        (kind,) = told["requestBody"]["content"]
        assert kind == "multipart/form-data" and "202" not in told["responses"]
        parts = told["requestBody"]["content"][kind]["schema"]
        assert parts["required"] == ["file", "name"] and set(parts["properties"]) == {"file", "name"}


def test_errors_are_answered_as_it_says(plant: Plant, document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["Error"]
    for path in ("/api/eam/assets/none", "/api/eam/assets?page=0", "/api/none"):
        check(document, schema, plant.get(path).get_json())


@pytest.mark.parametrize(
    "path",
    [
        "/api/system/platforms",
        "/api/system/client",
        "/api/system/connections",
        "/api/system/credits",
        "/api/system/issues",
    ],
)
def test_calls_of_the_account_are_answered_as_it_says(
    plant: Plant, document: dict[str, Any], path: str
) -> None:
    check(document, answered(document, "get", path, 200), plant.json(path, token=plant.key))


class TestTheVariantOfAConnection:
    def test_it_holds_what_the_system_serves_and_no_other_entity(
        self, plant: Plant, document: dict[str, Any], variant: dict[str, Any]
    ) -> None:
        served = set(plant.appliance.catalog.folder("sandbox").definition.entities)
        assert set(variant["x-capabilities"]["entities"]) == served
        assert "/api/eam/assets" in variant["paths"]
        assert "/api/wms/shipment-orders" in document["paths"]
        assert "/api/wms/shipment-orders" not in variant["paths"]
        assert len(variant["paths"]) < len(document["paths"])

    def test_it_holds_what_the_system_writes_and_demands(self, variant: dict[str, Any]) -> None:
        writes = variant["x-capabilities"]["writes"]
        creating = {
            path for method, path, _ in operations(variant) if method == "post" and path.count("/") == 3
        }
        assert ("/api/eam/work-orders" in creating) is ("create" in writes.get("WorkOrder", {}))
        for entity, path in (
            ("WorkOrder", "/api/eam/work-orders"),
            ("PurchaseOrder", "/api/erp/purchase-orders"),
        ):
            if "create" in writes.get(entity, {}):
                body = variant["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
                top = {name for name in writes[entity]["create"]["required"] if "." not in name}
                assert top <= set(body.get("required", []))

    def test_it_names_the_custom_fields_of_its_records(self, plant: Plant, variant: dict[str, Any]) -> None:
        seen: dict[str, set[str]] = {}
        for entity, path in (("Asset", "/api/eam/assets"), ("PurchaseOrder", "/api/erp/purchase-orders")):
            for record in plant.json(path)["data"]:
                seen.setdefault(entity, set()).update(record["customFields"] or {})
        assert any(seen.values())
        for entity, names in seen.items():
            told = variant["components"]["schemas"][entity]["properties"]["customFields"]
            assert set(told.get("properties", {})) == names

    def test_it_needs_a_token_and_is_of_that_connection(self, plant: Plant) -> None:
        assert plant.get("/api/v1/openapi.json", token="").status_code == 401
        made = connect_sandbox(plant.appliance, "Of its own")
        work(plant.appliance)
        assert plant.json("/api/v1/openapi.json", token=made.token)["info"]["title"].endswith("Of its own")
        plant.appliance.connections.disconnect(made.connection.id)


class TestPages:
    def test_the_page_holds_every_operation_and_works_without_scripts(
        self, plant: Plant, document: dict[str, Any]
    ) -> None:
        page = plant.get("/docs", token="")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for _, _, operation in operations(document):
            assert f'id="{operation["operationId"]}"' in page.text
        for tag in ("<script", " onclick=", " style="):
            assert tag not in page.text
        assert set(re.findall(r'(?:href|src)="([^"#]+)"', page.text)) <= {
            *("/admin/static/icon.svg", "/admin/static/admin.css"),
            *("/docs", "/docs/guide", "/docs/errors", "/api/openapi.json", "/api/postman.json"),
        }

    def test_every_link_inside_leads_somewhere(self, plant: Plant) -> None:
        page = plant.get("/docs", token="").text
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(set(ids)) == len(ids)
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_postman_collection_holds_every_operation_and_no_secret(
    plant: Plant, document: dict[str, Any]
) -> None:
    collection = plant.json("/api/postman.json", token="")
    requests = [request for folder in collection["item"] for request in folder["item"]]
    assert len(requests) == len(operations(document))
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {one["key"]: one["value"] for one in collection["variable"]}
    assert variables == {"baseUrl": "https://localhost", "token": ""}
    for request in requests:
        url = request["request"]["url"]
        assert url["raw"] == "{{baseUrl}}/" + "/".join(url["path"])
        assert {part[1:] for part in url["path"] if part.startswith(":")} == {
            one["key"] for one in url["variable"]
        }
        if request["request"].get("body", {}).get("mode") == "raw":
            json.loads(request["request"]["body"]["raw"])
