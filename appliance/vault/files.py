"""Small files that are never seen half written: the old content or the new, whole, also after a crash."""

import ctypes
import errno
import os
import secrets
import stat
from pathlib import Path

from appliance.store.ownership import own_like

# Of Linux, in linux/fs.h and fcntl.h.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `path` anew: temporary file, fsync, rename, fsync of the directory.

    One writer at a time: it removes what an interrupted writer of the same path left.
    """
    forget_leftovers(path)
    temporary = _write_temporary(path, content, mode)
    temporary.replace(path)
    sync_directory(path.parent)


def create_file(path: Path, content: bytes, mode: int = 0o600) -> bool:
    """Write `path` unless it exists; False when it does. Safe with several writers: one of them wins."""
    temporary = _write_temporary(path, content, mode)
    try:
        # Unlike a rename, a link never replaces; unlike O_EXCL on the path itself, it never shows a part.
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync_directory(path.parent)
    return True


def copy_file(source: Path, target: Path) -> None:
    """Copy a small file with its rights; durable when this returns. Raises OSError for a link, which is not followed.

    Where root copies among the data of the service, a link could lead to what only root may read.
    """
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        replace_file(target, file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode))


def move_file(source: Path, target: Path) -> None:
    """Rename for good: the directory is synced. FileNotFoundError when `source` is not there."""
    forget_leftovers(target)
    source.replace(target)
    sync_directory(target.parent)


def exchange(one: Path, other: Path) -> None:
    """Two files or folders of one disk take each other's name. Raises OSError, and both are as they were.

    In one step where kernel and file system can; else in three, between which `other` is missing for a moment.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    number = errno.ENOSYS
    if renameat2 is not None:
        if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
    if number not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(number, os.strerror(number))
    aside = other.with_name(f".{other.name}.{secrets.token_hex(4)}")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)


def forget_leftovers(path: Path) -> None:
    """Remove temporary files of `path` that an interrupted writer left; they may hold a key."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    if os.name == "posix":
        _sync(directory, os.O_RDONLY)


def sync_file(path: Path) -> None:
    """Make durable what any process has written to a file, together with its name."""
    _sync(path, os.O_RDWR)
    sync_directory(path.parent)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_temporary(path: Path, content: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    own_like(temporary, path.parent)
    return temporary
