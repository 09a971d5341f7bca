"""OpenSSH's own SFTP server, as the user who runs the tests."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.real.cache import Unavailable
from tests.real.server import Server, free_port


class SftpServer:
    """An sshd on a free loopback port that serves SFTP with `client_key`; `fingerprint` is that of its host key.

    Files are those of this machine. Raises Unavailable when OpenSSH's server is not installed.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")
        if program is None:
            raise Unavailable("OpenSSH's server is not installed: apt-get install openssh-server")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.user = getpass.getuser()
        self.host_key = _key(folder / "host")
        self.client_key = _key(folder / "client").read_text()
        listed = subprocess.run(
            ["ssh-keygen", "-lf", f"{folder / 'host'}.pub"], check=True, capture_output=True
        )
        self.fingerprint = listed.stdout.decode().split()[1]
        keys = folder / "authorized"
        shutil.copy(folder / "client.pub", keys)
        keys.chmod(0o600)
        self.port = free_port()
        settings = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": folder / "host",
            "PidFile": folder / "pid",
            "AuthorizedKeysFile": keys,
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "yes",
            "Subsystem": "sftp internal-sftp",
        }
        configuration = folder / "sshd_config"
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        if os.geteuid() == 0:
            # Where sshd puts its unprivileged child.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._server = Server([program, "-D", "-e", "-f", configuration], self.port, folder / "sshd.log")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.stop()


def _key(path: Path) -> Path:
    if not path.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, capture_output=True
        )
    return path
