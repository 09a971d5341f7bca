"""A connector opened for one connection: its source, its pages, its mappings, its probe."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.auth import Credentials
from appliance.runtime.catalog import Catalog, Folder
from appliance.runtime.definition import (
    AlternativesRead,
    CodeRead,
    CodeStep,
    DeclaredRead,
    Definition,
    FilesRead,
    HttpRead,
    ODataRead,
    One,
    Read,
    RfcRead,
    SoapRead,
    SqlRead,
    TableRead,
)
from appliance.runtime.definition.overlay import Overlay
from appliance.runtime.mapping.compiler import Status
from appliance.runtime.mapping.overlay import overlaid
from appliance.runtime.mapping.projection import Projection
from appliance.runtime.mapping.source_fields import filled_by
from appliance.runtime.place import database_login, files_place, host_of
from appliance.runtime.protocols import Pages
from appliance.runtime.protocols.alternatives import AlternativePages
from appliance.runtime.protocols.declared import DeclaredPages
from appliance.runtime.protocols.each import EachPages
from appliance.runtime.protocols.fallback import FallbackPages, json_pages
from appliance.runtime.protocols.files import FilesPages
from appliance.runtime.protocols.http_json import JsonPages
from appliance.runtime.protocols.odata.pages import ODataPages
from appliance.runtime.protocols.sap_rfc.function import RfcPages
from appliance.runtime.protocols.sap_rfc.read_table import TablePages
from appliance.runtime.protocols.slices import SlicedPages
from appliance.runtime.protocols.soap import SoapPages
from appliance.runtime.reading import narrowed
from appliance.runtime.reading.gone import says_gone
from appliance.runtime.select import encode
from appliance.runtime.source import Client, Source
from appliance.runtime.template import compile_template
from appliance.runtime.terms import terms_of
from appliance.transport.files import Folder as FilesFolder
from appliance.transport.files import Place
from appliance.transport.outbound import Terms
from appliance.transport.sql import Login

if TYPE_CHECKING:
    from appliance.transport.sql.database import Database

OpenClient = Callable[[str, str, Terms], Client]
"""Makes the HTTP client of a connection: base address, the connection's name, and its terms."""

OpenDatabase = Callable[[Login], "Database"]
OpenFolder = Callable[[Place], FilesFolder]


class CodeWriter(Protocol):
    """What a `code.py` offers for writes; the context is that of the templates, the answer what `take` names."""

    def write(self, context: Mapping[str, Any]) -> dict[str, Any]: ...


class Connector:
    """Close it when done; it holds network connections."""

    def __init__(
        self, model: Model, folder: Folder, definition: Definition, source: Source, part: str
    ) -> None:
        self.definition = definition
        self.source = source
        self._model = model
        self._folder = folder
        self._part = part

    def pages(self, entity: str) -> Pages:
        """The reader of an entity the definition serves."""
        return self._sliced(entity, self.definition.entities[entity].read)

    def key_pages(self, entity: str) -> Pages | None:
        """A reader that asks for little more than the keys of rows; None where only whole rows can be asked for."""
        definition = self.definition.entities[entity]
        read = narrowed.only_keys(definition.read, definition.key, tuple(definition.gone))
        return None if read is None else self._sliced(entity, read, only_keys=True)

    def open_pages(self, entity: str, *, only_keys: bool = False) -> Pages | None:
        """A reader of the documents that are not finished, whenever they changed.

        None where the connector does not tell them apart. `only_keys` asks for little more than their keys, where
        that is possible.
        """
        definition = self.definition.entities[entity]
        read = narrowed.only_open(definition.read)
        if read is None:
            return None
        keys = narrowed.only_keys(read, definition.key, tuple(definition.gone)) if only_keys else None
        return self._pages(entity, keys or read, only_keys=keys is not None, only_open=True)

    def compares(self, entity: str) -> bool:
        """Whether a pass over everything meets every row, so that it can be seen which are gone."""
        return narrowed.compares(self.definition.entities[entity].read)

    def proves_absence(self, entity: str, *, since: bool) -> bool:
        """Whether one pass over everything, or all `since` some time, is enough to say that a row it did not meet is
        gone."""
        definition = self.definition.entities[entity]
        read = definition.read
        if isinstance(read, CodeRead):
            return bool(getattr(self._folder.code().Reader, "proves_absence", False))
        return narrowed.proves_absence(read, definition.key, since=since)

    def gone(self, entity: str) -> Callable[[bytes], bool] | None:
        """Tells of a row whether it says itself that it is deleted; None where rows do not."""
        declared = self.definition.entities[entity].gone
        return says_gone(declared) if declared else None

    def _sliced(self, entity: str, read: Read, *, only_keys: bool = False) -> Pages:
        pages = self._pages(entity, read, only_keys=only_keys)
        window = getattr(read, "window", None)
        return pages if window is None else SlicedPages(pages, window, self.source.clock)

    def _pages(
        self,
        entity: str,
        read: Read | None = None,
        *,
        by: One | None = None,
        only_keys: bool = False,
        only_open: bool = False,
    ) -> Pages:
        definition = self.definition.entities[entity]
        read = definition.read if read is None else read
        if by is not None and isinstance(read, HttpRead):
            read = replace(read, one=by)
        where = f"{self.definition.system}.{entity}"
        match read:
            case HttpRead() if read.each:
                return EachPages(self.source, self._http(where), read, where=where)
            case HttpRead():
                return json_pages(self.source, self._http(where), read, where=where)
            case ODataRead():
                return ODataPages(self.source, self._http(where), read, where=where)
            case AlternativesRead():
                http = self._http(where)
                return AlternativePages([ODataPages(self.source, http, way, where=where) for way in read.of])
            case SoapRead():
                return SoapPages(self.source, self._http(where), read, where=where)
            case RfcRead():
                return RfcPages(self.source, self._http(where), read, where=where)
            case TableRead():
                only_touched = only_open and read.open_by is not None
                return TablePages(
                    self.source, self._http(where), read, where=where, only_touched=only_touched
                )
            case SqlRead():
                if self.source.database is None:
                    raise ConfigurationError(f"{where}: the definition has no `sql`.")
                from appliance.runtime.protocols.sql.pages import SqlPages

                return SqlPages(
                    self.source.database,
                    self.source.fields,
                    read,
                    definition.key,
                    where=where,
                    gone=tuple(definition.gone),
                    only_keys=only_keys,
                    only_open=only_open,
                )
            case FilesRead():
                if self.source.folder is None:
                    raise ConfigurationError(f"{where}: the definition has no `files`.")
                return FilesPages(
                    self.source.folder, self.source.fields, self.source.clock, read, where=where
                )
            case DeclaredRead():
                return DeclaredPages(read)
            case CodeRead():
                reader: Pages = self._folder.code().Reader(self.source, entity, read.options)
                return reader

    def reads_one(self, entity: str, by: One | None = None) -> bool:
        """Whether single records of an entity can be asked for."""
        read = self.definition.entities[entity].read
        if isinstance(read, HttpRead):
            return not read.each and (by or read.one) is not None
        return isinstance(read, ODataRead | AlternativesRead | TableRead)

    def one(self, entity: str, key: Sequence[Any], by: One | None = None) -> bytes | None:
        """The row with this key of the source, whose parts are in the order of the definition's `key`.

        `by` is another way to ask over HTTP, such as by something else than the key. None when the source has none,
        and where single records cannot be asked for. Raises SourceError.
        """
        pages = self._pages(entity, by=by)
        if not isinstance(pages, JsonPages | FallbackPages | ODataPages | AlternativePages | TablePages):
            return None
        return pages.one(self.definition.entities[entity].key, key)

    def way(self, entity: str) -> str:
        """Which of several alternative sets is read, and so written; the empty text where there is one way."""
        pages = self._pages(entity)
        return str(pages.usable()) if isinstance(pages, AlternativePages) else ""

    def writer_of_code(self, entity: str, operation: str, step: CodeStep) -> CodeWriter:
        """The `Writer` of the folder's `code.py`. Raises ConfigurationError when there is none."""
        writer: CodeWriter = self._folder.code().Writer(self.source, entity, operation, step.options)
        return writer

    def projection(self, entity: str) -> Projection:
        """The compiled mapping of an entity, with this connection's keys.

        A form field `time_zone` names the IANA zone of the source's times without one.
        """
        definition = self.definition.entities[entity]
        return Projection(
            self._model,
            entity_of(self._model, entity),
            definition,
            part=self._part,
            zone=self.source.fields.get("time_zone"),
            where=f"{self.definition.system}.{entity}",
            statuses=self.definition.statuses if self._declares_statuses() else None,
        )

    def filled_by(self, entity: str, paths: Sequence[str]) -> dict[str, list[str]]:
        """Path of the source's rows to the unified fields that are taken from there."""
        return filled_by(self._model, entity_of(self._model, entity), self.definition.entities[entity], paths)

    def found_status(self, status: Status) -> bytes:
        """The row of a status that a record has and the definition does not know: named as the source names it."""
        scope, code = status
        return encode({"scope": scope, "code": code, "name": code})

    def _declares_statuses(self) -> bool:
        """Whether the statuses stand in the definition. Where they are read, the source knows them all."""
        declared = self.definition.entities.get("Status")
        return declared is not None and isinstance(declared.read, DeclaredRead)

    def close(self) -> None:
        self.source.close()

    def _http(self, where: str) -> Any:
        if self.definition.http is None:
            raise ConfigurationError(f"{where}: the definition has no `http`.")
        return self.definition.http


class Connectors:
    """Opens connectors. The one thing the floors above need to know of this one, beside the catalog."""

    def __init__(
        self,
        model: Model,
        catalog: Catalog,
        open_client: OpenClient,
        clock: Clock,
        *,
        open_database: OpenDatabase | None = None,
        open_folder: OpenFolder | None = None,
    ) -> None:
        self.catalog = catalog
        self._open_database = open_database
        self._open_folder = open_folder
        self._model = model
        self._open_client = open_client
        self._clock = clock

    def open(
        self,
        system: str,
        fields: Mapping[str, Any],
        *,
        part: str,
        created_at: int,
        credentials: Credentials | None = None,
        overlays: Mapping[str, Overlay] | None = None,
    ) -> Connector:
        """Open a system with the values of its form. No request is made. Raises UnknownSystem, InvalidInput.

        `credentials` keeps secret fields that the source changes, such as a refresh token; `overlays` are the
        connection's changes to mappings.
        """
        folder = self.catalog.folder(system)
        definition = overlaid(self.catalog.definition(system, fields), overlays or {}, folder.defaults)
        # Fields left empty are there for the templates all the same.
        fields = {**{form_field.name: None for form_field in definition.form}, **fields}
        client, terms, base = None, None, None
        if definition.http is not None:
            base = str(compile_template(definition.http.base_url, where=f"{system}.base_url")(fields))
            terms = terms_of(definition.http, fields)
            client = self._open_client(base, part, terms)
        database = folder_of_files = login = place = None
        if definition.sql is not None and self._open_database is not None:
            login = database_login(definition.sql, fields)
            database = self._open_database(login)
        if definition.files is not None and self._open_folder is not None:
            place = files_place(definition.files, fields)
            folder_of_files = self._open_folder(place)
        source = Source(
            definition,
            fields,
            client,
            self._clock,
            created_at=created_at,
            credentials=credentials,
            tls=terms.tls if terms else None,
            database=database,
            folder=folder_of_files,
            host=host_of(base, login, place),
        )
        return Connector(self._model, folder, definition, source, part)
