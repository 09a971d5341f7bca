"""What the vault refuses.

ConfigurationError
 ├── KeyFileRefused      the master key file is readable by others, or is no key
 ├── MasterKeyMissing    a fresh data directory, and the key that settings name is not there
 ├── MasterKeyRejected   there is a keyring, and no key found opens it
 ├── KeyringMissing      there is a database, and no keyring
 ├── KeyringBroken       keyring.json cannot be read
 └── KeyUnknown          a value is sealed by a key that the keyring does not hold
InternalError
 └── SealBroken          a sealed value was changed, moved or cut
"""

from appliance.errors import ConfigurationError, InternalError


class KeyFileRefused(ConfigurationError):
    code = "KEY_FILE_REFUSED"


class MasterKeyMissing(ConfigurationError):
    code = "MASTER_KEY_MISSING"


class MasterKeyRejected(ConfigurationError):
    code = "MASTER_KEY_REJECTED"


class KeyringMissing(ConfigurationError):
    code = "KEYRING_MISSING"


class KeyringBroken(ConfigurationError):
    code = "KEYRING_BROKEN"


class KeyUnknown(ConfigurationError):
    code = "KEY_UNKNOWN"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"A stored value is sealed by key {key_id}, which keyring.json does not hold. "
            "Restore keyring.json and the database from the same backup.",
            details={"key": key_id},
        )


class SealBroken(InternalError):
    """`context` names the value (kind, owner, field ...); the content is never part of the error."""

    code = "SEAL_BROKEN"

    def __init__(self, context: tuple[str, ...]) -> None:
        super().__init__(
            f"The sealed value {' / '.join(context)} does not open: it was changed, moved or cut. "
            "Restore keyring.json and the database from the same backup, or enter the value again.",
            details={"value": list(context)},
        )
