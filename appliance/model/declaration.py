"""Reads `entities/*.yaml` into plain mappings, and refuses what a reader of YAML would let pass silently."""

from collections.abc import Hashable, Mapping, Set
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, NoReturn, cast

import yaml


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one file says about one entity. `domain` is the name of the file without its ending."""

    domain: str
    name: str
    content: Mapping[str, Any]

    def refuse(self, reason: str) -> NoReturn:
        raise ValueError(f"{self.domain}.yaml: {self.name}: {reason}")

    def check_keys(self, found: Mapping[Any, Any], allowed: Set[str], what: str) -> None:
        unknown = [str(key) for key in found if key not in allowed]
        if unknown:
            self.refuse(f"{what} has unknown {', '.join(unknown)}; known are {', '.join(sorted(allowed))}")

    def mapping(self, value: object, what: str) -> Mapping[str, Any]:
        """`value` as a mapping with text keys; nothing at all counts as an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            self.refuse(f"{what} must be a mapping of names")
        return cast(Mapping[str, Any], value)

    def names(self, value: object, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(f"{what} must be a list of names")
        if len(set(value)) != len(value):
            self.refuse(f"{what} names something twice")
        return tuple(value)

    def text(self, value: object, what: str) -> str:
        if not isinstance(value, str) or not value.strip():
            self.refuse(f"{what} must be text (in quotation marks, where YAML would read a number)")
        return value


class _StrictLoader(yaml.CSafeLoader):
    """Refuses a key that is there twice, where YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            names = [key.value for key, _ in node.value]
            twice = next((name for name in names if names.count(name) > 1), "a key")
            raise yaml.constructor.ConstructorError(None, None, f"{twice} is there twice", node.start_mark)
        return mapping


def read_folder(folder: Traversable) -> dict[str, Declaration]:
    """The declarations of all `*.yaml` files of the folder, by entity name, in order of files and lines.

    Raises ValueError for a folder without such files, for YAML that cannot be read and for an entity that
    is declared twice.
    """
    declared: dict[str, Declaration] = {}
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    if not files:
        raise ValueError(f"{folder} holds no *.yaml files")
    for file in sorted(files, key=lambda file: file.name):
        domain = file.name.removesuffix(".yaml")
        try:
            content = yaml.load(file.read_bytes(), _StrictLoader)  # noqa: S506 - derives from the safe loader
        except yaml.YAMLError as error:
            raise ValueError(f"{file.name}: {error}") from error
        if not isinstance(content, dict):
            raise ValueError(f"{file.name}: must be a mapping of entities")
        for name, body in content.items():
            declaration = Declaration(domain, str(name), body if isinstance(body, dict) else {})
            if not isinstance(body, dict):
                declaration.refuse("must be a mapping")
            if name in declared:
                declaration.refuse(f"is declared in {declared[name].domain}.yaml already")
            declared[declaration.name] = declaration
    return declared
