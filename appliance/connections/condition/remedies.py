"""What to do about each thing that can be wrong, and who can do it. One table for every issue there is.

The texts are for people who know their plant and not its software. `{system}` is the name of the connected system,
`{connection}` that of the connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "critical"]
"""`critical`: something stands still; `warning`: something is incomplete; `info`: something is about to happen."""

Who = Literal["plant_admin", "source_admin", "integrator", "vendor"]
"""Who runs the appliance, who runs the connected system, who programs against the API, who makes the appliance."""

Aspect = Literal["reachable", "authenticated", "authorized", "data"]
ASPECTS: tuple[Aspect, ...] = ("reachable", "authenticated", "authorized", "data")
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Remedy:
    """`aspect` is that of the connection's health that the issue belongs to, None for what is about no source.

    `counts_as` is the code under which it is kept, where several codes say the same of a source.
    """

    severity: Severity
    who: Who
    fix: str
    aspect: Aspect | None = None
    counts_as: str | None = None


_NETWORK = (
    "Check that {system} is running and can be reached from this machine: name, firewall, VPN. Nothing else has to "
    "be done: the appliance tries again by itself and catches up."
)
_REPORT = "Send the support bundle with the run's id to the maker of the appliance."
_CONNECTOR = (
    "Look whether {system} was upgraded or its interface changed. If not, test the connection and send the result "
    "to the maker of the connector."
)

ENDS_A_RUN: Mapping[str, Remedy] = {
    "SOURCE_UNREACHABLE": Remedy("critical", "source_admin", _NETWORK, "reachable"),
    "SOURCE_CIRCUIT_OPEN": Remedy(
        "critical", "source_admin", _NETWORK, "reachable", counts_as="SOURCE_UNREACHABLE"
    ),
    "SOURCE_CERTIFICATE_REFUSED": Remedy(
        "critical",
        "source_admin",
        "Have the certificate of {system} renewed, or give the certificate of its authority (PEM) to who runs the "
        "appliance, who adds it to the setting ca_files or to the connection.",
        "reachable",
    ),
    "PROXY_REFUSED": Remedy(
        "critical",
        "plant_admin",
        "Have the proxy let this machine through to {system}, or name the host in the setting no_proxy.",
        "reachable",
    ),
    "EGRESS_REFUSED": Remedy(
        "critical",
        "plant_admin",
        "Add the address of {system} to the setting egress.allow and restart the appliance, or correct the address "
        "under Reauthorize.",
        "reachable",
    ),
    "SOURCE_CREDENTIALS_REJECTED": Remedy(
        "critical",
        "source_admin",
        "Look in {system} whether the user is locked, expired or has a new password. Then enter what is valid under "
        "Reauthorize on the page of {connection}; the history stays.",
        "authenticated",
    ),
    "SOURCE_ACCESS_DENIED": Remedy(
        "warning",
        "source_admin",
        "Give the user of the connection the right to read this in {system}; the connector's guide names the roles. "
        "Nothing has to be done here: the next synchronization finds out.",
        "authorized",
    ),
    "SOURCE_THROTTLED": Remedy(
        "warning",
        "source_admin",
        "Have the request limit of {system} raised, or synchronize less often. What was asked to wait is read later.",
        "data",
    ),
    "SOURCE_ERROR": Remedy(
        "warning",
        "source_admin",
        "Look the message up in the log of {system} at this time. It is tried again by itself.",
        "data",
    ),
    "SOURCE_ANSWER_INVALID": Remedy("warning", "vendor", _CONNECTOR, "data"),
    "SOURCE_STALLED": Remedy(
        "warning",
        "source_admin",
        "Look whether {system} is overloaded or a job of it hangs at this time. It is tried again by itself.",
        "data",
    ),
    "SOURCE_FILE_BROKEN": Remedy(
        "warning",
        "source_admin",
        "Have the file written once more by {system}, whole and in the agreed format. It is read as soon as it "
        "changes.",
        "data",
    ),
    "SOURCE_CANNOT_FILTER": Remedy("warning", "vendor", _CONNECTOR, "data"),
    "SOURCE_REFUSED_PAGE": Remedy("warning", "vendor", _CONNECTOR, "data"),
    "SOURCE_END_OF_DATA": Remedy("warning", "vendor", _CONNECTOR, "data"),
    "SOURCE_RESUME_REFUSED": Remedy(
        "warning",
        "source_admin",
        "{system} forgets the position of a long read too soon. Have its session or query time raised, or synchronize "
        "at a quieter time.",
        "data",
    ),
    "REQUEST_STOPPED": Remedy(
        "info",
        "plant_admin",
        "The appliance was stopped meanwhile. Nothing has to be done: the next synchronization goes on.",
        "data",
    ),
    "UNKNOWN_SYSTEM": Remedy(
        "critical",
        "plant_admin",
        "The connector of {system} is no longer installed. Put its folder back into the setting connectors_dir, or "
        "disconnect the connection.",
        "data",
    ),
    "INVALID_REQUEST": Remedy(
        "critical",
        "plant_admin",
        "The connection's form no longer fits its connector. Open Reauthorize on the page of {connection}, complete "
        "the form and send it.",
        "data",
    ),
    "UNKNOWN_ENTITY": Remedy(
        "warning", "plant_admin", "Take back the last change of the mapping of {connection}.", "data"
    ),
    "MAPPING_INVALID": Remedy(
        "critical",
        "plant_admin",
        "Take back the last change of the mapping on the Mapping page of {connection}.",
        "data",
    ),
    "CONFIGURATION_ERROR": Remedy(
        "critical",
        "plant_admin",
        "Correct what the message names, then synchronize {connection} once by hand.",
        "data",
    ),
    "KEY_UNKNOWN": Remedy(
        "critical",
        "plant_admin",
        "Put keyring.json back from the backup that belongs to this database. If there is none, reauthorize "
        "{connection} with its credentials.",
        "data",
    ),
    "SEAL_BROKEN": Remedy(
        "critical",
        "plant_admin",
        "The stored credentials are damaged. Reauthorize {connection} with its credentials, and check the disk.",
        "data",
    ),
    "DISK_FULL": Remedy(
        "critical",
        "plant_admin",
        "Make room on the disk of the data directory. Runs go on by themselves then.",
        "data",
    ),
    "INTERNAL_ERROR": Remedy("critical", "vendor", _REPORT, "data"),
}
"""By the code of the error that ends a run or one entity of it. The next success of the same entity resolves it."""

BESIDE_RUNS: Mapping[str, Remedy] = {
    "DATA_STALE": Remedy(
        "warning",
        "plant_admin",
        "Look on the page of {connection} which entities are behind and why. If runs wait for others, raise the "
        "setting workers, or synchronize less often.",
        "data",
    ),
    "DELETIONS_HELD": Remedy(
        "warning",
        "plant_admin",
        "Look in {system} whether the rows are really gone, or whether the user of the connection sees less than "
        "before. Then approve or dismiss the deletion on the page of {connection}.",
        "data",
    ),
    "SOURCE_CHANGED": Remedy(
        "info",
        "integrator",
        "Look at the changed fields on the page of {connection}. Where a mapping uses one of them, correct it; then "
        "acknowledge the change.",
        "data",
    ),
    "ROWS_REJECTED": Remedy(
        "warning",
        "plant_admin",
        "Look at the rejected rows on the page of {connection}. Correct them in {system}, or change the mapping; then "
        "synchronize.",
        "data",
    ),
    "SOURCE_CERTIFICATE_EXPIRING": Remedy(
        "info",
        "source_admin",
        "Have the certificate of {system} renewed before it ends. A renewal by the same authority needs nothing here.",
        "reachable",
    ),
    "CLIENT_CERTIFICATE_EXPIRING": Remedy(
        "info",
        "plant_admin",
        "Have a new client certificate made for {system} and enter it under Reauthorize on the page of {connection}.",
        "authenticated",
    ),
    "DISK_LOW": Remedy(
        "critical",
        "plant_admin",
        "Make room on the disk of the data directory, or keep less by the settings of retention. Synchronization goes "
        "on by itself then.",
    ),
    "BACKUP_FAILED": Remedy(
        "critical",
        "plant_admin",
        "Do what the message says; the next backup is tried by itself, `appliance backup create` makes one at once.",
    ),
    "BACKUP_OLD": Remedy(
        "critical",
        "plant_admin",
        "See on the page Backups why none was made, whether the place can be reached and has room, and make one.",
    ),
    "CLOCK_JUMPED": Remedy(
        "warning",
        "plant_admin",
        "Let this machine take its time from a time server (see `timedatectl` or `chronyc tracking`). Nothing else has "
        "to be done: leases and waits were moved with the clock, and nothing is deleted for its age for a day.",
    ),
    "WEBHOOK_SWITCHED_OFF": Remedy(
        "warning",
        "integrator",
        "Correct the address or the program behind it, test the webhook, and switch it on again; deliveries that were "
        "given up can be repeated.",
    ),
    "CERTIFICATE_EXPIRING": Remedy(
        "info",
        "plant_admin",
        "Renew the certificate that the appliance serves with (setting tls.certificate). The new file is read by "
        "itself.",
    ),
    "API_KEY_EXPIRING": Remedy(
        "info",
        "integrator",
        "Make a new account key under API keys, give it to the program that uses this one, and revoke this one.",
    ),
    "ENTITLEMENT_EXPIRING": Remedy(
        "info", "plant_admin", "Ask for a new entitlement file and import it under Credits."
    ),
    "ENTITLEMENT_ENDED": Remedy(
        "warning",
        "plant_admin",
        "Ask for a new entitlement file, naming the installation id that stands under Credits, and import it there. "
        "Connections that are there go on without it.",
    ),
}
"""By the code of an issue that no failed run opens. What opened it resolves it."""

REMEDIES: Mapping[str, Remedy] = {**ENDS_A_RUN, **BESIDE_RUNS}


def advice(code: str | None) -> dict[str, str] | None:
    """What to do about the error of a run, and who can: `{"fix", "who"}`, None where the table has nothing to say."""
    remedy = None if code is None else REMEDIES.get(code)
    if remedy is None:
        return None
    return {"fix": remedy.fix.format(system="the source", connection="the connection"), "who": remedy.who}
