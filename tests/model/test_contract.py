"""The model says what the public API contract says; `contract/` holds the contract's facts, one a line."""

from collections import Counter
from pathlib import Path

from appliance.model.entity import Field, Model

CONTRACT = Path(__file__).parent / "contract"

# The contract leaves Dimension empty; these are the fields it is known to have.
DIMENSION = ["weight", "width", "height", "length", "linearUomKey", "weightUomKey", "volumeUomKey"]

# The contract documents these two lists as work orders; what they list is material lines.
MATERIAL_LISTS = {"/api/eam/work-orders/materials", "/api/eam/work-orders/{key}/materials"}


def read_blocks(name: str) -> dict[str, list[str]]:
    """Unindented lines of a facts file, each with the indented lines below it."""
    blocks: dict[str, list[str]] = {}
    head = ""
    for line in (CONTRACT / name).read_text().splitlines():
        if line.startswith("  "):
            blocks[head].append(line.strip())
        else:
            head = line
            blocks[head] = []
    return blocks


def read_operations() -> list[tuple[str, str, str, str]]:
    lines = (CONTRACT / "operations.txt").read_text().splitlines()
    return [tuple(line.split()) for line in lines]  # type: ignore[misc]


def body_facts(fields: tuple[Field, ...]) -> dict[str, str]:
    return {field.name: field.declared + (" required" if field.required else "") for field in fields}


def test_every_entity_of_the_contract_is_there_in_its_categories_and_no_other(model: Model) -> None:
    expected = {head.split()[0]: head.split()[1].split(",") for head in read_blocks("entities.txt")}
    assert len(expected) == 72
    assert {name: list(entity.categories) for name, entity in model.entities.items()} == expected


def test_every_field_of_the_contract_is_there_in_order_with_its_declared_type(model: Model) -> None:
    for head, lines in read_blocks("entities.txt").items():
        entity = model.entities[head.split()[0]]
        ours = [f"{field.name} {field.declared}" for field in entity.fields.values()]
        assert ours[: len(lines)] == lines, entity.name


def test_only_custom_fields_and_the_known_dimensions_go_beyond_the_contract(model: Model) -> None:
    for head, lines in read_blocks("entities.txt").items():
        entity = model.entities[head.split()[0]]
        extra = list(entity.fields)[len(lines) :]
        expected = DIMENSION if entity.name == "Dimension" else ["customFields"] if entity.path else []
        assert extra == expected, entity.name


def test_all_276_data_operations_are_generated_exactly_once_and_nothing_else(model: Model) -> None:
    expected = [(method, path) for method, path, _, _ in read_operations()]
    ours = Counter((one.method, f"/api/{one.category}/{one.path}") for one in model.operations)
    assert len(expected) == 276
    assert ours == Counter(expected)


def test_operations_answer_the_entity_of_the_contract_one_or_many(model: Model) -> None:
    ours = {(one.method, f"/api/{one.category}/{one.path}"): one for one in model.operations}
    for method, path, entity, returns in read_operations():
        operation = ours[method, path]
        expected = entity
        if path in MATERIAL_LISTS and method == "GET":
            expected = "MaterialItem"
        assert operation.entity == expected, path
        # The contract answers nested material lists as "object"; they are pages like every other list.
        many = returns.startswith("[") or returns == "object"
        assert operation.many == many, path


def test_bodies_equal_the_contract_in_names_types_and_required_fields(model: Model) -> None:
    expected = {}
    for head, lines in read_blocks("bodies.txt").items():
        method, categories, path = head.split()
        body = dict(line.split(" ", 1) for line in lines)
        expected.update({(method, category, path): body for category in categories.split(",")})
    ours = {
        (one.method, one.category, one.path): body_facts(one.body)
        for one in model.operations
        if one.method != "GET"
    }
    assert ours == expected


def test_reading_takes_no_body(model: Model) -> None:
    assert not [one for one in model.operations if one.method == "GET" and one.body]
