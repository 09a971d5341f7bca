"""OData V2: entity sets read with the literals their $metadata asks for, page after page by `__next`."""

from dataclasses import replace
from datetime import datetime

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.definition import Http, ODataRead, RequestTemplate
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.edmx import EntityType, Metadata, parse_metadata
from appliance.runtime.request import compile_request, follow_link, join
from appliance.runtime.select import Envelope
from appliance.runtime.source import Source


class ODataPages:
    """Rows of one entity set.

    Positions hold the path and query of the next link; scheme and host always are the configured ones. Without
    server-driven paging the whole set comes in one answer, which the transport's size limit bounds.
    """

    def __init__(self, source: Source, http: Http, read: ODataRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._where = where
        self._envelope = Envelope("d.results", {"next": "d.__next", "count": "d.__count"})
        self._bare = Envelope("d", {})
        self._set = compile_request(
            RequestTemplate(path=join(read.service, read.set) if read.service else read.set),
            http,
            where=where,
            safe=True,
        )
        self._metadata = compile_request(
            RequestTemplate(
                path=join(read.service, "$metadata") if read.service else "$metadata",
                headers={"Accept": "application/xml"},
            ),
            http,
            where=where,
            safe=True,
        )

    def first(self) -> Position:
        return {"link": None}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        request = self._set(self._source.fields)
        if position["link"]:
            request = replace(request, url=follow_link(request.url, position["link"]), params=[])
        else:
            request = replace(request, params=[*request.params, *self._options(since.moment, sample)])
        if not sample:
            request = replace(
                request, headers={**request.headers, "Prefer": f"odata.maxpagesize={self._read.size}"}
            )
        response = self._source.send(request, resuming=resuming)
        rows, beside = self._envelope.read(response.body)
        if rows is None:
            # Version 1 services give the bare list.
            rows, beside = self._bare.read(response.body)
        if rows is None:
            raise SourceAnswerInvalid(
                f"{self._where}: the answer of set {self._read.set!r} holds no rows at `d.results`. "
                "Check that the address is an OData V2 service."
            )
        link = beside.get("next")
        if link and link == position["link"]:
            raise SourceAnswerInvalid(
                f"{self._where}: the source gives the same page again and again; the pass was stopped."
            )
        counted = str(beside.get("count") or "")
        return Page(
            rows, {"link": link} if link and not sample else None, int(counted) if counted.isdigit() else None
        )

    def _options(self, since: datetime | None, sample: bool) -> list[tuple[str, str]]:
        kind = self.entity_type()
        read = self._read
        options = [("$format", "json")]
        if sample:
            options.append(("$top", "1"))
        else:
            options.append(("$inlinecount", "allpages"))
        if read.select:
            options.append(("$select", ",".join(read.select)))
        if read.expand:
            options.append(("$expand", ",".join(read.expand)))
        filters = [f"({read.filter})"] if read.filter else []
        if since is not None and read.changed:
            late = [f"{name} ge {_literal(kind.properties[name], since)}" for name in read.changed]
            filters.append(f"({' or '.join(late)})")
        if filters:
            options.append(("$filter", " and ".join(filters)))
        return options

    def entity_type(self) -> EntityType:
        """The set's type, after checking that everything the definition names exists.

        Raises ConfigurationError naming what is missing and what there is.
        """
        metadata = self._load_metadata()
        read = self._read
        if read.set not in metadata.sets:
            raise ConfigurationError(
                f"{self._where}: the service has no entity set {read.set!r}. Sets: {_some(metadata.sets)}."
            )
        kind = metadata.sets[read.set]
        for name in read.changed:
            if name not in kind.properties:
                raise ConfigurationError(
                    f"{self._where}: {read.set} has no property {name!r}. Properties: {_some(kind.properties)}."
                )
            _literal_kind(kind.properties[name], name, self._where)
        for path in (*read.select, *read.expand):
            self._check_path(metadata, kind, path)
        return kind

    def _check_path(self, metadata: Metadata, kind: EntityType, path: str) -> None:
        *steps, last = path.split("/")
        for step in steps:
            if step not in kind.navigation:
                raise ConfigurationError(
                    f"{self._where}: {kind.name} has no navigation {step!r}. There are: {_some(kind.navigation)}."
                )
            kind = metadata.types.get(kind.navigation[step], kind)
        if last != "*" and last not in kind.properties and last not in kind.navigation:
            raise ConfigurationError(
                f"{self._where}: {kind.name} has no {last!r}. "
                f"There are: {_some({**kind.properties, **kind.navigation})}."
            )

    def _load_metadata(self) -> Metadata:
        def load() -> Metadata:
            return parse_metadata(self._source.send(self._metadata(self._source.fields)).body)

        return self._source.learned(("metadata", self._read.service), load)


_LITERALS = {
    "Edm.DateTimeOffset": "datetimeoffset'%Y-%m-%dT%H:%M:%SZ'",
    "Edm.DateTime": "datetime'%Y-%m-%dT00:00:00'",
}


def _literal(kind: str, moment: datetime) -> str:
    """A point in time as the property's type writes it. Edm.DateTime carries a business date: the whole day counts."""
    return moment.strftime(_LITERALS[kind])


def _literal_kind(kind: str, name: str, where: str) -> None:
    if kind not in _LITERALS:
        raise ConfigurationError(
            f"{where}: {name} is {kind}; a changed-since filter needs Edm.DateTimeOffset or Edm.DateTime."
        )


def _some(names: dict[str, object] | dict[str, EntityType] | dict[str, str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:40]) + (" …" if len(listed) > 40 else "")
