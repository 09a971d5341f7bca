"""The YAML files of a connector folder, with the line of every key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Document:
    """One file: what it holds, and where. `entities_path` is where its entities are below the root."""

    name: str
    content: dict[str, Any]
    root: yaml.Node
    entities_path: tuple[str, ...]

    @property
    def entities(self) -> dict[str, Any]:
        found: Any = self.content
        for step in self.entities_path:
            found = found.get(step) or {}
        return found if isinstance(found, dict) else {}

    def place(self, path: tuple[str, ...]) -> str:
        """File, line and keys; the line of the nearest key above where the path itself is not there."""
        line, _ = self._find(path)
        return f"{self.name}:{line} {'.'.join(path)}".rstrip()

    def holds(self, path: tuple[str, ...]) -> bool:
        """Whether the whole path stands in this file."""
        return self._find(path)[1] == len(path)

    def _find(self, path: tuple[str, ...]) -> tuple[int, int]:
        """The line of the last key of a path that is there, from 1, and how many of its keys are."""
        node, line = self.root, self.root.start_mark.line + 1
        for depth, step in enumerate(path):
            if isinstance(node, yaml.MappingNode):
                pair = next(((key, value) for key, value in node.value if key.value == step), None)
                if pair is None:
                    return line, depth
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
                node = node.value[int(step)]
                line = node.start_mark.line + 1
            else:
                return line, depth
        return line, len(path)


def read_documents(folder: Path) -> tuple[list[Document], list[tuple[str, str]]]:
    """The files with definitions, connector.yaml first; and place and reason of those that cannot be read."""
    documents: list[Document] = []
    unreadable: list[tuple[str, str]] = []
    for directory, below in ((".", ("entities",)), ("mapping", ()), ("packs", ())):
        files = (
            [folder / "connector.yaml"] if directory == "." else sorted((folder / directory).glob("*.yaml"))
        )
        for file in files:
            name = file.relative_to(folder).as_posix()
            try:
                text = file.read_text("utf-8")
                root = yaml.compose(text, Loader=yaml.SafeLoader)
                content = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, OSError, RecursionError) as failure:
                mark = getattr(failure, "problem_mark", None)
                problem = getattr(failure, "problem", None) or str(failure)
                unreadable.append((f"{name}:{mark.line + 1}" if mark else name, str(problem)))
                continue
            if root is None or not isinstance(content, dict):
                unreadable.append((name, "the file is not a mapping of keys"))
                continue
            documents.append(Document(name, content, root, below))
    return documents, unreadable
