"""Finds connectors: the packaged folders, and those a customer dropped into the configured directory.

A folder is `connector.yaml`, perhaps `mapping/*.yaml` (entities, one file a group), `packs/*.yaml` (ready-made
entities a generic connector offers), `guide.md` and `code.py`. A broken folder is reported and left out.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import yaml

from appliance.errors import ConfigurationError, InvalidInput, NotFound
from appliance.model.entity import Model
from appliance.runtime.definition import (
    CodeRead,
    Definition,
    deep_merge,
    parse_definition,
    parse_entities,
)
from appliance.runtime.mapping.projection import Projection
from appliance.runtime.push import check_push

MAX_DOCUMENT = 512 * 1024
# libyaml reads ten times as fast, which counts where each opening of a connection reads its entities.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML that is none, or holds an impossible date or text, or is nested too deeply.
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)


class UnknownSystem(NotFound):
    code = "UNKNOWN_SYSTEM"


@dataclass(frozen=True, slots=True)
class Folder:
    """A connector as it lies on disk, checked."""

    definition: Definition
    defaults: dict[str, Any]
    packs: dict[str, Any]
    guide: str
    path: Traversable
    packaged: bool

    def code(self) -> ModuleType:
        """The folder's `code.py`. Raises ConfigurationError when there is none."""
        name = self.definition.system
        try:
            return self._import(name)
        except ConfigurationError:
            raise
        except Exception as failure:
            raise ConfigurationError(
                f"{name}/code.py cannot be loaded: {type(failure).__name__}: {failure}"
            ) from failure

    def _import(self, name: str) -> ModuleType:
        if self.packaged:
            return importlib.import_module(f"appliance.connectors.{name}.code")
        location = Path(str(self.path)) / "code.py"
        spec = importlib.util.spec_from_file_location(f"appliance_connector_{name}", location)
        if spec is None or spec.loader is None or not location.is_file():
            raise ConfigurationError(f"Connector {name} needs a code.py in its folder.")
        module = sys.modules.get(spec.name)
        if module is not None and module.__file__ == str(location):
            return module
        module = importlib.util.module_from_spec(spec)
        # Dataclasses and others look their module up there while it is loaded.
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
        return module


@dataclass(frozen=True, slots=True)
class Broken:
    """A folder that was left out, and why."""

    folder: str
    reason: str


class Catalog:
    """The systems this appliance can connect. A folder is read when it is first asked for, and checked then."""

    def __init__(self, model: Model, packaged: Traversable | None, extra: Path | None = None) -> None:
        self._model = model
        roots = [(packaged, True), (extra, False)]
        self._roots = [(root, ours) for root, ours in roots if root is not None]
        self._paths: dict[str, tuple[Traversable, bool]] | None = None
        self._clashes: list[Broken] = []
        self._read: dict[str, Folder | Broken] = {}
        self._reading = threading.RLock()

    def definitions(self) -> list[Definition]:
        """All systems, by name."""
        folders = [found for name in self._names() if isinstance(found := self._load(name), Folder)]
        return sorted(
            (folder.definition for folder in folders), key=lambda definition: definition.name.lower()
        )

    def broken(self) -> list[Broken]:
        """Folders that were left out."""
        found = [found for name in self._names() if isinstance(found := self._load(name), Broken)]
        return [*self._clashes, *found]

    def folder(self, system: str) -> Folder:
        """Raises UnknownSystem naming the systems there are, or why this one was left out."""
        names = self._names()
        found = self._load(system) if system in names else None
        if isinstance(found, Folder):
            return found
        if isinstance(found, Broken):
            raise UnknownSystem(f"The connector {system!r} was left out: {found.reason}")
        raise UnknownSystem(
            f"There is no connector {system[:60]!r}. Systems: {', '.join(sorted(names))}.",
            details={"systems": sorted(names)},
        )

    def name_of(self, system: str) -> str:
        """The name by which people know a system; its own word where the connector is no longer installed."""
        try:
            return self.folder(system).definition.name
        except UnknownSystem:
            return system

    def definition(self, system: str, fields: Mapping[str, Any]) -> Definition:
        """The definition for a connection: entities of a generic connector come from its form field.

        Raises UnknownSystem, and InvalidInput for entities that are not right.
        """
        folder = self.folder(system)
        name = folder.definition.entities_field
        if not name or not fields.get(name):
            return folder.definition
        try:
            document = _named_or_written(folder, str(fields[name]))
            entities = parse_entities(document, folder.defaults, where=name)
            definition = msgspec.structs.replace(folder.definition, entities=entities)
            self._check(definition, name)
        except (ConfigurationError, *_UNREADABLE) as failure:
            reason = failure.message if isinstance(failure, ConfigurationError) else _yaml_reason(failure)
            raise InvalidInput(
                f"The field {name} is not right: {reason}", details={"fields": {name: reason}}
            ) from None
        return definition

    def _names(self) -> dict[str, tuple[Traversable, bool]]:
        with self._reading:
            if self._paths is None:
                self._paths = {}
                for root, packaged in self._roots:
                    self._look_through(root, packaged, self._paths)
            return self._paths

    def _look_through(
        self, root: Traversable, packaged: bool, paths: dict[str, tuple[Traversable, bool]]
    ) -> None:
        if not root.is_dir():
            return
        for path in root.iterdir():
            if not path.is_dir() or not path.joinpath("connector.yaml").is_file():
                continue
            if path.name in paths:
                self._clashes.append(Broken(path.name, f"There already is a connector {path.name!r}."))
            else:
                paths[path.name] = (path, packaged)

    def _load(self, system: str) -> Folder | Broken:
        with self._reading:
            if system not in self._read:
                self._read[system] = self._read_checked(*self._names()[system])
            return self._read[system]

    def _read_checked(self, path: Traversable, packaged: bool) -> Folder | Broken:
        try:
            folder = read_folder(path, packaged=packaged)
            self._check(folder.definition, path.name)
        except ConfigurationError as failure:
            return Broken(path.name, failure.message)
        except (OSError, *_UNREADABLE) as failure:
            return Broken(path.name, f"{path.name}: {_yaml_reason(failure)}")
        return folder

    def _check(self, definition: Definition, where: str) -> None:
        """Compile every mapping against the model, so that a wrong one never reaches a connection."""
        for name, entity in definition.entities.items():
            if name not in self._model.entities or self._model.entities[name].prefix is None:
                raise ConfigurationError(f"{where}: the unified model serves no entity {name!r}.")
            Projection(
                self._model,
                self._model.entities[name],
                entity,
                part="000000",
                zone=None,
                where=f"{where}.{name}",
            )
        check_push(definition, where=where)


def read_folder(path: Traversable, *, packaged: bool) -> Folder:
    """Read and check one connector folder. Raises ConfigurationError, yaml.YAMLError, OSError."""
    document = _load(path.joinpath("connector.yaml"))
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path.name}/connector.yaml is not a mapping of keys.")
    entities = _mapping(document.get("entities"), f"{path.name}/connector.yaml: `entities`")
    for group in _yaml_files(path.joinpath("mapping")):
        entities = deep_merge(entities, _mapping(_load(group), f"{path.name}/mapping/{group.name}"))
    definition = parse_definition({**document, "entities": entities}, where=path.name)
    if definition.system != path.name:
        raise ConfigurationError(
            f"{path.name}: `system` is {definition.system!r}; it must equal the folder's name."
        )
    packs = {group.name.removesuffix(".yaml"): _load(group) for group in _yaml_files(path.joinpath("packs"))}
    missing = set(definition.packs) ^ set(packs)
    if missing:
        raise ConfigurationError(
            f"{path.name}: `packs` and the files of packs/ differ: {', '.join(sorted(missing))}."
        )
    guide = path.joinpath("guide.md")
    folder = Folder(
        definition=definition,
        defaults=document.get("defaults") or {},
        packs=packs,
        guide=guide.read_text("utf-8") if guide.is_file() else "",
        path=path,
        packaged=packaged,
    )
    for name, entity in definition.entities.items():
        if isinstance(entity.read, CodeRead) and not hasattr(folder.code(), "Reader"):
            raise ConfigurationError(f"{path.name}.{name}: code.py has no class Reader.")
    for name, pack in packs.items():
        parse_entities(pack, folder.defaults, where=f"{path.name}/packs/{name}")
    return folder


def _named_or_written(folder: Folder, value: str) -> Any:
    if value in folder.packs:
        return folder.packs[value]
    if len(value) > MAX_DOCUMENT:
        raise ConfigurationError("the text is too long.")
    try:
        document = yaml.load(value, Loader=_LOADER)  # noqa: S506 - safe loaders
    except yaml.YAMLError:
        # The slower reader knows the line better.
        document = yaml.safe_load(value)
    if isinstance(document, str):
        raise ConfigurationError(
            f"there are no ready-made entities {document!r}. There are: {', '.join(sorted(folder.packs))}; "
            "or write entities as YAML."
        )
    return document


def _load(file: Traversable) -> Any:
    with file.open("rb") as stream:
        return yaml.load(stream, Loader=_LOADER)  # noqa: S506 - safe loaders


def _mapping(document: Any, where: str) -> dict[str, Any]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"{where} is not a mapping of keys.")
    return document


def _yaml_files(directory: Traversable) -> list[Traversable]:
    if not directory.is_dir():
        return []
    return sorted((f for f in directory.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)


def _yaml_reason(failure: Exception) -> str:
    mark = getattr(failure, "problem_mark", None)
    problem = getattr(failure, "problem", None) or str(failure)
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)
