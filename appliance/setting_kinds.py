"""The kinds of values that a setting may have: how each is named, read and shown."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
HOST_PATTERN = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `str()` gives `host:port`, an IPv6 host in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """Where backups go. `str()` gives it as it is set; `port` 0 is the usual one, `folder` has no slash at its end."""

    kind: Literal["folder", "sftp", "s3", "s3+http"]
    folder: str
    host: str = ""
    port: int = 0
    username: str = ""

    def __str__(self) -> str:
        if self.kind == "folder":
            return self.folder
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.username}@" if self.username else ""
        return f"{self.kind}://{user}{host}{f':{self.port}' if self.port else ''}{self.folder}"


class Kind(NamedTuple):
    """A kind of value: its name and an example in TOML for messages, and how to read and show it.

    `parse` takes a TOML value and raises ValueError; `from_text` makes a TOML value of a variable or a flag.
    """

    name: str
    example: str
    parse: Callable[[Any], Any]
    from_text: Callable[[str], Any] = str
    show: Callable[[Any], str] = str


def _require_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _optional(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: parse(value) if _require_text(value) else None


def _list_of(parse: Callable[[str], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def parse_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(parse(_require_text(item)) for item in value)

    return parse_list


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _join(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values)


def _path(text: Any) -> Path:
    if not _require_text(text):
        raise ValueError
    return Path(text).absolute()


def _address(text: Any) -> Address:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\s\[\]]+)):(\d{1,5})", _require_text(text))
    if found is None or int(found[3]) > 65535:
        raise ValueError
    return Address(found[1] or found[2], int(found[3]))


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in text
    ):
        raise ValueError
    return text.rstrip("/")


def _proxy_url(text: str) -> str:
    parts = urlsplit(text)
    # Reading `port` raises ValueError for one that is no number.
    if parts.scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname or parts.port == 0:
        raise ValueError
    return text


def _syslog_url(text: str) -> str:
    parts = urlsplit(text)
    # Reading `port` raises ValueError for one that is no number.
    if parts.scheme not in ("udp", "tcp", "tls") or not parts.hostname or parts.port == 0 or parts.path:
        raise ValueError
    return text


def _network_or_host(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        if not HOST_PATTERN.fullmatch(text) or re.fullmatch(r"[\d.]+", text):
            raise
        return text.lower()


def _backup_place(text: str) -> BackupPlace:
    if "://" not in text:
        if not text.startswith("/"):
            raise ValueError
        return BackupPlace("folder", text.rstrip("/") or "/")
    parts = urlsplit(text)
    kind, folder = parts.scheme, parts.path.rstrip("/")
    if kind not in ("sftp", "s3", "s3+http") or not parts.hostname or parts.password is not None:
        raise ValueError
    if parts.query or parts.fragment or not folder or (kind == "sftp") != bool(parts.username):
        raise ValueError
    return BackupPlace(kind, folder, parts.hostname, parts.port or 0, parts.username or "")  # type: ignore[arg-type]


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        raise ValueError from None
    if len(text.split()) != 5:
        raise ValueError
    return " ".join(text.split())


def _time_zone(text: Any) -> str:
    try:
        return ZoneInfo(_require_text(text)).key
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None


def _bypass(text: str) -> str:
    if not text or re.search(r"\s", text):
        raise ValueError
    return text


def _media_type(text: str) -> str:
    if not re.fullmatch(r"[\w.+-]+/[\w.+*-]+", text):
        raise ValueError
    return text.lower()


def _bytes(value: Any) -> int:
    if type(value) is int:
        count = value
    else:
        found = re.fullmatch(r"(\d+) ?([A-Za-z]*)", _require_text(value))
        if found is None or (found[2] or "B") not in UNITS:
            raise ValueError
        count = int(found[1]) * UNITS[found[2] or "B"]
    if count < 1:
        raise ValueError
    return count


def _show_bytes(count: int) -> str:
    unit = next(unit for unit in ("GiB", "MiB", "KiB", "B") if count % UNITS[unit] == 0)
    return f"{count // UNITS[unit]}{unit}"


def whole(minimum: int, maximum: int) -> Kind:
    def parse(value: Any) -> int:
        # bool is an int to Python, not to TOML.
        if type(value) is not int or not minimum <= value <= maximum:
            raise ValueError
        return value

    return Kind(f"a whole number from {minimum} to {maximum}", str(minimum), parse, int)


def choice(*names: str) -> Kind:
    def parse(value: Any) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    return Kind("one of " + ", ".join(names), f'"{names[0]}"', parse)


PATH = Kind("a path", '"/var/lib/appliance"', _path)
OPTIONAL_PATH = Kind("a path", '"/etc/appliance/file.pem"', _optional(_path))
PATHS = Kind("a list of paths", '["/etc/appliance/ca.pem"]', _list_of(_path), _split, _join)
ADDRESS = Kind("host:port", '"127.0.0.1:8443"', _address)
OPTIONAL_ADDRESS = Kind("host:port", '"127.0.0.1:9443"', _optional(_address))
PUBLIC_URL = Kind("an http or https URL", '"https://appliance.plant.example"', _optional(_public_url))
PROXY_URL = Kind(
    "an http, https or socks5 URL", '"http://user:password@proxy.plant.example:3128"', _optional(_proxy_url)
)
SYSLOG_URL = Kind("a udp, tcp or tls address", '"tls://siem.plant.example:6514"', _optional(_syslog_url))
NETWORKS = Kind(
    "a list of networks (CIDR) and host patterns",
    '["10.20.0.0/16", "erp.plant.example", "*.plant.example"]',
    _list_of(_network_or_host),
    _split,
    _join,
)
BYPASS = Kind(
    "a list of hosts, suffixes and networks (CIDR)",
    '[".plant.example", "10.0.0.0/8"]',
    _list_of(_bypass),
    _split,
    _join,
)
MEDIA_TYPES = Kind(
    "a list of media types", '["application/pdf", "image/*"]', _list_of(_media_type), _split, _join
)
BYTES = Kind("a size in bytes, with or without a unit", '"64MiB"', _bytes, str, _show_bytes)
BACKUP_PLACE = Kind(
    "a folder, sftp://user@host/folder or s3://host/bucket/folder",
    '"/var/backups/appliance"',
    _optional(_backup_place),
)
CRON = Kind("the five fields of cron", '"30 2 * * *"', _optional(_cron))
TIME_ZONE = Kind("a time zone of the IANA list", '"Europe/Berlin"', _time_zone)
OPTIONAL_TEXT = Kind("a text", '"some text"', _optional(str))
