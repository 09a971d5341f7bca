import json
import os
import stat
import threading

import pytest

from appliance.clock import SystemClock
from appliance.vault.errors import (
    KeyFileRefused,
    KeyringBroken,
    KeyringMissing,
    KeyUnknown,
    MasterKeyMissing,
    MasterKeyRejected,
)
from appliance.vault.keyring import Keyring
from appliance.vault.sources import DefaultKeyFile, KeyFile, Passphrase, key_id, key_text

WORDS = "correct horse battery staple"


def opened(data_dir, source=None):
    return Keyring.open(data_dir, source or DefaultKeyFile(data_dir), SystemClock())


def place_key(path, key):
    path.unlink(missing_ok=True)
    path.write_text(key_text(key))
    path.chmod(0o400)
    return path


def test_a_fresh_data_directory_gets_a_key_and_a_keyring(data_dir):
    keyring = opened(data_dir)
    assert sorted(path.name for path in data_dir.iterdir()) == ["keyring.json", "master.key"]
    assert stat.S_IMODE((data_dir / "keyring.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    again = opened(data_dir)
    assert again.database_key == keyring.database_key
    assert again.kek(keyring.active) == keyring.kek(keyring.active)


def test_the_keyring_file_holds_no_key_in_clear(data_dir):
    keyring = opened(data_dir)
    content = (data_dir / "keyring.json").read_text()
    master = DefaultKeyFile(data_dir).first().key
    for key in (keyring.database_key, keyring.kek(keyring.active), master):
        assert key.hex() not in content
    assert keyring.master_key_id in content


def test_opening_changes_nothing(data_dir, snapshot):
    opened(data_dir)
    before = snapshot()
    opened(data_dir)
    assert snapshot() == before


def test_a_wrong_key_is_refused_by_id_and_nothing_is_touched(data_dir, snapshot):
    needed = opened(data_dir).master_key_id
    given = bytes(32)
    place_key(data_dir / "master.key", given)
    before = snapshot()
    with pytest.raises(MasterKeyRejected) as caught:
        opened(data_dir)
    assert needed in caught.value.message
    assert key_id(given) in caught.value.message
    assert caught.value.details == {
        "needed": needed,
        "given": key_id(given),
        "place": f"{data_dir / 'master.key'} (default)",
    }
    assert snapshot() == before


def test_a_missing_key_is_not_made_anew_when_there_is_a_keyring(data_dir, snapshot):
    needed = opened(data_dir).master_key_id
    (data_dir / "master.key").unlink()
    before = snapshot()
    with pytest.raises(MasterKeyRejected) as caught:
        opened(data_dir)
    assert f"needs master key {needed}, but none was found; looked in {data_dir / 'master.key'}" in str(
        caught.value
    )
    assert snapshot() == before


def test_a_configured_key_file_that_is_missing_names_its_path(data_dir, tmp_path, snapshot):
    opened(data_dir)
    before = snapshot()
    with pytest.raises(MasterKeyRejected, match=r"looked in .*placed\.key \(setting master_key_file\)"):
        opened(data_dir, KeyFile(tmp_path / "placed.key", "setting master_key_file"))
    assert snapshot() == before


def test_a_fresh_directory_without_its_configured_key_stays_empty(data_dir, tmp_path):
    with pytest.raises(MasterKeyMissing):
        opened(data_dir, KeyFile(tmp_path / "placed.key", "setting master_key_file"))
    assert list(data_dir.iterdir()) == []


def test_a_database_without_a_keyring_is_refused_and_nothing_is_made(data_dir, snapshot):
    data_dir.mkdir()
    (data_dir / "appliance.db").write_bytes(b"encrypted")
    before = snapshot()
    with pytest.raises(KeyringMissing, match=r"Restore keyring\.json from the backup"):
        opened(data_dir)
    assert snapshot() == before


def test_a_key_file_open_to_others_is_refused_and_nothing_is_touched(data_dir, snapshot):
    opened(data_dir)
    (data_dir / "master.key").chmod(0o444)
    before = snapshot()
    with pytest.raises(KeyFileRefused):
        opened(data_dir)
    assert snapshot() == before


def test_a_passphrase_opens_the_keyring_it_made_and_another_does_not(data_dir, snapshot):
    keyring = opened(data_dir, Passphrase(WORDS, "setting master_passphrase"))
    assert opened(data_dir, Passphrase(WORDS, "x")).database_key == keyring.database_key
    before = snapshot()
    with pytest.raises(MasterKeyRejected, match="setting master_passphrase gave mk_"):
        opened(data_dir, Passphrase("wrong horse battery staple", "setting master_passphrase"))
    assert snapshot() == before
    assert WORDS not in (data_dir / "keyring.json").read_text()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2}', "not json"])
def test_a_damaged_keyring_is_refused_and_left_alone(data_dir, content):
    opened(data_dir)
    (data_dir / "keyring.json").write_text(content)
    with pytest.raises(KeyringBroken, match="newest backup"):
        opened(data_dir)
    assert (data_dir / "keyring.json").read_text() == content


def test_a_keyring_with_two_keys_swapped_is_refused(data_dir):
    keyring = opened(data_dir)
    keyring.add_kek()
    path = data_dir / "keyring.json"
    content = json.loads(path.read_text())
    first, second = content["keys"]
    first["sealed"], second["sealed"] = second["sealed"], first["sealed"]
    path.write_text(json.dumps(content))
    with pytest.raises(KeyringBroken):
        opened(data_dir)


def test_a_key_that_another_process_added_is_found_by_reading_the_file_again(data_dir):
    mine, theirs = opened(data_dir), opened(data_dir)
    added = theirs.add_kek()
    assert mine.active != added
    assert mine.kek(added) == theirs.kek(added)
    assert mine.active == added


def test_an_unknown_key_is_named(data_dir):
    with pytest.raises(KeyUnknown, match="kek_gone"):
        opened(data_dir).kek("kek_gone")


def test_a_retired_key_leaves_the_file_but_not_the_reader_that_knew_it(data_dir):
    keyring = opened(data_dir)
    old = keyring.active
    reader = opened(data_dir)
    new = keyring.add_kek()
    keyring.retire_others()
    reader.refresh()
    assert keyring.kek_ids == (new,)
    assert len(reader.kek(old)) == 32
    with pytest.raises(KeyUnknown):
        opened(data_dir).kek(old)


def test_starting_many_at_once_on_a_fresh_directory_gives_one_keyring(data_dir):
    found, begin = [], threading.Barrier(8)

    def start():
        begin.wait()
        found.append(opened(data_dir))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(keyring.database_key, keyring.active) for keyring in found}) == 1
    assert len(found) == 8
    assert sorted(path.name for path in data_dir.iterdir()) == ["keyring.json", "master.key"]


def test_the_status_names_keys_and_never_shows_them(data_dir):
    keyring = opened(data_dir)
    added = keyring.add_kek()
    status = keyring.status()
    assert status.master_key_id == keyring.master_key_id
    assert [(kek.id, kek.active) for kek in status.keks][-1] == (added, True)
    shown = f"{status!r} {keyring!r}"
    for key in (keyring.database_key, keyring.kek(added)):
        assert key.hex() not in shown
        assert repr(key) not in shown


def test_a_new_master_key_is_followed_by_a_reader_that_was_open(data_dir):
    keyring, reader = opened(data_dir), opened(data_dir)
    assert keyring.change_master(DefaultKeyFile(data_dir))
    added = keyring.add_kek()
    assert reader.kek(added) == keyring.kek(added)
    assert reader.master_key_id == keyring.master_key_id
    assert sorted(path.name for path in data_dir.iterdir()) == ["keyring.json", "master.key"]


@pytest.mark.parametrize("change", ["file to passphrase", "passphrase to file"])
def test_the_master_key_moves_between_kinds_of_source(data_dir, tmp_path, change):
    file = KeyFile(place_key(tmp_path / "placed.key", os.urandom(32)), "setting master_key_file")
    words = Passphrase(WORDS, "setting master_passphrase")
    old, new = (file, words) if change == "file to passphrase" else (words, file)
    keyring = opened(data_dir, old)
    assert keyring.change_master(new)
    assert opened(data_dir, new).database_key == keyring.database_key
    with pytest.raises(MasterKeyRejected):
        opened(data_dir, old)


def test_changing_to_the_key_in_use_does_nothing(data_dir, tmp_path, snapshot):
    file = KeyFile(place_key(tmp_path / "placed.key", os.urandom(32)), "setting master_key_file")
    keyring = opened(data_dir, file)
    before = snapshot()
    assert not keyring.change_master(file)
    assert snapshot() == before
