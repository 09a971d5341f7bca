"""A private MariaDB server over one folder."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.real.cache import Unavailable
from tests.real.server import Server, free_port
from tests.transport.authority import Authority

USER, PASSWORD = "plant", "plant-pw"


class MariaDb:
    """A MariaDB server on a free loopback port over `folder`, with a user who may do anything over TCP.

    `ca_file` is the authority of its certificate, which names localhost. Raises Unavailable when MariaDB is not
    installed.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        install = shutil.which("mariadb-install-db")
        if program is None or install is None:
            raise Unavailable("MariaDB is not installed: apt-get install mariadb-server")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = ["--user=mysql"] if os.geteuid() == 0 else []
        if account:
            shutil.chown(folder, "mysql")
        data = folder / "data"
        if not data.exists():
            subprocess.run(
                [install, "--no-defaults", *account, f"--datadir={data}", "--skip-test-db"],
                check=True,
                capture_output=True,
                cwd=folder,
            )
        first = folder / "first.sql"
        first.write_text(f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
                         f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n")  # fmt: skip
        first.chmod(0o644)
        authority = Authority(folder)
        self.ca_file = authority.ca_file
        certificate, key = authority.issue("localhost")
        if account:
            shutil.chown(key, "mysql")
        self.port = free_port()
        command: list[str | Path] = [program, "--no-defaults", *account, f"--datadir={data}"]
        command += [f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}", f"--init-file={first}"]
        command += ["--bind-address=127.0.0.1", f"--port={self.port}", "--skip-log-bin"]
        command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"]
        command += ["--innodb-fast-shutdown=2", "--skip-name-resolve"]
        command += [f"--ssl-cert={certificate}", f"--ssl-key={key}", f"--ssl-ca={self.ca_file}"]
        self._server = Server(command, self.port, folder.with_suffix(".log"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.stop()
