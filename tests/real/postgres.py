"""A private PostgreSQL server whose whole state is one folder: copying the folder copies its databases."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from tests.real.cache import Unavailable
from tests.real.server import Server, free_port

SUPERUSER = "postgres"
# Nothing survives a crash of these servers, and nothing has to.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=128MB")


class Postgres:
    """A PostgreSQL server on a free loopback port over `folder`, which is initialized when it is empty.

    `uri` ends in a slash and lacks the database name. Connections need no password. PostgreSQL refuses to run
    as root; then it runs as the user `postgres`, who must be able to reach `folder`. Raises Unavailable when
    PostgreSQL is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._programs = _programs()
        self._account = SUPERUSER if os.geteuid() == 0 else None
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account:
            _give(folder, self._account)
        if not (folder / "PG_VERSION").exists():
            locale = ("-E", "UTF8", "--locale=C.UTF-8")
            self._run("initdb", "-D", str(folder), "-U", SUPERUSER, "--auth=trust", *locale)
        self.port = free_port()
        command = [*self._as_account(), str(self._programs / "postgres"), "-D", str(folder)]
        command += ["-p", str(self.port), "-k", str(folder), "-h", "127.0.0.1"]
        for setting in SETTINGS:
            command += ["-c", setting]
        self._server = Server(command, self.port, folder.with_suffix(".log"))
        self.uri = f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/"

    def create_database(self, name: str) -> None:
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, name)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-m", "fast", "-w", "stop")
        self._server.stop()

    def _as_account(self) -> list[str]:
        # setpriv replaces itself by the program, so that our child is the server itself.
        if self._account is None:
            return []
        return ["setpriv", f"--reuid={self._account}", f"--regid={self._account}", "--clear-groups"]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_account(), str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )


def _programs() -> Path:
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH; the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    onpath = shutil.which("initdb")
    if onpath is None:
        raise Unavailable("PostgreSQL is not installed: apt-get install postgresql")
    return Path(onpath).parent


def _give(folder: Path, account: str) -> None:
    owner = pwd.getpwnam(account)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
