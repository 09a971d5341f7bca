"""A folder of a Windows share, over SMB 2 or 3 with signing."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import smbclient
from smbprotocol.exceptions import (
    LogonFailure,
    SMBAuthenticationError,
    SMBException,
    SMBOSError,
    SMBResponseException,
)
from smbprotocol.file_info import FileAttributes
from smbprotocol.tree import TreeConnect

from appliance.errors import ApplianceError, SourceAccessDenied, SourceCredentialsRejected, SourceError
from appliance.transport.egress import Egress
from appliance.transport.errors import unreachable
from appliance.transport.files.folder import Entry, Place, safe_name
from appliance.transport.stages import Route, resolve

PORT = 445
SECONDS = 15
BUFFER = 1024 * 1024

# Folders, and what is only a pointer to a file.
_NO_FILE = FileAttributes.FILE_ATTRIBUTE_DIRECTORY | FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT
_ACCESS_DENIED = 0xC0000022
_CREDENTIALS = frozenset({0xC000006D, 0xC0000064, 0xC000006A, 0xC0000071, 0xC0000072, 0xC0000193, 0xC0000234})
_NO_SUCH = frozenset({0xC0000034, 0xC000003A, 0xC00000CC, 0xC0000225})


class SmbFolder:
    """Signs in with NTLM by the address that the egress policy has judged.

    Kerberos would need the name. DFS referrals are not followed: they lead to other hosts.
    """

    def __init__(self, place: Place, egress: Egress) -> None:
        self._place = place
        self._route = Route(place.host, place.port or PORT, egress, SECONDS)
        self._connections: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._address = ""
        self.encrypted = True

    def stages(self) -> list[tuple[str, Callable[[], str]]]:
        return [("resolve", self._resolve), ("connect", self._reach), ("authenticate", self._look)]

    def list(self) -> list[Entry]:
        with self._signed_in() as options:
            # What the listing itself says: the library's `stat` of an entry forgets port and session.
            found = [(one.name, one.smb_info) for one in smbclient.scandir(self._path(), **options)]
        return [
            Entry(name, info.end_of_file, int(info.last_write_time.timestamp()))
            for name, info in found
            if not info.file_attributes & _NO_FILE
        ]

    def entry(self, name: str) -> Entry | None:
        with self._signed_in() as options:
            try:
                status = smbclient.stat(self._path(name), follow_symlinks=False, **options)
            except SMBOSError as failure:
                if failure.ntstatus in _NO_SUCH:
                    return None
                raise
            return Entry(name, status.st_size, int(status.st_mtime))

    def open(self, name: str) -> BinaryIO:
        with self._signed_in() as options:
            raw = smbclient.open_file(self._path(name), mode="rb", buffering=0, share_access="rwd", **options)
        return io.BufferedReader(cast(io.RawIOBase, _Remote(self, raw)), BUFFER)

    def move(self, name: str, into: str, as_name: str) -> None:
        with self._signed_in() as options:
            target = self._path(into)
            smbclient.makedirs(target, exist_ok=True, **options)
            path = f"{target}\\{safe_name(as_name)}"
            try:
                smbclient.stat(path, **options)
            except SMBOSError as failure:
                if failure.ntstatus not in _NO_SUCH:
                    raise
                smbclient.rename(self._path(name), path, **options)
            else:
                raise FileExistsError(as_name)

    def close(self) -> None:
        with self._lock:
            try:
                smbclient.reset_connection_cache(connection_cache=self._connections, fail_on_error=False)
            except (SMBException, OSError, ValueError):
                pass  # the server is gone, and the session with it
            self._connections.clear()

    def _path(self, name: str = "") -> str:
        folder = self._place.folder.replace("/", "\\").strip("\\")
        return f"\\\\{self._address}\\{folder}" + (f"\\{safe_name(name)}" if name else "")

    def _resolve(self) -> str:
        addresses = resolve(self._place.host)
        for address in addresses:
            self._route.egress.check(self._place.host, address)
        return f"{self._place.host} is {', '.join(addresses[:4])}."

    def _reach(self) -> str:
        self._route.open().close()
        return f"{self._place.host} answers on port {self._route.port}."

    def _look(self) -> str:
        return f"The credentials are accepted; the folder holds {len(self.list())} files."

    @contextmanager
    def _signed_in(self) -> Iterator[dict[str, Any]]:
        """The options of every call, with a connection that is alive."""
        with self._lock, self.translating():
            if not any(one.transport.connected for one in self._connections.values()):
                self._connections.clear()
                with self._route.open() as sock:
                    self._address = str(sock.getpeername()[0])
                smbclient.ClientConfig(skip_dfs=True)
                session = smbclient.register_session(
                    self._address,
                    username=self._place.username,
                    password=self._place.password,
                    port=self._route.port,
                    connection_timeout=SECONDS,
                    connection_cache=self._connections,
                    auth_protocol="ntlm",
                    require_signing=True,
                )
                # Connected here, or the library would ask for a referral when there is no such share.
                share = self._place.folder.replace("\\", "/").strip("/").partition("/")[0]
                TreeConnect(session, rf"\\{self._address}\{share}").connect()
            yield {"port": self._route.port, "connection_cache": self._connections}

    @contextmanager
    def translating(self) -> Iterator[None]:
        host, folder = self._place.host, self._place.folder
        try:
            yield
        except (ApplianceError, FileExistsError):
            raise
        except (LogonFailure, SMBAuthenticationError):
            raise _credentials(host) from None
        except SMBOSError as failure:
            raise self._meaning(failure.ntstatus, str(failure.strerror)) from None
        except SMBResponseException as failure:
            raise self._meaning(failure.status, failure.message) from None
        except (SMBException, OSError, ValueError) as failure:
            raise unreachable(
                "read",
                host,
                self._route.port,
                type(failure).__name__,
                f"The connection to {host} broke while {folder} was read ({type(failure).__name__}).",
            ) from None

    def _meaning(self, status: int, said: str) -> SourceError:
        host, folder = self._place.host, self._place.folder
        if status in _CREDENTIALS:
            return _credentials(host)
        if status == _ACCESS_DENIED:
            return SourceAccessDenied(
                f"{host} denies access to {folder}. Give the user the rights of the guide."
            )
        if status in _NO_SUCH:
            return SourceError(
                f"There is no {folder} on {host}. Write the share first, such as share/folder, and check its name."
            )
        return SourceError(f"{host} refused to read {folder}: {said[:200]}.")


class _Remote(io.RawIOBase):
    """A file of the share whose failures are ours."""

    def __init__(self, folder: SmbFolder, raw: Any) -> None:
        self._folder = folder
        self._raw = raw

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._raw.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._raw.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        with self._folder.translating():
            return int(self._raw.readinto(buffer) or 0)

    def close(self) -> None:
        if not self.closed:
            try:
                self._raw.close()
            except (SMBException, OSError, ValueError):
                pass  # the connection is gone, and the handle with it
        super().close()


def _credentials(host: str) -> SourceCredentialsRejected:
    return SourceCredentialsRejected(
        f"{host} rejects the credentials. Check user and password; a user of a domain is written DOMAIN\\user."
    )
