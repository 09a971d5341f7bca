"""From the `sql` and `files` of a definition and the values of the form to where a database or folder is, and which
host is asked."""

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec

from appliance.errors import InvalidInput
from appliance.runtime.definition import FilesPlace, Sql
from appliance.runtime.template import compile_template
from appliance.transport.files import Place
from appliance.transport.pools import destination
from appliance.transport.sql import DialectName, Login, Tls


def database_login(sql: Sql, fields: Mapping[str, Any]) -> Login:
    """Raises InvalidInput for an unknown dialect, encryption or port."""
    values = _rendered(sql, fields, "sql")
    dialect = _one_of("dialect", values["dialect"], get_args(DialectName))
    tls = _one_of("tls", values["tls"] or "verify", get_args(Tls))
    return Login(
        dialect=cast(DialectName, dialect),
        host=values["host"],
        port=_port(values["port"]),
        database=values["database"],
        username=values["username"],
        password=values["password"],
        schema=values["schema"],
        tls=cast(Tls, tls),
        timeout=sql.timeout,
    )


def files_place(files: FilesPlace, fields: Mapping[str, Any]) -> Place:
    """Raises InvalidInput for an unknown place or port, and for a place that lacks its host."""
    values = _rendered(files, fields, "files")
    kind = _one_of("place", values["place"], ("local", "sftp", "smb"))
    if kind != "local" and not values["host"]:
        raise InvalidInput("Enter the host of the server.", details={"fields": {"host": "Host is required."}})
    port = _port(values.pop("port"))
    return Place(kind=values.pop("place"), port=port, **values)


def host_of(base_url: str | None, login: Login | None, place: Place | None) -> str | None:
    """`host:port` of a source, or `host` alone for the usual port of a database or folder; None for none."""
    if base_url is not None:
        try:
            _, host, port = destination(base_url)
        except ValueError:
            return None
        return f"{host}:{port}"
    where = login or place
    if where is None or not where.host:
        return None
    return f"{where.host.lower()}:{where.port}" if where.port else where.host.lower()


def _rendered(part: Sql | FilesPlace, fields: Mapping[str, Any], where: str) -> dict[str, str]:
    """Every text of the part; a form field the connector does not have is empty."""
    known = {**dict.fromkeys(part.__struct_fields__), **fields}
    values = {}
    for name, value in msgspec.structs.asdict(part).items():
        if isinstance(value, str):
            written = compile_template(value, where=f"{where}.{name}")(known)
            plain = "" if written is None else str(written)
            values[name] = plain if name == "password" else plain.strip()
    return values


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InvalidInput(
            f"{name} is one of {', '.join(choices)}.",
            details={"fields": {name: f"One of {', '.join(choices)}."}},
        )
    return value


def _port(value: str) -> int:
    if value and not (value.isdigit() and 0 < int(value) < 65536):
        raise InvalidInput(
            "The port is a number from 1 to 65535.", details={"fields": {"port": "Not a port."}}
        )
    return int(value or 0)
