"""The settings: one table of options, read from defaults < file < environment < flags.

The table is the class `Settings`: an option is one of its attributes, named as its key with dots as
underscores. The key `sync.lease_seconds` is `lease_seconds` under `[sync]` in the file,
`APPLIANCE_SYNC_LEASE_SECONDS` in the environment, `settings.sync_lease_seconds` in the program. A secret may
also be given as `APPLIANCE_..._FILE`, the path of a file that holds it, and never as a flag, which every user of
the machine can see. Relative paths
start at the working directory. Lists are separated by commas in the environment and in flags. An empty text
stands for an optional value that is not set.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from appliance.errors import ConfigurationError
from appliance.setting_kinds import (
    ADDRESS,
    BACKUP_PLACE,
    BYPASS,
    BYTES,
    CRON,
    MEDIA_TYPES,
    NETWORKS,
    OPTIONAL_ADDRESS,
    OPTIONAL_PATH,
    OPTIONAL_TEXT,
    PATH,
    PATHS,
    PROXY_URL,
    PUBLIC_URL,
    SYSLOG_URL,
    TIME_ZONE,
    Address,
    BackupPlace,
    Kind,
    choice,
    whole,
)

# A row of the table is a dataclass field, made by `_option`.
# ruff: noqa: RUF009

DEFAULT_CONFIG = Path("/etc/appliance/appliance.toml")
PREFIX = "APPLIANCE_"
CONFIG_VARIABLE = "APPLIANCE_CONFIG"
TEST_PREFIX = "APPLIANCE_TEST_"
MASK = "********"


class SettingsInvalid(ConfigurationError):
    code = "SETTINGS_INVALID"


class Option(NamedTuple):
    """One row of the table. `default` is a TOML value."""

    key: str
    kind: Kind
    default: Any
    why: str
    secret: bool

    @property
    def attribute(self) -> str:
        return self.key.replace(".", "_")

    @property
    def variable(self) -> str:
        return PREFIX + self.attribute.upper()

    @property
    def example(self) -> str:
        return self.kind.example if self.default in ("", []) else json.dumps(self.default)


class Shown(NamedTuple):
    """One line of the effective settings; a secret is masked, a value that is not set is empty."""

    key: str
    value: str
    origin: str
    why: str


def _option(key: str, kind: Kind, default: Any, why: str, *, secret: bool = False) -> Any:
    return field(
        default_factory=lambda: kind.parse(default),
        repr=not secret,
        metadata={"option": Option(key, kind, default, why, secret)},
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings in force. `Settings()` has every default."""

    data_dir: Path = _option("data_dir", PATH, "./data", "Database, keyring and certificates live here.")
    listen: Address = _option("listen", ADDRESS, "127.0.0.1:8443", "Where the API and the admin page answer.")
    public_url: str | None = _option(
        "public_url", PUBLIC_URL, "", "How others reach this machine, for links; else made from the request."
    )
    workers: int = _option("workers", whole(2, 64), 4, "Sync runs that work at the same time.")
    web_threads: int = _option("web_threads", whole(1, 256), 8, "Requests answered at the same time.")
    connectors_dir: Path | None = _option(
        "connectors_dir",
        OPTIONAL_PATH,
        "",
        "Folder with connectors of your own, beside those that are included.",
    )
    ca_files: tuple[Path, ...] = _option(
        "ca_files", PATHS, [], "Certificates (PEM) to trust for outbound calls, besides those of the system."
    )
    proxy_url: str | None = _option(
        "proxy_url", PROXY_URL, "", "Proxy for all outbound calls; may hold a user and password.", secret=True
    )
    no_proxy: tuple[str, ...] = _option("no_proxy", BYPASS, [], "Destinations to reach without the proxy.")
    master_key_file: Path | None = _option(
        "master_key_file", OPTIONAL_PATH, "", "Key that opens the keyring; else master.key in data_dir."
    )
    master_passphrase: str | None = _option(
        "master_passphrase", OPTIONAL_TEXT, "", "Passphrase in place of a master key file.", secret=True
    )

    web_server: str = _option(
        "web_server",
        choice("gunicorn", "waitress"),
        "gunicorn",
        "waitress speaks plain HTTP, behind a TLS proxy only: tls.mode = proxy.",
    )
    trusted_proxies: tuple[str, ...] = _option(
        "trusted_proxies",
        NETWORKS,
        [],
        "Proxies before the appliance whose X-Forwarded-For is believed when addresses are checked.",
    )

    tls_mode: str = _option(
        "tls.mode",
        choice("self_signed", "files", "proxy"),
        "self_signed",
        "Own certificate, the two files below, or plain HTTP behind a TLS proxy.",
    )
    tls_certificate: Path | None = _option(
        "tls.certificate",
        OPTIONAL_PATH,
        "",
        "Certificate chain (PEM) for mode files; read again when it changes.",
    )
    tls_key: Path | None = _option("tls.key", OPTIONAL_PATH, "", "Private key (PEM) of that certificate.")

    sync_historical_days: int = _option(
        "sync.historical_days", whole(1, 36_500), 90, "How far back the first sync of a connection reads."
    )
    sync_interval_seconds: int = _option(
        "sync.interval_seconds",
        whole(900, 2_678_400),
        3600,
        "Time between two syncs of an entity that has no schedule of its own.",
    )
    sync_shortest_seconds: int = _option(
        "sync.shortest_seconds",
        whole(10, 86_400),
        900,
        "The shortest time between two syncs that a schedule may ask for.",
    )
    sync_longest_seconds: int = _option(
        "sync.longest_seconds",
        whole(900, 2_678_400),
        86_400,
        "The longest interval that a schedule may ask for.",
    )
    sync_reconcile_hours: int = _option(
        "sync.reconcile_hours",
        whole(0, 744),
        24,
        "Time between two comparisons of all keys, which find what was deleted; 0: never.",
    )
    sync_per_host: int = _option(
        "sync.per_host", whole(1, 64), 2, "Sync runs at the same time of all connections to one host."
    )
    sync_per_connection: int = _option(
        "sync.per_connection", whole(1, 16), 1, "Sync runs at the same time of one connection."
    )
    sync_overlap_seconds: int = _option(
        "sync.overlap_seconds",
        whole(0, 86_400),
        300,
        "Read again this much before the last sync; none is missed.",
    )
    sync_lease_seconds: int = _option(
        "sync.lease_seconds",
        whole(10, 3600),
        60,
        "After this long without a sign of life a run is taken over.",
    )

    sync_clock_skew_seconds: int = _option(
        "sync.clock_skew_seconds",
        whole(0, 86_400),
        3600,
        "How far the clock of a source may be behind this one without a change being missed.",
    )
    sync_stall_seconds: int = _option(
        "sync.stall_seconds", whole(60, 86_400), 900, "A pass ends when no row and no byte came for so long."
    )
    sync_deletion_guard_percent: int = _option(
        "sync.deletion_guard_percent",
        whole(1, 100),
        20,
        "A person is asked when a larger share of an entity would be deleted.",
    )
    quarantine_rows: int = _option(
        "quarantine.rows",
        whole(0, 1_000_000),
        10_000,
        "Rejected rows kept of an entity of a connection; more are only counted.",
    )

    health_probe_seconds: int = _option(
        "health.probe_seconds",
        whole(60, 86_400),
        900,
        "After this long without a sign of life a connection is tested.",
    )

    credits_evaluation: int = _option(
        "credits.evaluation", whole(0, 1_000_000), 20, "Credits that are there without an entitlement."
    )
    credits_grace_days: int = _option(
        "credits.grace_days",
        whole(0, 3650),
        30,
        "Days past its end on which an entitlement still lets new connections be made, unless it says so.",
    )
    credits_entitlement_public_key_file: Path | None = _option(
        "credits.entitlement_public_key_file", OPTIONAL_PATH, "", "Key that entitlements are verified with."
    )

    egress_allow: tuple[str, ...] = _option(
        "egress.allow", NETWORKS, [], "Only these destinations may be called; empty: all but link-local ones."
    )

    files_folders: tuple[Path, ...] = _option(
        "files.folders", PATHS, [], "Folders of this machine that files may be read from; empty: none."
    )

    http_timeout_seconds: int = _option(
        "http.timeout_seconds", whole(1, 3600), 60, "Longest wait for an answer of a source."
    )
    http_max_bytes: int = _option("http.max_bytes", BYTES, "64MiB", "Largest answer accepted from a source.")

    documents_max_bytes: int = _option(
        "documents.max_bytes", BYTES, "25MiB", "Largest document that is taken to be sent into a source."
    )
    documents_types: tuple[str, ...] = _option(
        "documents.types",
        MEDIA_TYPES,
        [
            *("application/pdf", "image/*", "text/plain", "text/csv", "text/xml", "application/xml"),
            *("application/json", "application/zip", "application/msword", "application/vnd.ms-excel"),
            "application/vnd.openxmlformats-officedocument.*",
        ],
        "Types of documents that are taken.",
    )

    limits_token_per_minute: int = _option(
        "limits.token_per_minute",
        whole(0, 1_000_000),
        600,
        "API requests a minute of one token or key; 0: no limit.",
    )
    limits_account_per_minute: int = _option(
        "limits.account_per_minute",
        whole(0, 1_000_000),
        3000,
        "API requests a minute of all tokens and keys together; 0: no limit.",
    )
    limits_address_per_minute: int = _option(
        "limits.address_per_minute",
        whole(0, 1_000_000),
        300,
        "API requests a minute of one address without a valid token; 0: no limit.",
    )

    request_log_sample_percent: int = _option(
        "request_log.sample_percent",
        whole(0, 100),
        100,
        "How many of the API's successful reads are logged; errors and changes always are.",
    )
    request_log_rows: int = _option(
        "request_log.rows", whole(0, 10_000_000), 100_000, "The newest requests that are kept; 0: no log."
    )
    request_log_bytes: int = _option(
        "request_log.bytes", BYTES, "256MiB", "What their payloads may take up, compressed."
    )
    request_log_days: int = _option(
        "request_log.days", whole(1, 3650), 30, "After this time a logged request is deleted."
    )
    request_log_body_bytes: int = _option(
        "request_log.body_bytes", BYTES, "64KiB", "Of a larger body only the size is logged."
    )

    webhooks_workers: int = _option(
        "webhooks.workers", whole(1, 32), 4, "Webhooks that are sent at the same time."
    )
    webhooks_retry_longest_seconds: int = _option(
        "webhooks.retry_longest_seconds",
        whole(30, 86_400),
        3600,
        "A webhook that failed is sent again after 30 s, 1, 2, 4 … minutes, at the longest after this.",
    )
    webhooks_give_up_hours: int = _option(
        "webhooks.give_up_hours", whole(1, 720), 24, "After this time a failing webhook becomes undelivered."
    )
    retention_runs_days: int = _option(
        "retention.runs_days", whole(0, 36_500), 90, "Runs that ended longer ago are deleted; 0: never."
    )
    retention_tombstones_days: int = _option(
        "retention.tombstones_days",
        whole(0, 36_500),
        180,
        "Records deleted in the source longer ago go for good; 0: never.",
    )
    retention_raw_days: int = _option(
        "retention.raw_days",
        whole(0, 36_500),
        0,
        "Source rows of transactions unchanged for longer are emptied; 0: never.",
    )
    retention_writes_days: int = _option(
        "retention.writes_days", whole(0, 36_500), 400, "Writes accepted longer ago are deleted; 0: never."
    )
    retention_passthrough_days: int = _option(
        "retention.passthrough_days",
        whole(0, 36_500),
        90,
        "Pass-through requests noted longer ago are deleted; 0: never.",
    )
    retention_webhooks_days: int = _option(
        "retention.webhooks_days",
        whole(0, 36_500),
        30,
        "Webhooks made longer ago are deleted, unless they wait; 0: never.",
    )
    retention_quarantine_days: int = _option(
        "retention.quarantine_days",
        whole(0, 36_500),
        90,
        "Rejected rows that last came longer ago are deleted; 0: never.",
    )
    retention_issues_days: int = _option(
        "retention.issues_days",
        whole(0, 36_500),
        400,
        "Issues resolved longer ago are deleted; 0: never.",
    )
    retention_access_days: int = _option(
        "retention.access_days",
        whole(0, 36_500),
        90,
        "Revoked and expired tokens and grants are deleted after this; 0: never.",
    )
    retention_mapping_versions: int = _option(
        "retention.mapping_versions",
        whole(1, 10_000),
        50,
        "Versions of a mapping that are kept beside the one in force.",
    )

    disk_pause_bytes: int = _option(
        "disk.pause_bytes",
        BYTES,
        "1GiB",
        "Synchronization waits below this free space, or below a tenth of the disk.",
    )
    disk_reserve_bytes: int = _option(
        "disk.reserve_bytes", BYTES, "64MiB", "Kept in a file, so that deleting works on a full disk."
    )

    backup_target: BackupPlace | None = _option(
        "backup.target", BACKUP_PLACE, "", "Where backups go; empty: none are made by themselves."
    )
    backup_every_hours: int = _option(
        "backup.every_hours", whole(0, 744), 24, "Time between two backups; 0: only when you ask."
    )
    backup_cron: str | None = _option(
        "backup.cron", CRON, "", "Times of backups in place of every_hours, such as 30 2 * * *."
    )
    backup_time_zone: str = _option(
        "backup.time_zone", TIME_ZONE, "UTC", "For backup.cron, and when a day begins for what is kept."
    )
    backup_keep_daily: int = _option(
        "backup.keep_daily", whole(1, 3650), 7, "The newest backup of so many days is kept."
    )
    backup_keep_weekly: int = _option(
        "backup.keep_weekly", whole(0, 520), 5, "The newest backup of so many weeks is kept."
    )
    backup_keep_monthly: int = _option(
        "backup.keep_monthly", whole(0, 120), 12, "The newest backup of so many months is kept."
    )
    backup_password: str | None = _option(
        "backup.password",
        OPTIONAL_TEXT,
        "",
        "Password for the SFTP server, or that of backup.private_key.",
        secret=True,
    )
    backup_private_key: str | None = _option(
        "backup.private_key", OPTIONAL_TEXT, "", "Private key (PEM) for the SFTP server.", secret=True
    )
    backup_host_key: str | None = _option(
        "backup.host_key",
        OPTIONAL_TEXT,
        "",
        "Fingerprint of the SFTP server, SHA256:…, as ssh-keygen -l shows it.",
    )
    backup_access_key: str | None = _option(
        "backup.access_key", OPTIONAL_TEXT, "", "Access key for the object store."
    )
    backup_secret_key: str | None = _option(
        "backup.secret_key", OPTIONAL_TEXT, "", "Secret key for the object store.", secret=True
    )
    backup_region: str = _option(
        "backup.region",
        OPTIONAL_TEXT,
        "us-east-1",
        "Region of the object store, as it wants it in signatures.",
    )

    session_idle_minutes: int = _option(
        "session.idle_minutes", whole(1, 1440), 30, "Signs out from the admin page after this time unused."
    )
    session_hours: int = _option(
        "session.hours", whole(1, 720), 12, "Signs out at the latest after this time."
    )

    metrics_token: str | None = _option(
        "metrics.token",
        OPTIONAL_TEXT,
        "",
        "Who sends this token may read /metrics; else it is off.",
        secret=True,
    )
    metrics_listen: Address | None = _option(
        "metrics.listen", OPTIONAL_ADDRESS, "", "Another address that answers /metrics, and nothing else."
    )
    metrics_labels: str = _option(
        "metrics.labels",
        choice("none", "connection", "entity"),
        "none",
        "Series by connection, or by connection and entity: many series with many connections.",
    )

    log_level: str = _option(
        "log.level", choice("debug", "info", "warning", "error"), "info", "The least severe events to log."
    )
    log_format: str = _option(
        "log.format", choice("text", "json"), "text", "One line an event, or one JSON object."
    )
    log_forward: str | None = _option(
        "log.forward", SYSLOG_URL, "", "Syslog server that is sent every line, too (RFC 5424)."
    )

    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each key that is not at its default comes from."""

    def effective(self) -> Iterator[Shown]:
        """Every option in the order of the table, secrets masked."""
        for option in options():
            value = getattr(self, option.attribute)
            shown = "" if value is None else MASK if option.secret else option.kind.show(value)
            yield Shown(option.key, shown, self.origins.get(option.key, "default"), option.why)


def options() -> tuple[Option, ...]:
    """The table."""
    return tuple(one.metadata["option"] for one in fields(Settings) if "option" in one.metadata)


def load_settings(
    flags: Mapping[str, str], environ: Mapping[str, str], config: Path | None = None
) -> Settings:
    """The settings in force.

    `flags` are texts by dotted key. `config` is the file that --config names; without it, the one that
    APPLIANCE_CONFIG names, and else /etc/appliance/appliance.toml if there is one. Raises SettingsInvalid for
    an unknown key, a value of the wrong kind, and values that do not go together.
    """
    table = {option.key: option for option in options()}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, origin, value in (
        *_from_file(table, _config_file(environ, config)),
        *_from_environment(table, environ),
        *_from_flags(table, flags),
    ):
        option = table[key]
        values[option.attribute] = _parse(option, origin, value)
        origins[key] = origin
    settings = Settings(**values, origins=origins)
    if settings.tls_mode == "files" and not (settings.tls_certificate and settings.tls_key):
        raise SettingsInvalid('tls.mode = "files" needs both tls.certificate and tls.key.')
    if settings.web_server == "waitress" and settings.tls_mode != "proxy":
        raise SettingsInvalid(
            'web_server = "waitress" speaks plain HTTP: set tls.mode = "proxy" and put a proxy before it that speaks '
            'TLS, or use web_server = "gunicorn".'
        )
    return settings


def sample() -> str:
    """`config/appliance.toml`: every key with its default, commented out, and why it is there."""
    lines = ["# Settings of the appliance. Every line shows the default; remove the # to change it."]
    section = ""
    for option in options():
        found, _, name = option.key.rpartition(".")
        if found != section:
            section = found
            lines += ["", f"[{section}]"]
        lines += ["", f"# {option.why}", f"# {name} = {json.dumps(option.default)}"]
    return "\n".join(lines) + "\n"


def _parse(option: Option, origin: str, value: Any) -> Any:
    try:
        return option.kind.parse(value)
    except ValueError:
        _refuse(option, origin, value)


def _refuse(option: Option, origin: str, value: Any) -> NoReturn:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a section"}
    # The value is not repeated: it may be a secret that was put into the wrong place.
    got = kinds.get(type(value), "another text" if isinstance(value, str) else "a date or time")
    raise SettingsInvalid(
        f"{option.key} ({origin}) must be {option.kind.name}, got {got}. Example: {option.example}",
        details={"key": option.key, "origin": origin, "example": option.example},
    ) from None


def _config_file(environ: Mapping[str, str], config: Path | None) -> Path | None:
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
    return named


Found = Iterator[tuple[str, str, Any]]


def _from_file(table: Mapping[str, Option], path: Path | None) -> Found:
    if path is None:
        return
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as failure:
        raise SettingsInvalid(f"The settings file {path} cannot be read: {failure.strerror}.") from failure
    except ValueError as failure:
        raise SettingsInvalid(f"The settings file {path} is not TOML: {failure}.") from failure
    for key, value in _flat(content, table):
        yield _known(key, table, str(path)), str(path), value


def _flat(content: Mapping[str, Any], table: Mapping[str, Option]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict) and name not in table:
            # A section; an empty one that nobody knows is named by itself.
            if not value and not any(key.startswith(f"{name}.") for key in table):
                yield name, value
            for inner, item in value.items():
                yield f"{name}.{inner}", item
        else:
            yield name, value


def _from_environment(table: Mapping[str, Option], environ: Mapping[str, str]) -> Found:
    variables = {option.variable: option for option in table.values()}
    files = {f"{option.variable}_FILE": option for option in table.values() if option.secret}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or name.startswith(TEST_PREFIX):
            continue
        if name in files:
            option = files[name]
            if option.variable in environ:
                raise SettingsInvalid(f"Both {option.variable} and {name} are set; set only one of them.")
            yield option.key, name, _secret_from(Path(text), name)
        else:
            option = variables[_known(name, [*variables, *files], "environment")]
            yield option.key, name, _from_text(option, name, text)


def _from_flags(table: Mapping[str, Option], flags: Mapping[str, str]) -> Found:
    for name, text in flags.items():
        option, origin = table[_known(name, table, "flags")], f"flag {name}"
        if option.secret:
            raise SettingsInvalid(
                f"{name} is secret and cannot be a flag, which every user of this machine can see. "
                f"Use the settings file, {option.variable} or {option.variable}_FILE."
            )
        yield name, origin, _from_text(option, origin, text)


def _from_text(option: Option, origin: str, text: str) -> Any:
    try:
        return option.kind.from_text(text)
    except ValueError:
        _refuse(option, origin, text)


def _secret_from(path: Path, variable: str) -> str:
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is not UTF-8 text"
        raise SettingsInvalid(f"The file {path} that {variable} names cannot be read: {reason}.") from None


def _known(name: str, known: Mapping[str, Any] | list[str], origin: str) -> str:
    if name in known:
        return name
    nearest = difflib.get_close_matches(name, known, 1, cutoff=0)
    raise SettingsInvalid(
        f"Unknown setting {name} ({origin}). Did you mean {nearest[0]}?",
        details={"key": name, "origin": origin, "nearest": nearest[0]},
    )
