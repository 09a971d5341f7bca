"""What may stop an upgrade, before anything was changed or after all was put back.

ConfigurationError
 ├── ReleaseRefused     the bundle is not genuine, not whole, or not one to go to from here
 ├── UpgradeRefused     this machine, or its state, does not allow it now
 └── UpgradeFailed      a step failed; the message says what became of it
"""

from appliance.errors import ConfigurationError


class ReleaseRefused(ConfigurationError):
    """The bundle is damaged, not signed by the maker, or not a release to go to from this one."""

    code = "RELEASE_REFUSED"


class UpgradeRefused(ConfigurationError):
    """Room, memory or the state of the installation does not allow an upgrade now; nothing was changed."""

    code = "UPGRADE_REFUSED"


class UpgradeFailed(ConfigurationError):
    """A step of the upgrade failed; what was before is in place again where the message does not say otherwise."""

    code = "UPGRADE_FAILED"
