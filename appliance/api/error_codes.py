"""Every code that an error may carry, read from the error classes themselves, and what each one means."""

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass

import appliance
from appliance.errors import ApplianceError

STATUS = {
    "validation": 400,
    "authentication": 401,
    "permission": 403,
    "not_found": 404,
    "conflict": 409,
    "rate_limit": 429,
    "source": 502,
    "connection": 503,
    "configuration": 500,
    "internal": 500,
}
STATUS_OF_CODE = {
    # Well-formed, and cannot be carried out as it stands: address, credentials or content need mending.
    "CONNECTION_TEST_FAILED": 422,
    "VALIDATION_FAILED": 422,
    "NOT_SUPPORTED": 422,
    "SOURCE_REJECTED": 422,
    "WRITE_CONFLICT": 409,
    "SOURCE_THROTTLED": 503,
    "DISK_FULL": 507,
    "DISK_LOW": 507,
    "BACKUP_NO_ROOM": 507,
    "BACKUP_TARGET_MISSING": 409,
    "BACKUP_TARGET_REFUSED": 409,
    "MAINTENANCE": 503,
}
HTTP_CODES = {
    400: ("INVALID_REQUEST", "validation"),
    404: ("NOT_FOUND", "not_found"),
    405: ("METHOD_NOT_ALLOWED", "validation"),
    413: ("REQUEST_TOO_LARGE", "validation"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "validation"),
}
"""Status to code and type of what the HTTP layer refuses before a view sees it."""

FAMILIES = {
    "validation": "What was sent is wrong; the message and `details` say how to mend it. Do not repeat it as it is.",
    "authentication": "Who calls is not known, or the source no longer knows the connection.",
    "permission": "Who calls is known and may not do this.",
    "not_found": "There is no such thing for this caller.",
    "conflict": "Not in this state, or not twice.",
    "rate_limit": "The appliance's own limit. Wait as many seconds as `Retry-After` says.",
    "source": "The connected system refused, failed, or asked to slow down; its own words are in the message.",
    "connection": "The connected system could not be reached. Usually temporary: repeat with growing pauses.",
    "configuration": "The appliance is not set up as it has to be; an administrator mends it.",
    "internal": "A fault of the appliance. Tell an administrator the request id.",
}

_MEANING = {
    "INVALID_REQUEST": "A parameter, a header or the body is not as it has to be.",
    "METHOD_NOT_ALLOWED": "The path is there, the method is not; the header `Allow` names those that are.",
    "REQUEST_TOO_LARGE": "The request is larger than what is accepted.",
    "UNSUPPORTED_MEDIA_TYPE": "The body is of a type that is not read here.",
    "CURSOR_INVALID": "The cursor is damaged, or belongs to another list, filter or connection.",
    "SCHEDULE_INVALID": "A rule of a schedule is not one, or asks for times too close together.",
    "UNKNOWN_ENTITY": "The connection does not serve an entity of that name.",
    "NOT_SERVED": "The connection's system is of another category than the path.",
    "NOT_FOUND": "There is nothing at that path.",
    "PAGE_NOT_FOUND": "There is no such admin page.",
    "RECORD_NOT_FOUND": "The connection has no record with that key.",
    "CONNECTION_NOT_FOUND": "There is no connection with that id.",
    "REJECTED_ROW_NOT_FOUND": "The connection has no rejected row with that id; it may have been settled meanwhile.",
    "DRIFT_NOT_FOUND": "The connection has no such finding of a change in its source's fields.",
    "RUN_NOT_FOUND": "There is no synchronization run with that id.",
    "UNKNOWN_SYSTEM": "No connector of that name is installed; see `GET /api/system/platforms`.",
    "AUTHENTICATION_FAILED": "The header `Authorization: Bearer …` is missing or not one.",
    "TOKEN_INVALID": "The token is unknown, expired or revoked.",
    "API_KEY_INVALID": "The account key is unknown, expired or revoked.",
    "SIGN_IN_REFUSED": "Name or password is wrong.",
    "REAUTHORIZATION_REQUIRED": "The source rejects the connection's credentials; reauthorize the connection.",
    "SOURCE_CREDENTIALS_REJECTED": "The source did not accept the connection's credentials.",
    "PERMISSION_DENIED": "The caller may not do this.",
    "SOURCE_ACCESS_DENIED": "The source's user may not do this; the source's administrator grants it.",
    "FORM_REFUSED": "A form of the admin page came from elsewhere or from an old session.",
    "BOOTSTRAP_TOKEN_REFUSED": "The link of the first set-up is used up or too old.",
    "PASSTHROUGH_NOT_ALLOWED": "Pass-through is closed for this method and path; an administrator opens it by rule.",
    "PASSTHROUGH_PATH_INVALID": "The path of the pass-through request is not a plain path below the source's address.",
    "EGRESS_REFUSED": "The appliance may not call that destination; see the setting `egress.allow`.",
    "IDEMPOTENCY_KEY_REUSED": "The Idempotency-Key was used for another request before.",
    "WRITE_IN_PROGRESS": "A write with the same Idempotency-Key is still under way.",
    "TASK_NOT_FOUND": "There is no write task with that id.",
    "MAPPING_NOT_FOUND": "The connection has no such mapping or version.",
    "CONFLICT": "The thing is not in the state that this needs.",
    "CONNECTION_DISCONNECTED": "The connection was disconnected.",
    "CONNECTION_NOT_SYNCHRONIZING": "The connection is disconnected or waits to be reauthorized.",
    "INSUFFICIENT_CREDITS": "The connection costs more credits than are left.",
    "ALREADY_SET_UP": "There is an administrator; sign in.",
    "RATE_LIMIT_EXCEEDED": "More requests than the limit of the token or the account allows.",
    "ACCOUNT_LOCKED": "Too many wrong passwords; the account opens again by itself.",
    "CONNECTION_TEST_FAILED": "Connecting stopped at a stage; `details.stages` lists all of them.",
    "SOURCE_THROTTLED": "The source asked to slow down; this is its limit, not that of the appliance.",
    "SOURCE_ERROR": "The source refused or failed.",
    "SOURCE_ANSWER_INVALID": "The source answered with something that cannot be read.",
    "SOURCE_UNREACHABLE": "No answer of the source: name, network, TLS or time-out.",
    "SOURCE_CIRCUIT_OPEN": "The source failed several times in a row and is left alone for a while.",
    "SOURCE_CERTIFICATE_REFUSED": "The source's certificate is not trusted; see the setting `ca_files`.",
    "PROXY_REFUSED": "The proxy did not let the call through.",
    "REQUEST_STOPPED": "The call of the source was ended because the appliance stops.",
    "CONFIGURATION_ERROR": "A setting, a key or a file of the appliance is not as it has to be.",
    "DISK_FULL": "The disk of the appliance is full; nothing was changed. Repeat it when there is room again.",
    "DISK_LOW": "Synchronization waits until there is room on the disk of the appliance.",
    "SETTINGS_INVALID": "A setting is unknown or has a wrong value.",
    "START_REFUSED": "The program, its clock, its data directory or its address is not fit for a start.",
    "CERTIFICATE_UNUSABLE": "The certificate or key to serve with cannot be used.",
    "ENTITLEMENT_REJECTED": "The entitlement file is not valid.",
    "STORE_KEY_REJECTED": "The database does not open with the key of the keyring.",
    "SCHEMA_MISMATCH": "The database is of another release.",
    "MASTER_KEY_REJECTED": "The master key does not open the keyring.",
    "MASTER_KEY_MISSING": "There is no master key where it should be.",
    "KEY_FILE_REFUSED": "A key file can be read by others, or is none.",
    "KEY_UNKNOWN": "A secret is sealed under a key that the keyring does not hold.",
    "KEYRING_BROKEN": "The keyring file is damaged.",
    "KEYRING_MISSING": "The keyring file is missing beside its database.",
    "SEAL_BROKEN": "A sealed secret was changed or does not belong where it is.",
    "DATABASE_DAMAGED": "A database file does not hold what was written to it.",
    "BACKUP_TARGET_MISSING": "No place for backups is set.",
    "BACKUP_TARGET_REFUSED": "The place for backups does not take, give or find them.",
    "BACKUP_NO_ROOM": "There is not enough room for a backup or for restoring one.",
    "BACKUP_BROKEN": "A backup was changed or cut, or does not hold what it says.",
    "BACKUP_NOT_FOUND": "There is no backup of that name at the place.",
    "BACKUP_UNDER_WAY": "A backup is being made or looked through; one at a time.",
    "RESTORE_REFUSED": "The data directory is in use, or cannot be exchanged.",
    "INTERNAL_ERROR": "Something unexpected went wrong in the appliance.",
}


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """`status` is that of an HTTP answer with this code; `retryable`: the same call may work later."""

    code: str
    type: str
    status: int
    retryable: bool
    meaning: str


def status_of(failure: ApplianceError | type[ApplianceError]) -> int:
    """The HTTP status of a failure."""
    return STATUS_OF_CODE.get(failure.code) or STATUS.get(failure.type, 500)


@functools.cache
def error_codes() -> tuple[ErrorCode, ...]:
    """All codes, by type and code. Loads every module of the program, so that none is missed."""
    for module in pkgutil.walk_packages(appliance.__path__, "appliance."):
        if not module.name.startswith(("appliance.connectors", "appliance.__main__")):
            importlib.import_module(module.name)
    found = {failure.code: _error_code(failure) for failure in _classes(ApplianceError)}
    for status, (code, kind) in HTTP_CODES.items():
        found.setdefault(code, ErrorCode(code, kind, status, False, _MEANING[code]))
    order = list(FAMILIES)
    return tuple(sorted(found.values(), key=lambda one: (order.index(one.type), one.code)))


def markdown() -> str:
    """`docs/errors.md`."""
    lines = [
        "# Error codes",
        "",
        "Every error has one body. Branch on `code`; `message` is for people, and `request_id` finds the request in",
        "the log. `documentation` leads to this page as the appliance serves it, at `/docs/errors`.",
        "",
        "```json",
        '{"error": {"code": "…", "type": "…", "message": "…", "request_id": "…", "details": {}, '
        '"documentation": "…"}}',
        "```",
    ]
    for kind, meaning in FAMILIES.items():
        lines += [
            "",
            f"## {kind}",
            "",
            meaning,
            "",
            "| code | status | again? | meaning |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{one.code}` | {one.status} | {'later' if one.retryable else 'no'} | {one.meaning} |"
            for one in error_codes()
            if one.type == kind
        ]
    return "\n".join(lines) + "\n"


def _classes(base: type[ApplianceError]) -> Iterator[type[ApplianceError]]:
    yield base
    for derived in base.__subclasses__():
        if derived.__module__.startswith("appliance."):
            yield from _classes(derived)


def _error_code(failure: type[ApplianceError]) -> ErrorCode:
    # The first paragraph of the class says it where no other words do.
    meaning = _MEANING.get(failure.code) or " ".join((failure.__doc__ or "").split("\n\n")[0].split())
    return ErrorCode(failure.code, failure.type, status_of(failure), failure.retryable, meaning)
