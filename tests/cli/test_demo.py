"""`appliance demo`, the first command of the README."""

import re
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from socket import create_server

import pytest

from tests.support.appliance import Appliances
from tests.support.command import ROOT, Ended, Program, environment, free_port

LONGEST_SECONDS = 60.0


def demo(data_dir: Path, port: int, *flags: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        Program.command("demo", "--set", f"data_dir={data_dir}", "--set", f"listen=127.0.0.1:{port}", *flags),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def once(data_dir: Path) -> Ended:
    process = demo(data_dir, free_port(), "--once")
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def test_from_nothing_to_answers_and_again_on_what_is_there(tmp_path: Path) -> None:
    began = time.monotonic()
    first = once(tmp_path / "data")
    seconds = time.monotonic() - began
    assert (first.status, first.err) == (0, "")
    assert seconds < LONGEST_SECONDS, f"{seconds:.1f} s"
    for shown in ('"orderNo": "PO-', '"lineItems": [', '"title": "', '"name": "Sample Bearings"', "/admin/"):
        assert shown in first.out
    assert len(re.findall(r"^  curl .*--cacert", first.out, re.MULTILINE)) == 6
    found = re.search(r"admin, password (\S+)", first.out)
    assert found is not None
    with Appliances(tmp_path) as appliances:
        assert appliances.open().accounts.sign_in("admin", found[1]).name == "admin"
    assert not (tmp_path / "data" / "setup-token").exists()
    log = tmp_path / "data" / "demo.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert not re.search(r"Traceback|ERROR|WARNING|apl_|set_", log.read_text()), log.read_text()

    second = once(tmp_path / "data")
    assert (second.status, second.err) == (0, "")
    assert found[1] not in second.out
    assert "kept from before" in second.out
    with Appliances(tmp_path) as appliances:
        (connection,) = appliances.open().connections.table.all()
        assert connection.id in first.out and connection.id in second.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_stays_until_told_to_end_and_the_printed_commands_work(
    tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    process = demo(tmp_path / "data", port)
    assert process.stdout is not None
    out = ""
    while "until Ctrl-C" not in out:
        line = process.stdout.readline()
        assert line, out
        out += line
    if number == signal.SIGTERM and shutil.which("curl"):
        commands = [line.strip() for line in out.splitlines() if re.match(r" +(export|curl) ", line)]
        assert len(commands) == 9
        script = "set -e\n" + "\n".join(
            f"{c} -sf -o /dev/null" if c.startswith("curl") else c for c in commands
        )
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
    process.send_signal(number)
    # Also when it is killed outright, the service does not stay behind.
    process.wait(15)
    deadline = time.monotonic() + 12
    while is_taken(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    if number != signal.SIGKILL:
        assert process.returncode == 0


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        process = demo(tmp_path / "data", taken.getsockname()[1], "--once")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith("CONFIGURATION_ERROR") and "another port" in err
    assert not (tmp_path / "data").exists()


def is_taken(port: int) -> bool:
    try:
        create_server(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False
