"""The document: its members, checked as far as that goes without asking anybody, and where secrets come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from appliance.errors import InvalidInput

VERSION = 1


class DocumentInvalid(InvalidInput):
    """The text is not a setup as `appliance config export` writes it."""

    code = "SETUP_INVALID"


class SecretMissing(InvalidInput):
    """A secret that is needed is not where the text says that it is."""

    code = "SETUP_SECRET_MISSING"


class SecretPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"place": "from"}):
    """`place` is `env:NAME` or `file:PATH`."""

    place: str

    def read(self, environ: Mapping[str, str]) -> str | None:
        """The secret, None where there is none."""
        kind, _, name = self.place.partition(":")
        if kind == "env":
            return environ.get(name)
        try:
            return Path(name).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            return None


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: dict[str, Any] = {}
    entities: dict[str, dict[str, Any]] = {}


class WantedConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sections that are None are left as they are."""

    name: str
    system: str
    hosting: str | None = None
    email: str | None = None
    historical_days: int | None = None
    fields: dict[str, Any] = {}
    secrets: dict[str, SecretPlace] = {}
    metadata: list[dict[str, str]] | None = None
    schedule: Schedule | None = None
    mappings: dict[str, dict[str, Any]] | None = None
    tables: dict[str, dict[str, Any]] | None = None
    passthrough: list[str] | None = None


class WebhookKey(NamedTuple):
    """What tells webhooks apart in a file: the name of the connection or application that has it, and its own."""

    connection: str | None
    application: str | None
    name: str


class WantedWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`connection` or `application` is the name of whose it is; with neither it is the account's.

    Its secret is made here. A name that is its address is none.
    """

    name: str
    url: str
    events: list[str]
    connection: str | None = None
    application: str | None = None
    enabled: bool = True
    disable_on_gone: bool = True

    @property
    def key(self) -> WebhookKey:
        return WebhookKey(self.connection, self.application, self.name)


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int = VERSION
    connections: list[WantedConnection] = []
    webhooks: list[WantedWebhook] = []


def read(text: str) -> Setup:
    """Raises DocumentInvalid, which says where."""
    try:
        setup = msgspec.convert(yaml.safe_load(text) or {}, Setup)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as failure:
        raise DocumentInvalid(f"The file is no setup: {' '.join(str(failure).split())[:300]}.") from None
    if setup.version != VERSION:
        raise DocumentInvalid(f"The file is of version {setup.version}; this program knows {VERSION}.")
    _once([one.name for one in setup.connections], "connection")
    for hook in setup.webhooks:
        if hook.connection is not None and hook.application is not None:
            raise DocumentInvalid(f"{hook.name}: a webhook has either a connection or an application.")
    _once(["/".join(part or "" for part in one.key) for one in setup.webhooks], "webhook")
    for one in setup.connections:
        for name, place in one.secrets.items():
            if not place.place.startswith(("env:", "file:")):
                raise DocumentInvalid(f"{one.name}: {name} is from env:NAME or file:PATH.")
    return setup


def write(setup: Mapping[str, Any]) -> str:
    """As YAML that looks the same for the same setup."""
    return yaml.safe_dump(setup, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)


def _once(names: list[str], what: str) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DocumentInvalid(f"The {what} {min(twice)!r} is there twice; names tell them apart.")
