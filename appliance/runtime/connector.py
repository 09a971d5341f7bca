"""A connector opened for one connection: its source, its pages, its mappings, its probe."""

from collections.abc import Callable, Mapping
from typing import Any

from appliance.clock import Clock
from appliance.errors import ConfigurationError
from appliance.model.entity import Model
from appliance.runtime.auth import Credentials
from appliance.runtime.catalog import Catalog, Folder
from appliance.runtime.definition import (
    CodeRead,
    DeclaredRead,
    Definition,
    HttpRead,
    ODataRead,
    RfcRead,
    SoapRead,
    TableRead,
)
from appliance.runtime.projection import Projection
from appliance.runtime.protocols import Pages
from appliance.runtime.protocols.declared import DeclaredPages
from appliance.runtime.protocols.http_json import JsonPages
from appliance.runtime.protocols.odata.pages import ODataPages
from appliance.runtime.protocols.sap_rfc.function import RfcPages
from appliance.runtime.protocols.sap_rfc.read_table import TablePages
from appliance.runtime.protocols.soap import SoapPages
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template
from appliance.runtime.terms import terms_of
from appliance.transport.http import HttpClient
from appliance.transport.outbound import Terms

OpenClient = Callable[[str, str, Terms], HttpClient]
"""Makes the HTTP client of a connection: base address, the connection's name, and its terms."""


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
        read = self.definition.entities[entity].read
        where = f"{self.definition.system}.{entity}"
        match read:
            case HttpRead():
                return JsonPages(self.source, self._http(where), read, where=where)
            case ODataRead():
                return ODataPages(self.source, self._http(where), read, where=where)
            case SoapRead():
                return SoapPages(self.source, self._http(where), read, where=where)
            case RfcRead():
                return RfcPages(self.source, self._http(where), read, where=where)
            case TableRead():
                return TablePages(self.source, self._http(where), read, where=where)
            case DeclaredRead():
                return DeclaredPages(read)
            case CodeRead():
                reader: Pages = self._folder.code().Reader(self.source, entity, read.options)
                return reader

    def projection(self, entity: str) -> Projection:
        """The compiled mapping of an entity, with this connection's keys.

        A form field `time_zone` names the IANA zone of the source's times without one.
        """
        definition = self.definition.entities[entity]
        return Projection(
            self._model,
            self._model.entities[entity],
            definition,
            part=self._part,
            zone=self.source.fields.get("time_zone"),
            where=f"{self.definition.system}.{entity}",
        )

    def close(self) -> None:
        self.source.close()

    def _http(self, where: str) -> Any:
        if self.definition.http is None:
            raise ConfigurationError(f"{where}: the definition has no `http`.")
        return self.definition.http


class Connectors:
    """Opens connectors. The one thing the floors above need to know of this one, beside the catalog."""

    def __init__(self, model: Model, catalog: Catalog, open_client: OpenClient, clock: Clock) -> None:
        self.catalog = catalog
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
    ) -> Connector:
        """Open a system with the values of its form. No request is made. Raises UnknownSystem, InvalidInput.

        `credentials` keeps secret fields that the source changes, such as a refresh token.
        """
        folder = self.catalog.folder(system)
        definition = self.catalog.definition(system, fields)
        # Fields left empty are there for the templates all the same.
        fields = {**{form_field.name: None for form_field in definition.form}, **fields}
        client, terms = None, None
        if definition.http is not None:
            base = compile_template(definition.http.base_url, where=f"{system}.base_url")(fields)
            terms = terms_of(definition.http, fields)
            client = self._open_client(str(base), part, terms)
        source = Source(
            definition,
            fields,
            client,
            self._clock,
            created_at=created_at,
            credentials=credentials,
            tls=terms.tls if terms else None,
        )
        return Connector(self._model, folder, definition, source, part)
