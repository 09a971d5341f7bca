"""What can go wrong with a backup.

ConfigurationError
 ├── BackupTargetMissing   nothing says where backups go
 ├── BackupTargetRefused   the place does not take, give or find them
 ├── BackupNoRoom          not enough room for the copy
 └── BackupBroken          an archive was changed or cut, or does not hold what it says
NotFound
 └── BackupNotFound
Conflict
 ├── BackupUnderWay        one at a time
 └── RestoreRefused        the data directory is in use, or cannot be exchanged
"""

from appliance.errors import ConfigurationError, Conflict, NotFound


class BackupTargetMissing(ConfigurationError):
    code = "BACKUP_TARGET_MISSING"


class BackupTargetRefused(ConfigurationError):
    code = "BACKUP_TARGET_REFUSED"
    retryable = True


class BackupNoRoom(ConfigurationError):
    code = "BACKUP_NO_ROOM"
    retryable = True


class BackupBroken(ConfigurationError):
    code = "BACKUP_BROKEN"


class BackupNotFound(NotFound):
    code = "BACKUP_NOT_FOUND"


class BackupUnderWay(Conflict):
    code = "BACKUP_UNDER_WAY"
    retryable = True


class RestoreRefused(Conflict):
    code = "RESTORE_REFUSED"
