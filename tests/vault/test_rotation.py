"""Rotation while others read and write, and killed at every point."""

import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.vault import secrets as secrets_module
from appliance.vault import sources
from appliance.vault.errors import KeyUnknown, MasterKeyRejected, SealBroken
from appliance.vault.sources import DefaultKeyFile, KeyFile, Passphrase, key_text

# Forked children open their own database; the parent has none open while it forks.
fork = multiprocessing.get_context("fork")

READER = """
import sys
from pathlib import Path
from appliance.clock import SystemClock
from appliance.store.database import Database
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.secrets import SecretStore
from appliance.vault.sources import DefaultKeyFile

data_dir = Path(sys.argv[1])
keyring = Keyring.open(data_dir, DefaultKeyFile(data_dir), SystemClock())
secrets = SecretStore(Database(data_dir / DATABASE_NAME, keyring.database_key), keyring)
for line in sys.stdin:
    verb, owner = line.split()
    if verb == "put":
        secrets.put(owner, {"password": "from the other process"})
    print(secrets.get(owner).get("password"), flush=True)
"""


def quiet(done: int, total: int) -> None:
    pass


def expected(number: int) -> dict[str, str]:
    return {"username": f"user {number}", "password": f"password {number}"}


def fill(vault, owners: int) -> None:
    with vault.database.write():
        for number in range(owners):
            vault.secrets.put(f"owner:{number}", expected(number))


def check(vault, owners: int) -> None:
    for number in range(owners):
        assert vault.secrets.get(f"owner:{number}") == expected(number)


def keks_in_use(vault) -> set[str]:
    return {kek for (kek,) in vault.database.tuples("SELECT DISTINCT kek_id FROM data_key")}


def test_rotation_moves_every_data_key_and_retires_the_old_kek(vault, open_vault):
    fill(vault, 250)
    old = vault.keyring.active
    sealed = vault.database.tuples("SELECT * FROM secret")
    calls = []
    vault.secrets.rotate(lambda done, total: calls.append((done, total)))
    assert calls == [(100, 250), (200, 250), (250, 250)]
    assert keks_in_use(vault) == {vault.keyring.active} != {old}
    assert vault.keyring.kek_ids == (vault.keyring.active,)
    assert vault.database.tuples("SELECT * FROM secret") == sealed
    fresh = open_vault()
    check(fresh, 250)
    with pytest.raises(KeyUnknown):
        fresh.keyring.kek(old)


def test_rotation_without_any_secret_still_changes_the_kek(vault):
    old = vault.keyring.active
    calls = []
    vault.secrets.rotate(lambda done, total: calls.append((done, total)))
    assert vault.keyring.kek_ids == (vault.keyring.active,) != (old,)
    assert calls == [(0, 0)]


def test_others_write_between_the_batches_of_a_rotation(vault, open_vault):
    fill(vault, 250)
    other = open_vault()
    numbers = itertools.count(250)

    def write_meanwhile(done: int, total: int) -> None:
        if done < 400:
            number = next(numbers)
            other.secrets.put(f"owner:{number}", expected(number))

    vault.secrets.rotate(write_meanwhile)
    check(open_vault(), next(numbers))
    assert keks_in_use(vault) == {vault.keyring.active}


def test_the_rows_are_durable_before_the_old_kek_is_gone(vault, data_dir, monkeypatch):
    fill(vault, 5)
    synced = []
    real = os.fsync

    def recording(handle):
        keys = len(json.loads((data_dir / "keyring.json").read_text())["keys"])
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, len(keks_in_use(vault)), keys))
        real(handle)

    monkeypatch.setattr(os, "fsync", recording)
    begun = []
    vault.secrets.rotate(lambda done, total: begun.append(len(synced)))
    # Everything moved, both keys still in the file: the log is synced, and only then the keyring replaced.
    assert [name.partition(".json")[0] for name, _, _ in synced[begun[-1] :]] == [
        "appliance.db-wal",
        "data",
        ".keyring",
        "data",
    ]
    assert synced[begun[-1]] == ("appliance.db-wal", 1, 2)


def test_an_interrupted_rotation_is_finished_and_not_begun_again(vault, open_vault):
    fill(vault, 250)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vault.secrets.rotate(stop)
    begun = vault.keyring.active
    assert len(vault.keyring.kek_ids) == 2
    later = open_vault()
    check(later, 250)
    later.secrets.rotate(quiet)
    assert later.keyring.kek_ids == (begun,)
    check(later, 250)


def test_a_broken_data_key_stops_the_rotation_and_the_old_kek_stays(vault):
    fill(vault, 3)
    vault.database.run("UPDATE data_key SET wrapped = x'010203' WHERE owner = 'owner:1'")
    with pytest.raises(SealBroken, match="owner:1"):
        vault.secrets.rotate(quiet)
    assert len(vault.keyring.kek_ids) == 2
    vault.secrets.replace("owner:1", expected(1))
    vault.secrets.rotate(quiet)
    assert len(vault.keyring.kek_ids) == 1
    check(vault, 3)


def test_a_process_with_an_old_keyring_reads_and_writes_on(vault, data_dir):
    fill(vault, 20)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    def ask(line: str) -> str:
        reader.stdin.write(line + "\n")
        reader.stdin.flush()
        return reader.stdout.readline().strip()

    try:
        assert ask("get owner:1") == "password 1"
        vault.secrets.rotate(quiet)
        # It has only the retired KEK in memory: a new data key must not be wrapped by that one.
        assert ask("put owner:100") == "from the other process"
        assert vault.secrets.get("owner:100") == {"password": "from the other process"}
        assert keks_in_use(vault) == {vault.keyring.active}
        vault.secrets.rotate(quiet)
        vault.secrets.rotate_master(DefaultKeyFile(data_dir))
        vault.secrets.rotate(quiet)
        assert ask("get owner:2") == "password 2"
        assert ask("get owner:100") == "from the other process"
        assert ask("get owner:none") == "None"
    finally:
        reader.stdin.close()
        assert reader.wait(10) == 0
        reader.stdout.close()


def test_reading_never_fails_while_the_keys_change_again_and_again(vault, open_vault):
    fill(vault, 30)
    reader = open_vault()
    failures, reads, stop = [], [0], threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                for number in range(30):
                    assert reader.secrets.get(f"owner:{number}") == expected(number)
                    reads[0] += 1
        except Exception as failure:
            failures.append(failure)
        finally:
            reader.database.release_thread()

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(20):
        vault.secrets.rotate(quiet)
    stop.set()
    thread.join()
    assert failures == []
    assert reads[0] >= 30


def rotate_for_ever(open_one, ready) -> None:
    vault = open_one()
    ready.set()
    while True:
        vault.secrets.rotate(quiet)
        vault.secrets.rotate_master(DefaultKeyFile(vault.data_dir))


@pytest.mark.crash
def test_a_rotating_process_killed_at_any_moment_loses_no_secret(open_vault, monkeypatch):
    monkeypatch.setattr(secrets_module, "REWRAP_BATCH", 5)
    first = open_vault()
    fill(first, 40)
    first.close()
    moments = random.Random(20260131)
    interrupted = 0
    for _ in range(20):
        ready = fork.Event()
        process = fork.Process(target=rotate_for_ever, args=(open_vault, ready))
        process.start()
        assert ready.wait(10)
        process.join(moments.uniform(0.0, 0.06))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        vault = open_vault()
        check(vault, 40)
        interrupted += len(vault.keyring.kek_ids) == 2
        assert keks_in_use(vault) <= set(vault.keyring.kek_ids)
        vault.close()
    assert interrupted > 0
    last = open_vault()
    last.secrets.rotate(quiet)
    check(last, 40)
    assert len(last.keyring.kek_ids) == 1


def killed_at_step(step: int, work) -> bool:
    """Run `work` in a child that is killed right before its `step`-th change of the file system.

    True when it was killed, False when it finished with fewer steps.
    """

    def child() -> None:
        left = [step]

        def counting(real):
            def call(*arguments, **options):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **options)

            return call

        for name in ("open", "write", "fsync", "replace", "link", "unlink"):
            setattr(os, name, counting(getattr(os, name)))
        work()

    process = fork.Process(target=child)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def default_file(data_dir, tmp_path):
    return DefaultKeyFile(data_dir)


def placed_file(data_dir, tmp_path):
    path = tmp_path / "placed.key"
    if not path.exists():
        path.write_text(key_text(bytes(32)))
        path.chmod(0o400)
    return KeyFile(path, "setting master_key_file")


def passphrase(data_dir, tmp_path):
    return Passphrase("correct horse battery staple", "setting master_passphrase")


@pytest.mark.crash
@pytest.mark.parametrize("target", [default_file, placed_file, passphrase])
def test_a_change_of_the_master_key_killed_at_any_step_leaves_one_key_that_opens(
    data_dir, tmp_path, open_vault, target, monkeypatch
):
    monkeypatch.setattr(sources, "PBKDF2_ITERATIONS", 1000)
    vault = open_vault()
    fill(vault, 3)
    database_key = vault.keyring.database_key
    vault.close()
    old, new = DefaultKeyFile(data_dir), target(data_dir, tmp_path)

    def change() -> None:
        open_vault(old).secrets.rotate_master(new)

    before, after = 0, 0
    for step in itertools.count(1):
        before_id = json.loads((data_dir / "keyring.json").read_text())["master_key_id"]
        finished = not killed_at_step(step, change)
        changed = json.loads((data_dir / "keyring.json").read_text())["master_key_id"] != before_id
        opener, other = (new, old) if changed else (old, new)
        vault = open_vault(opener)
        assert vault.keyring.database_key == database_key
        check(vault, 3)
        if type(opener) is not type(other):
            with pytest.raises(MasterKeyRejected):
                open_vault(other)
        before, after = before + (not changed), after + changed
        if changed and target is not default_file:
            vault.secrets.rotate_master(old)
        vault.close()
        if finished:
            break
    assert before > 2
    assert after > 1
    open_vault(old).secrets.rotate_master(DefaultKeyFile(data_dir))
    left = {path.name for path in data_dir.iterdir() if not path.name.startswith("appliance.db")}
    assert left == {"master.key", "keyring.json"}


class KilledBeforeSettling(DefaultKeyFile):
    def settle(self, key_id: str) -> None:
        pass


class KilledAfterNext(DefaultKeyFile):
    def next(self):
        super().next()
        raise KeyboardInterrupt


def test_a_second_change_of_the_master_key_does_not_overwrite_the_waiting_one(data_dir, open_vault):
    running, killed = open_vault(), open_vault()
    killed.secrets.rotate_master(KilledBeforeSettling(data_dir))
    assert (data_dir / "master.key.next").exists()
    # The running process has not opened the keyring since, so nothing has put the waiting key in its place.
    with pytest.raises(KeyboardInterrupt):
        running.secrets.rotate_master(KilledAfterNext(data_dir))
    assert open_vault().keyring.master_key_id == killed.keyring.master_key_id


def test_opening_puts_a_waiting_master_key_in_its_place(data_dir, open_vault):
    killed = open_vault()
    killed.secrets.rotate_master(KilledBeforeSettling(data_dir))
    waiting = (data_dir / "master.key.next").read_bytes()
    assert open_vault().keyring.master_key_id == killed.keyring.master_key_id
    assert (data_dir / "master.key").read_bytes() == waiting
    assert not (data_dir / "master.key.next").exists()


@pytest.mark.crash
def test_a_first_start_killed_at_any_step_can_start_again(data_dir, tmp_path, open_vault):
    for step in itertools.count(1):
        finished = not killed_at_step(step, lambda: open_vault().close())
        vault = open_vault()
        vault.secrets.put("owner:1", expected(1))
        assert vault.secrets.get("owner:1") == expected(1)
        vault.close()
        data_dir.rename(tmp_path / f"killed before step {step}")
        if finished:
            break
    assert step > 8
