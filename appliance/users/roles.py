"""What the roles of people may do on the admin page beyond looking at connections."""

from typing import Literal, get_args

from appliance.errors import PermissionDenied
from appliance.users.accounts import ADMINISTRATOR, Account

Permission = Literal[
    "read_request_log",
    "change_mapping",
    "read_writes",
    "open_passthrough",
    "decide_deletions",
    "dismiss_issue",
    "change_push",
    "change_schedule",
    "manage_webhooks",
    "make_backup",
    "maintain",
]

_PERMISSIONS: dict[str, frozenset[Permission]] = {ADMINISTRATOR: frozenset(get_args(Permission))}


def may(account: Account, permission: Permission) -> bool:
    return permission in _PERMISSIONS.get(account.role, frozenset())


def require(account: Account, permission: Permission) -> None:
    """Raises PermissionDenied."""
    if not may(account, permission):
        raise PermissionDenied(
            "Your role does not allow this. An administrator can do it.", details={"needs": permission}
        )
