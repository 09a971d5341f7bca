"""A Postman collection (format 2.1) made of the OpenAPI document. Address and token are variables of it."""

from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """One folder for each tag; bodies hold the names of the required fields."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            folders.setdefault(operation["tags"][0], []).append(_request(path, method, operation))
    return {
        "info": {"name": document["info"]["title"], "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [
            {"key": "baseUrl", "value": document["servers"][0]["url"]},
            {"key": "token", "value": ""},
        ],
        "item": [{"name": tag, "item": requests} for tag, requests in sorted(folders.items())],
    }


def _request(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    told = operation["parameters"]
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": [_off(one) for one in told if one["in"] == "header"],
        "url": {
            "raw": "{{baseUrl}}/" + "/".join(parts),
            "host": ["{{baseUrl}}"],
            "path": parts,
            "query": [_off(one) for one in told if one["in"] == "query"],
            "variable": [{"key": one["name"], "value": ""} for one in told if one["in"] == "path"],
        },
    }
    if "requestBody" in operation:
        request["body"] = _body(operation["requestBody"]["content"])
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    return {"name": operation["summary"], "request": request}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    form = content.get("multipart/form-data")
    if form is not None:
        parts = form["schema"]["properties"].items()
        kinds = {name: "file" if "format" in part else "text" for name, part in parts}
        return {"mode": "formdata", "formdata": [{"key": n, "type": kind} for n, kind in kinds.items()]}
    schema = content["application/json"]["schema"]
    return {"mode": "raw", "raw": _example(schema), "options": {"raw": {"language": "json"}}}


def _off(parameter: dict[str, Any]) -> dict[str, Any]:
    name = f"{parameter['name']}[field]" if parameter.get("style") == "deepObject" else parameter["name"]
    return {"key": name, "value": "", "description": parameter["description"], "disabled": True}


def _example(schema: dict[str, Any]) -> str:
    names = schema.get("required", [])
    return "{\n" + ",\n".join(f'  "{name}": null' for name in names) + "\n}" if names else "{}"
