"""Commands of the product without the second that loading it takes: a server that has loaded it forks for each.

`python -m tests.support.forking SOCKET` serves; `program()` is a program that hands its arguments, environment, folder
and open files over and ends as the command ended. What runs is the product's own `main`, in a process of its own.
"""

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.__main__ import build_parser, main
from appliance.model.entity import load_model

_CLIENT = """#!{python} -SE
import json, os, socket, sys
if sys.argv[1:2] == ["serve"]:
    os.environ["PYTHONPATH"] = {root!r}
    os.execv({python!r}, [{python!r}, "-m", "appliance", *sys.argv[1:]])
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
asked = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(connection, [len(asked).to_bytes(4, "big")], [0, 1, 2])
connection.sendall(asked)
sys.exit(int(connection.recv(8) or b"99"))
"""


ROOT = Path(__file__).parents[2]


@functools.cache
def program() -> Path:
    """A program called `appliance`; its server ends with this process. `serve` is the real one: it is killed."""
    folder = Path(tempfile.mkdtemp(prefix="forking-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address, made = folder / "commands", folder / "appliance"
    made.write_text(_CLIENT.format(python=sys.executable, root=str(ROOT), address=str(address)))
    made.chmod(0o755)
    server = subprocess.Popen([sys.executable, "-m", "tests.support.forking", str(address)], cwd=ROOT)
    atexit.register(server.terminate)
    deadline = time.monotonic() + 60
    while not address.exists():
        assert server.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    return made


def serve(address: str) -> None:
    build_parser()  # loads every command
    load_model()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(8)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                _command(connection)
            connection.close()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass


def _command(connection: socket.socket) -> None:
    """In the child: be the client, run the command, tell how it ended."""
    status = 98
    try:
        head, files, _, _ = socket.recv_fds(connection, 4, 3)
        asked = b""
        while len(asked) < int.from_bytes(head, "big"):
            asked += connection.recv(1 << 16)
        arguments, environment, folder = json.loads(asked)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        connection.sendall(str(status).encode())
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
