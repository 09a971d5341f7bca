"""What stands beside the machines of the walk: a disk that can be filled, and the TLS proxy before Tryton."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.clock import SystemClock
from appliance.server.tls import ensure_certificate
from tests.installer.machine import HERE
from tests.real.tryton import Tryton
from tests.transport.servers import relay

DISK_MB = 2400
TRYTON_PORT = 8000


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, so that it can be filled."""
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_MB * 2**20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mounted], check=True)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", mounted], check=True)


@contextmanager
def tls_proxy(folder: Path, tryton: Tryton) -> Iterator[Path]:
    """Tryton on the link, by TLS; the certificate to trust for it."""
    files = ensure_certificate(folder / "proxy", [HERE], SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    port = int(tryton.url.rpartition(":")[2])
    with socket.create_server(("0.0.0.0", TRYTON_PORT)) as server:
        threading.Thread(target=_accept, args=(server, context, port), daemon=True).start()
        yield files.cert


def _accept(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, context, port), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    try:
        with (
            context.wrap_socket(client, server_side=True) as near,
            socket.create_connection(("127.0.0.1", port)) as far,
        ):
            back = threading.Thread(target=relay, args=(far, near), daemon=True)
            back.start()
            relay(near, far)
            back.join(60)
    except OSError:
        # As a proxy does: the one side is gone, so the other is closed.
        pass
