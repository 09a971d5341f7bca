"""What is deleted when: the table of the rules of retention."""

from appliance.audit.request_log import RequestLog
from appliance.model.entity import Model
from appliance.operations.erasures import Erasures
from appliance.operations.retention import DAY_MS, Rule
from appliance.settings import Settings
from appliance.store.database import Database
from appliance.store.erasing import Erasing
from appliance.sync.rejections.drift import Drift
from appliance.sync.rejections.quarantine import Quarantine
from appliance.webhooks.history import History as DeliveryHistory


def rules_of(
    settings: Settings,
    database: Database,
    model: Model,
    request_log: RequestLog,
    webhooks: DeliveryHistory,
    quarantine: Quarantine,
    drift: Drift,
) -> tuple[Rule, ...]:
    """The rules in the order in which they are carried out."""
    erasures, records = Erasures(database), Erasing(database)
    # The rows of master data stay: writes take the source's keys of what they refer to from them.
    transactions = [name for name, entity in model.entities.items() if entity.nature == "transaction"]
    return (
        Rule(
            "runs",
            "Synchronization runs that are over, but for the last of each connection",
            "retention.runs_days",
            settings.retention_runs_days,
            erasures.runs,
        ),
        Rule(
            "tombstones",
            "Records that were deleted in the source",
            "retention.tombstones_days",
            settings.retention_tombstones_days,
            records.tombstones,
        ),
        Rule(
            "raw_rows",
            "Source rows beside transactions that did not change",
            "retention.raw_days",
            settings.retention_raw_days,
            lambda before, limit: records.rows(before, limit, transactions),
            every_ms=DAY_MS,
        ),
        Rule(
            "writes",
            "Writes that are over",
            "retention.writes_days",
            settings.retention_writes_days,
            erasures.writes,
        ),
        Rule(
            "passthrough",
            "Requests that were handed on to sources",
            "retention.passthrough_days",
            settings.retention_passthrough_days,
            erasures.passthrough_calls,
        ),
        Rule(
            "requests",
            "Logged API requests",
            "request_log.days",
            settings.request_log_days,
            request_log.erase_before,
        ),
        Rule(
            "webhooks",
            "Webhooks that were delivered or given up",
            "retention.webhooks_days",
            settings.retention_webhooks_days,
            webhooks.erase_before,
        ),
        Rule(
            "quarantine",
            "Rejected rows that did not come again",
            "retention.quarantine_days",
            settings.retention_quarantine_days,
            quarantine.erase_before,
        ),
        Rule(
            "drift",
            "Changes of source fields that were acknowledged",
            "retention.quarantine_days",
            settings.retention_quarantine_days,
            drift.erase_before,
        ),
        Rule(
            "issues",
            "Issues that are resolved, and held deletions that are decided",
            "retention.issues_days",
            settings.retention_issues_days,
            erasures.issues,
        ),
        Rule(
            "mapping_versions",
            "Former versions of mappings",
            "retention.mapping_versions",
            settings.retention_mapping_versions,
            erasures.mapping_versions,
            unit="versions",
        ),
        Rule(
            "tokens",
            "Tokens that were revoked or have expired",
            "retention.access_days",
            settings.retention_access_days,
            erasures.tokens,
        ),
        Rule(
            "grants",
            "Grants whose tokens are all gone",
            "retention.access_days",
            settings.retention_access_days,
            erasures.grants,
        ),
        Rule(
            "expired",
            "Sessions, codes and tokens of the account that have expired",
            None,
            0,
            erasures.expired,
        ),
    )
