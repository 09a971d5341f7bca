"""The types of the Python client's records, written from the model."""

from appliance.model.entity import Entity, Field, Model

_TYPES = {
    "string": "str",
    "boolean": "bool",
    "integer": "int",
    "number": "int | float",
    "decimal": "str",
    "datetime": "str",
    "date": "str",
    "key": "str",
    "keys": "list[str]",
    "any": "Any",
}

_HEAD = '''"""Records of the unified model. Generated: `appliance reference client --out FILE`.

Times are ISO-8601 in UTC, decimals exact texts; None where the source tells nothing.
"""

from collections.abc import Mapping
from typing import Any, TypedDict
'''


def records(model: Model) -> str:
    """`appliance_client/records.py`."""
    entities = [entity for entity in model.entities.values() if "system" not in entity.categories]
    listed = {entity.name: _path(model, entity) for entity in entities if entity.path}
    served = {name: path for name, path in listed.items() if path is not None}
    classes = [_typed_dict(entity) for entity in sorted(entities, key=lambda entity: entity.name)]
    paths = "".join(f'    "{name}": "{served[name]}",\n' for name in sorted(served))
    told = '"""Where the entities with a list of their own are."""'
    table = f"PATHS: Mapping[str, str] = {{\n{paths}}}\n{told}\n"
    return "\n\n\n".join([_HEAD.rstrip(), *classes]) + "\n\n\n" + table


def _path(model: Model, entity: Entity) -> str | None:
    return next(
        (
            f"{operation.category}/{operation.path}"
            for operation in model.operations
            if operation.kind == "list" and operation.entity == entity.name
        ),
        None,
    )


def _typed_dict(entity: Entity) -> str:
    lines = [f"class {entity.name}(TypedDict, total=False):", f'    """{entity.description}"""', ""]
    lines += [f"    {field.name}: {_type(field)}" for field in entity.fields.values()]
    return "\n".join(lines)


def _type(field: Field) -> str:
    if field.type == "object":
        return f'"{field.of} | None"'
    if field.type == "list":
        return f'"list[{field.of}] | None"'
    plain = _TYPES[field.type]
    return plain if plain == "Any" else f"{plain} | None"
