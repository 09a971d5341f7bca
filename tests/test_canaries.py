"""No secret and no synchronized value can be read from the data directory, also not after a kill in the middle.

Values that stand nowhere else are planted through the real program; then every file it left is searched.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.gateway import Gateway
from tests.support.program import Program, wait_until

CREDENTIAL = "canary-credential-7Q2x!"
USER = "CANARYUSER"
ADMINISTRATOR_PASSWORD = "canary-administrator-9Zt4!"
REFERENCE = "CANARY-3fK8"
SUPPLIER = "0010300007"

pytestmark = pytest.mark.crash


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=3000, lines=2, latency=0.2, users={USER: CREDENTIAL}) as running:
        for number in running.order_numbers():
            running.touch(number, CorrespncExternalReference=REFERENCE, Supplier=SUPPLIER)
        yield running


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path, **{"log.level": "debug"}) as made:
        yield made


def shapes(value: str) -> list[bytes]:
    """A value as it might be written into a file."""
    raw = value.encode()
    # Base64 of a value inside a longer text starts at one of three offsets.
    inner = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
    return [raw, value.encode("utf-16-le"), raw.hex().encode(), *inner]


def found_in(path: Path, values: dict[str, str]) -> list[str]:
    """Where values stand in the files below a folder, or in a file."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return [
        f"{name} in {file.name}"
        for file in files
        for name, value in values.items()
        if any(shape in file.read_bytes() for shape in shapes(value))
    ]


def add_connection(program: Program, gateway: Gateway, folder: Path) -> str:
    """Connect on the command line, as an administrator does; the token."""
    fields = {"url": gateway.service_url().rstrip("/"), "username": USER, "password": CREDENTIAL}
    file = folder / "fields.json"
    file.write_text(json.dumps(fields))
    made = program.run(
        "connection", "add", "--system", "generic_odata", "--name", "Canary", "--hosting", "cloud",
        "--historical-days", "3650", "--fields-file", str(file), "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    token: str = json.loads(made.stdout)["token"]
    return token


def first_order(program: Program, token: str) -> str:
    """The body of a page of orders, asked for with the token as a client does."""
    request = urllib.request.Request(
        f"https://127.0.0.1:{program.port}/api/erp/purchase-orders?per_page=1",
        headers={"Authorization": f"Bearer {token}"},
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        body: str = answer.read().decode()
        return body


def answers(program: Program, token: str) -> bool:
    try:
        return bool(first_order(program, token))
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


def test_nothing_secret_and_nothing_synchronized_can_be_read_from_the_files(
    gateway: Gateway, program: Program, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(ADMINISTRATOR_PASSWORD)
    assert program.run("setup", "--admin", "root", "--password-file", str(secret)).returncode == 0
    api_key = json.loads(program.run("apikey", "add", "canary", "--json").stdout)["key"]
    token = add_connection(program, gateway, tmp_path)
    order = gateway.order_numbers()[17]
    values = {
        "credential": CREDENTIAL,
        "basic authorization": base64.b64encode(f"{USER}:{CREDENTIAL}".encode()).decode(),
        "user": USER,
        "administrator's password": ADMINISTRATOR_PASSWORD,
        "token": token,
        "key of the account": api_key,
        "synchronized text": REFERENCE,
        "synchronized supplier": SUPPLIER,
        "synchronized order number": order,
    }

    program.start_service()
    with program.opened() as appliance:
        wait_until(lambda: appliance.database.value("SELECT count(*) FROM record") > 300)
    wait_until(lambda: answers(program, token))
    body = first_order(program, token)
    assert REFERENCE in body and gateway.order_numbers()[0] in body, "the values really are in there"
    program.kill()

    kinds = {file.name for file in program.data_dir.iterdir()}
    assert any(name.endswith("-wal") for name in kinds) and any(name.endswith("-shm") for name in kinds)
    assert (program.data_dir / "engine.lock").exists()
    for place in (program.data_dir, program.temporary, program.log):
        assert found_in(place, values) == []
    assert program.log.read_text(), "the log was written"

    with program.opened() as appliance:
        assert 300 < appliance.database.value("SELECT count(*) FROM record") < 3000, "killed in the middle"

    # The search itself finds what is there.
    leak = program.data_dir / "leak"
    for shape in shapes(token)[:3]:
        leak.write_bytes(b"..." + shape + b"...")
        assert found_in(program.data_dir, values) == ["token in leak"]
    leak.write_bytes(base64.b64encode(b"ab" + token.encode() + b"cd"))
    assert found_in(program.data_dir, values) == ["token in leak"]
