"""A Samba server with one share."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.real.cache import Unavailable
from tests.real.server import Server, free_port

PASSWORD = "share-pw-7"
# Samba maps its users to accounts of the machine; this one is on every Debian and may do nothing.
USER = "nobody"


class Samba:
    """An smbd on a free loopback port with the share `drop`, which is the folder `share`.

    Raises Unavailable when Samba is not installed or the tests do not run as root, as whom alone it can take on the
    share's user.
    """

    user, password = USER, PASSWORD

    def __init__(self, folder: Path) -> None:
        program = shutil.which("smbd") or shutil.which("smbd", path="/usr/sbin")
        if program is None:
            raise Unavailable("Samba is not installed: apt-get install samba")
        if os.geteuid() != 0:
            raise Unavailable("Samba needs the rights of root")
        self.share = folder / "share"
        for name in ("share", "private", "state", "lock"):
            (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        account = pwd.getpwnam(USER)
        os.chown(self.share, account.pw_uid, account.pw_gid)
        self.port = free_port()
        configuration = folder / "smb.conf"
        configuration.write_text(
            f"""[global]
server role = standalone server
smb ports = {self.port}
interfaces = 127.0.0.1
bind interfaces only = yes
private dir = {folder / "private"}
state directory = {folder / "state"}
cache directory = {folder / "state"}
lock directory = {folder / "lock"}
pid directory = {folder / "lock"}
ncalrpc dir = {folder / "lock"}
log file = {folder / "log"}
server min protocol = SMB2
server signing = mandatory
disable netbios = yes
load printers = no
[drop]
path = {self.share}
valid users = {USER}
read only = no
"""
        )
        subprocess.run(
            ["smbpasswd", "-c", configuration, "-s", "-a", USER],
            input=f"{PASSWORD}\n{PASSWORD}\n".encode(),
            check=True,
            capture_output=True,
        )
        # In a process group of its own, which it ends as a whole.
        command = [program, "--foreground", "-s", configuration]
        self._server = Server(command, self.port, folder / "smbd.log")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.stop()
