"""Whatever ends a run says what to do and who can do it."""

import string

from appliance.api.error_codes import error_codes
from appliance.connections.condition.remedies import ENDS_A_RUN, REMEDIES
from appliance.errors import ApplianceError

ROOMS = (
    *(
        "appliance.errors",
        "appliance.transport",
        "appliance.runtime",
        "appliance.vault",
        "appliance.mappings",
    ),
    *("appliance.sync", "appliance.store"),
)
NEVER_END_A_RUN = {
    # Answers to callers of the API, which come from no source.
    *("AUTHENTICATION_FAILED", "PERMISSION_DENIED", "CONFLICT", "RATE_LIMIT_EXCEEDED"),
    *("QUERY_TOO_LONG", "DELETION_HOLD_DECIDED"),
    # The connection waits or is gone, which is its status; or the run goes on elsewhere or later.
    *("CONNECTION_NOT_SYNCHRONIZING", "RUN_LEASE_LOST", "RUN_INTERRUPTED"),
    *("SCHEDULE_INVALID", "POSITION_TOO_OLD"),
    # Of deliveries of sources, which are answered to them.
    *("PUSH_SIGNATURE_INVALID", "PUSH_ADDRESS_UNKNOWN", "PUSH_NOT_SUPPORTED", "PUSH_OFF"),
    # Of writes, whose caller is answered.
    *("WRITE_OUTCOME_UNKNOWN", "WRITE_PARTLY_DONE", "SOURCE_REJECTED", "WRITE_RECORD_GONE", "WRITE_CONFLICT"),
    # Of single rows, and of tests of connectors.
    *("ROW_REJECTED", "NOT_RECORDED"),
    # Of backups and restores.
    "DATABASE_DAMAGED",
    # The appliance does not start.
    *(
        "SCHEMA_MISMATCH",
        "STORE_KEY_REJECTED",
        "KEY_FILE_REFUSED",
        "MASTER_KEY_MISSING",
        "MASTER_KEY_REJECTED",
    ),
    *("KEYRING_MISSING", "KEYRING_BROKEN"),
}


def classes(base: type[ApplianceError]) -> list[type[ApplianceError]]:
    return [base, *(found for derived in base.__subclasses__() for found in classes(derived))]


def test_every_code_that_can_end_a_run_has_a_remedy() -> None:
    error_codes()  # loads every module
    found = {one.code for one in classes(ApplianceError) if one.__module__.startswith(ROOMS)}
    # What is not found was named by a caller, but for the connector of a connection.
    can = {code for code in found if not code.endswith("NOT_FOUND")}
    assert len(can) > 40
    assert can - NEVER_END_A_RUN == set(ENDS_A_RUN), "decide for each: a remedy, or why it never ends a run"


def test_every_remedy_is_a_sentence_that_asks_somebody_for_something() -> None:
    for code, remedy in REMEDIES.items():
        assert len(remedy.fix) > 40 and remedy.fix.endswith("."), code
        names = {name for _, name, _, _ in string.Formatter().parse(remedy.fix) if name}
        assert names <= {"system", "connection"}, code
        assert remedy.counts_as is None or remedy.counts_as in REMEDIES, code
