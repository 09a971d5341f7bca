"""Everything that `doctor` looks at, put together for a data directory whose service runs or not."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import resources
from pathlib import Path

from appliance.app import Appliance, outbound_of, own_certificate_end
from appliance.cli.serve import certificate_paths
from appliance.clock import Clock, SystemClock
from appliance.errors import ApplianceError
from appliance.model.entity import load_model
from appliance.operations.checks import Check, Finding, machine, network, state
from appliance.runtime.catalog import Catalog
from appliance.server.tls import server_context
from appliance.settings import Settings
from appliance.store.database import Database
from appliance.store.migrations import scripts
from appliance.transport.stages import resolve
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.sources import find_source


def configuration(settings: Settings, clock: Clock) -> dict[str, Check]:
    """What can be told without data: paths, certificates, connectors."""
    return {
        "paths": partial(_paths, settings),
        "authorities": partial(machine.authorities, settings.ca_files, clock),
        "certificate": partial(_certificate, settings, clock),
        "connectors": partial(_connectors, settings),
        "outbound": partial(_outbound, settings, clock),
    }


@contextmanager
def checkup(settings: Settings, clock: Clock | None = None) -> Iterator[Mapping[str, Check]]:
    """All checks, by name, to be made inside. Nothing is made or migrated, and the service may run meanwhile."""
    clock = clock or SystemClock()
    data_dir = settings.data_dir
    keys = [path for path in (settings.master_key_file, settings.tls_key) if path is not None]
    checks: dict[str, Check] = {
        **configuration(settings, clock),
        "files": partial(machine.file_modes, data_dir, keys),
        "clock": partial(machine.clock_is_sane, data_dir, clock),
        "temporary folder": machine.temporary_folder,
        "open files": partial(machine.open_files, data_dir),
        "SELinux": machine.selinux,
        "FIPS": machine.fips,
        "hardening": machine.hardening,
        "engine": partial(state.engine, data_dir, clock),
        "proxy": lambda: network.proxy(outbound_of(settings, clock).proxy_answers),
    }
    with ExitStack() as closing:
        try:
            checks |= _of_the_data(settings, clock, closing)
        except ApplianceError as failure:
            # The lambda outlives the name that `except` takes away.
            message = failure.message
            checks["database"] = lambda: [Finding("fail", message)]
        yield checks


def _of_the_data(settings: Settings, clock: Clock, closing: ExitStack) -> dict[str, Check]:
    """Raises ApplianceError when keys or database do not open."""
    data_dir = settings.data_dir
    path = data_dir / DATABASE_NAME
    if not path.exists():
        return {
            "database": lambda: [
                Finding(
                    "warn",
                    f"There is no database in {data_dir} yet.",
                    "appliance setup, or start the service",
                )
            ]
        }
    source = find_source(
        data_dir,
        environ=os.environ,
        key_file=settings.master_key_file,
        passphrase=settings.master_passphrase,
    )
    keyring = Keyring.open(data_dir, source, clock)
    database = Database(path, keyring.database_key, migrated=False)
    closing.callback(database.close)
    checks: dict[str, Check] = {
        "database": partial(state.integrity, database),
        "schema": partial(state.schema, database),
        "log": partial(state.log_size, database),
    }
    if database.value("PRAGMA user_version") != max(scripts()):
        return checks
    appliance = Appliance.open(settings, clock)
    closing.callback(appliance.close)
    below = appliance.disk.limits(appliance.disk.space())[0]
    hosts = sorted(
        {
            connection.host.rpartition(":")[0]
            for connection in appliance.connections.table.all()
            if connection.is_open and connection.host
        }
    )
    return {
        **checks,
        "keys": partial(state.secrets_open, database, appliance.secrets),
        "disk": lambda: machine.free_disk(data_dir, below, state.growth_a_day(database, clock)),
        "clock jumps": partial(state.clock_jumps, database, clock),
        "connections": partial(state.connections, database),
        "webhooks": partial(state.webhooks, database, clock),
        "backups": partial(state.backups, appliance.backups),
        "endings": partial(state.endings, database, own_certificate_end(settings), clock),
        "names": lambda: network.names([] if settings.proxy_url else hosts, resolve, clock),
    }


def _paths(settings: Settings) -> Iterator[Finding]:
    """Folders and files that the settings name."""
    place = settings.data_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "fail",
            f"data_dir: {settings.data_dir} cannot be made or written by this user.",
            "correct data_dir",
        )
    named: list[tuple[str, Path | None]] = [
        ("connectors_dir", settings.connectors_dir),
        ("master_key_file", settings.master_key_file),
        ("credits.entitlement_public_key_file", settings.credits_entitlement_public_key_file),
        *(("files.folders", folder) for folder in settings.files_folders),
    ]
    missing = [(key, path) for key, path in named if path is not None and not os.access(path, os.R_OK)]
    for key, path in missing:
        yield Finding("fail", f"{key}: {path} is not there, or cannot be read.", f"correct {key}")
    if not missing:
        yield Finding("ok", "Folders and files that the settings name are there.")


def _certificate(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """The certificate to serve with loads, and belongs to its key; one of our own is made at the start."""
    if settings.tls_mode != "files":
        yield Finding("ok", f"tls.mode is {settings.tls_mode}.")
        return
    pair = certificate_paths(settings)
    assert pair is not None, "files were asked for"
    server_context(*pair)
    ends_at = own_certificate_end(settings)
    if ends_at is not None:
        yield machine.ending("tls.certificate", ends_at, clock)


def _connectors(settings: Settings) -> Iterator[Finding]:
    """Every connector loads, those of connectors_dir too."""
    catalog = Catalog(load_model(), resources.files("appliance.connectors"), settings.connectors_dir)
    broken = catalog.broken()
    for one in broken:
        yield Finding(
            "fail", f"The connector {one.folder} is left out: {one.reason}", "appliance connector test FOLDER"
        )
    if not broken:
        yield Finding("ok", f"{len(catalog.definitions())} connectors load.")


def _outbound(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Proxy, trust and policy can be used as they are written. Raises ConfigurationError."""
    outbound_of(settings, clock)
    yield Finding("ok", "Proxy, trust and egress policy can be used as they are written.")
