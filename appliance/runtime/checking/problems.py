"""Every problem of a connector folder, each with its place: file, line and path of keys."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from appliance.errors import ConfigurationError
from appliance.model.entity import Entity, Model
from appliance.runtime.catalog import read_folder
from appliance.runtime.checking.documents import Document, read_documents
from appliance.runtime.checking.names import foreign_names
from appliance.runtime.checking.structure import Fault, faults
from appliance.runtime.definition import Definition, EntityDefinition, deep_merge
from appliance.runtime.mapping.compiler import MappingCompiler
from appliance.runtime.template import compile_template


class Problem(NamedTuple):
    """`place` is file, line and keys, such as `connector.yaml:12 entities.Vendor.read`."""

    place: str
    message: str


def problems_of(folder: Path, model: Model) -> list[Problem]:
    """Everything that is wrong with a folder; empty when it can be used. Its `code.py` is loaded where one is named."""
    if not (folder / "connector.yaml").is_file():
        return [Problem(str(folder), "there is no connector.yaml in this folder")]
    documents, unreadable = read_documents(folder)
    if unreadable:
        return [Problem(place, message) for place, message in unreadable]
    # What is wrong in `defaults` is so for every entity, and told once.
    found = list(
        dict.fromkeys(
            Problem(place, message)
            for document in documents
            for place, message in _document_problems(document, documents[0], model)
        )
    )
    # What only shows in the whole: the form, the sign-in, the name of the folder, packs, code.
    return found or _as_loaded(folder, model)


def _document_problems(document: Document, main: Document, model: Model) -> Iterator[tuple[str, str]]:
    defaults = main.content.get("defaults") or {}
    if document is main:
        rest = {key: value for key, value in main.content.items() if key not in ("defaults", "entities")}
        for fault in faults(rest, Definition):
            yield document.place(fault.path), fault.message
        for fault in _template_faults(rest, ()):
            yield document.place(fault.path), fault.message
    for name, entity in document.entities.items():
        path = (*document.entities_path, name)
        if not isinstance(entity, dict) or not isinstance(defaults, dict):
            yield document.place(path), "an entity is a mapping of keys"
            continue
        whole = deep_merge(defaults, entity)
        for fault in _entity_faults(name, whole, model):
            # A key that the entity does not say itself stands in `defaults`.
            inherited = ("defaults", *fault.path)
            own = document.holds((*path, *fault.path)) or not main.holds(inherited)
            place = document.place((*path, *fault.path)) if own else main.place(inherited)
            yield place, fault.message


def _entity_faults(name: str, document: dict[str, Any], model: Model) -> Iterator[Fault]:
    entity = model.entities.get(name)
    if entity is None or entity.prefix is None:
        yield Fault((), f"the unified model serves no entity {name!r}")
    structural = list(faults(document, EntityDefinition))
    yield from structural
    yield from _template_faults({"read": document.get("read")}, ())
    if entity is not None and not structural:
        yield from _mapping_faults(entity, msgspec.convert(document, EntityDefinition), model)


def _mapping_faults(entity: Entity, definition: EntityDefinition, model: Model) -> Iterator[Fault]:
    """Each field compiled by itself, so that one that is wrong does not hide the next."""
    single: list[tuple[tuple[str, ...], dict[str, Any]]] = [(("key",), {})]
    single += [(("map", name), {name: expression}) for name, expression in definition.map.items()]
    for path, mapping in single:
        try:
            compiler = MappingCompiler(model, "000000", times=definition.times, zone=None, where="")
            compiler.entity(entity, definition.key, mapping)
        except ConfigurationError as failure:
            yield Fault(path, _reason(failure) + _hint(mapping))
    if definition.modified is not None:
        try:
            compiler = MappingCompiler(model, "000000", times=definition.times, zone=None, where="")
            compiler.moment(definition.modified)
        except ConfigurationError as failure:
            yield Fault(("modified",), _reason(failure))


def _reason(failure: ConfigurationError) -> str:
    """The compiler's message without the place it begins with, which is from the field on."""
    return re.sub(r"^[.\w]*: ", "", failure.message)


def _hint(value: Any) -> str:
    """A path such as `no` is no text to YAML, which is hard to see."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        if isinstance(one, bool) and name not in ("const", "default"):
            return " YAML reads yes, no, on and off as true and false: put quotes round such a name."
        if name != "values" and (found := _hint(one)):
            return found
    return ""


def _template_faults(value: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    """Malformed `${…}`, wherever they stand."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _template_faults(inner, (*path, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _template_faults(inner, (*path, str(number)))
    elif isinstance(value, str) and "${" in value:
        try:
            compile_template(value, where="")
        except ConfigurationError as failure:
            yield Fault(path, failure.message.removeprefix(": "))


def _as_loaded(folder: Traversable, model: Model) -> list[Problem]:
    try:
        loaded = read_folder(folder, packaged=False)
    except ConfigurationError as failure:
        place, _, message = failure.message.partition(": ")
        # Most messages begin with their place, which is a word.
        return [Problem(place, message) if " " not in place else Problem(folder.name, failure.message)]
    except (yaml.YAMLError, OSError, ValueError) as failure:
        return [Problem(folder.name, str(failure))]
    return [
        Problem(f"connector.yaml {place}", f"`${{{name}}}` is neither a form field nor known there")
        for place, name in foreign_names(loaded.definition)
    ]
