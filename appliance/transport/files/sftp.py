"""A folder of an SFTP server, whose key is pinned."""

import base64
import hashlib
import io
import posixpath
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import paramiko

from appliance.errors import (
    ApplianceError,
    ConfigurationError,
    SourceAccessDenied,
    SourceCredentialsRejected,
    SourceError,
)
from appliance.transport.egress import Egress
from appliance.transport.errors import CertificateRefused, unreachable
from appliance.transport.files.folder import PARTIAL, Entry, Place, safe_name
from appliance.transport.stages import Route, resolve

PORT = 22
SECONDS = 15
# Requests that are under way at a time, and bytes of each: what every server takes.
PIECES, PIECE = 32, 32_768


class SftpFolder:
    encrypted = True

    def __init__(self, place: Place, egress: Egress) -> None:
        self._place = place
        self._route = Route(place.host, place.port or PORT, egress, SECONDS)
        self._lock = threading.RLock()
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None

    def stages(self) -> list[tuple[str, Callable[[], str]]]:
        return [("resolve", self._resolve), ("connect", self._reach), ("authenticate", self._look)]

    def list(self) -> list[Entry]:
        with self._signed_in() as client:
            found = client.listdir_attr(self._place.folder or ".")
        return [_entry(one.filename, one) for one in found if stat.S_ISREG(one.st_mode or 0)]

    def entry(self, name: str) -> Entry | None:
        with self._signed_in() as client:
            try:
                status = client.lstat(self._path(name))
            except FileNotFoundError:
                return None
        return _entry(name, status) if stat.S_ISREG(status.st_mode or 0) else None

    def open(self, name: str) -> BinaryIO:
        with self._signed_in() as client:
            file = client.open(self._path(name), "rb")
            size = file.stat().st_size or 0
        return io.BufferedReader(_Pieces(self, file, size), PIECES * PIECE)

    def move(self, name: str, into: str, as_name: str) -> None:
        with self._signed_in() as client:
            target = self._path(into)
            try:
                client.lstat(target)
            except FileNotFoundError:
                client.mkdir(target)
            path = posixpath.join(target, safe_name(as_name))
            try:
                client.lstat(path)
            except FileNotFoundError:
                client.rename(self._path(name), path)
            else:
                raise FileExistsError(as_name)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file to write; it has its name, in place of a former one, once the block ended without an error."""
        partial = self._path(f"{PARTIAL}{name}")
        with self._signed_in() as client:
            with client.open(partial, "wb") as file:
                # Without it each piece waits for the answer to the one before.
                file.set_pipelined(True)
                yield cast(BinaryIO, file)
            client.posix_rename(partial, self._path(name))

    def remove(self, name: str) -> None:
        """Nothing where there is none."""
        with self._signed_in() as client:
            try:
                client.remove(self._path(name))
            except FileNotFoundError:
                pass

    def close(self) -> None:
        with self._lock:
            if self._transport is not None:
                self._transport.close()
            self._transport = self._client = None

    def _path(self, name: str) -> str:
        return posixpath.join(self._place.folder or ".", safe_name(name))

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
    def _signed_in(self) -> Iterator[paramiko.SFTPClient]:
        """The client, connected anew when the connection broke."""
        with self._lock, self.translating():
            if self._transport is None or not self._transport.is_active() or self._client is None:
                self.close()
                self._transport = self._connect()
                self._client = paramiko.SFTPClient.from_transport(self._transport)
                assert self._client is not None
                self._client.get_channel().settimeout(60)  # type: ignore[union-attr]
            yield self._client

    @contextmanager
    def translating(self) -> Iterator[None]:
        try:
            yield
        except (ApplianceError, FileExistsError):
            raise
        except paramiko.AuthenticationException:
            raise SourceCredentialsRejected(
                f"{self._place.host} rejects the credentials. Check the user, and its password or key."
            ) from None
        except PermissionError:
            raise SourceAccessDenied(
                f"{self._place.host} denies access to {self._place.folder}. Give the user the rights of the guide."
            ) from None
        except FileNotFoundError:
            raise SourceError(
                f"There is no folder {self._place.folder} on {self._place.host}. Check its path."
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as failure:
            raise unreachable(
                "read",
                self._place.host,
                self._route.port,
                type(failure).__name__,
                f"The connection to {self._place.host} broke ({failure}).",
            ) from None

    def _connect(self) -> paramiko.Transport:
        transport = paramiko.Transport(self._route.open())
        try:
            transport.start_client(timeout=SECONDS)
            self._check_host_key(transport.get_remote_server_key())
            if self._place.key:
                transport.auth_publickey(self._place.username, _private_key(self._place))
            else:
                transport.auth_password(self._place.username, self._place.password)
        except BaseException:
            transport.close()
            raise
        return transport

    def _check_host_key(self, key: paramiko.PKey) -> None:
        digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
        wanted = self._place.host_key.strip().removeprefix("SHA256:").rstrip("=")
        if wanted != digest:
            why = (
                "which is not the one entered. If it was renewed there, enter the new one; otherwise somebody else "
                "answers in its place"
                if wanted
                else "and none was entered. Compare it with the server's and enter it"
            )
            raise CertificateRefused(
                f"{self._place.host} presents the {key.get_name()} key SHA256:{digest}, {why}.",
                details={"stage": "tls", "host": self._place.host, "fingerprint": f"SHA256:{digest}"},
            )


class _Pieces(io.RawIOBase):
    """A remote file, read some pieces ahead and no further, so that memory stays small."""

    def __init__(self, folder: SftpFolder, file: paramiko.SFTPFile, size: int) -> None:
        self._folder = folder
        self._file = file
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._place, PIECES * PIECE)
        if wanted <= 0:
            return 0
        starts = range(self._place, self._place + wanted, PIECE)
        end = self._place + wanted
        with self._folder.translating():
            data = b"".join(self._file.readv([(start, min(PIECE, end - start)) for start in starts]))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            try:
                self._file.close()
            except (paramiko.SSHException, EOFError, OSError):
                pass  # the connection is gone, and the handle with it
        super().close()


def _private_key(place: Place) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(place.key.strip() + "\n"), place.password or None)
        except paramiko.PasswordRequiredException:
            raise SourceCredentialsRejected("The private key has a password. Enter it as password.") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise ConfigurationError(
        "The private key cannot be read. Enter an Ed25519, ECDSA or RSA key as OpenSSH or PEM text, and its "
        "password if it has one."
    )


def _entry(name: str, status: paramiko.SFTPAttributes) -> Entry:
    return Entry(name, status.st_size or 0, int(status.st_mtime or 0))
