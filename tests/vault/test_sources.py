import base64
import stat

import pytest

from appliance.vault.errors import KeyFileRefused, MasterKeyMissing
from appliance.vault.sources import (
    DefaultKeyFile,
    Derivation,
    KeyFile,
    Passphrase,
    find_source,
    key_id,
    key_text,
    read_key_file,
)

KEY = bytes(range(32))
HEX = KEY.hex()
WORDS = "correct horse battery staple"


def key_file(path, content=HEX, mode=0o400):
    path.write_text(content)
    path.chmod(mode)
    return path


@pytest.fixture
def credentials(tmp_path):
    directory = tmp_path / "credentials"
    directory.mkdir()
    return directory


def test_the_systemd_credential_wins_over_all_else(data_dir, tmp_path, credentials):
    key_file(credentials / "appliance-master-key")
    source = find_source(
        data_dir,
        environ={"CREDENTIALS_DIRECTORY": str(credentials)},
        key_file=tmp_path / "other",
        passphrase=WORDS,
    )
    assert [found.id for found in source.candidates(None)] == [key_id(KEY)]
    assert "systemd credential" in source.place


def test_a_credential_that_systemd_shares_by_acl_is_accepted(data_dir, credentials):
    # systemd: owner root, mode 0400, and an ACL for the service whose mask shows as group-readable.
    key_file(credentials / "appliance-master-key", mode=0o440)
    source = find_source(data_dir, environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert source.first().key == KEY


def test_a_unit_with_other_credentials_only_uses_the_next_source(data_dir, tmp_path, credentials):
    path = key_file(tmp_path / "placed.key")
    source = find_source(data_dir, environ={"CREDENTIALS_DIRECTORY": str(credentials)}, key_file=path)
    assert source.first().key == KEY


def test_a_configured_key_file_wins_over_a_passphrase_and_the_default(data_dir, tmp_path):
    path = tmp_path / "placed.key"
    assert isinstance(find_source(data_dir, environ={}, key_file=path, passphrase=WORDS), KeyFile)
    assert isinstance(find_source(data_dir, environ={}, passphrase=WORDS), Passphrase)
    assert isinstance(find_source(data_dir, environ={}), DefaultKeyFile)


def test_a_configured_key_file_that_is_missing_is_not_replaced_by_another_source(data_dir, tmp_path):
    data_dir.mkdir()
    key_file(data_dir / "master.key")
    source = find_source(data_dir, environ={}, key_file=tmp_path / "placed.key")
    assert source.candidates(None) == []
    with pytest.raises(MasterKeyMissing, match=r"umask 377; openssl rand -hex 32 > .*placed\.key"):
        source.first()


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o620, 0o644, 0o601])
def test_a_key_file_that_others_may_use_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    path = key_file(tmp_path / "k", mode=mode)
    with pytest.raises(KeyFileRefused, match=f"chmod 0400 {path}"):
        read_key_file(path)


@pytest.mark.parametrize("content", [HEX, HEX.upper() + "\n", key_text(KEY), key_text(KEY) + "\r\n"])
def test_both_forms_of_a_key_file_are_read(tmp_path, content):
    found = read_key_file(key_file(tmp_path / "k", content, 0o600))
    assert found is not None
    assert found.key == KEY


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        KEY.hex()[:-2],
        KEY.hex() + "00",
        "z" * 64,
        "appliance-master-key-2:" + base64.b64encode(KEY).decode(),
        "appliance-master-key-1:" + base64.b64encode(KEY[:31]).decode(),
        "appliance-master-key-1:!" + base64.b64encode(KEY).decode(),
        "ключ" * 16,
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_showing_it(tmp_path, content):
    path = key_file(tmp_path / "k", content)
    with pytest.raises(KeyFileRefused, match="64 hexadecimal characters") as caught:
        read_key_file(path)
    assert not content.strip() or content.strip() not in str(caught.value)


def test_a_directory_in_place_of_the_key_file_is_refused(tmp_path):
    with pytest.raises(KeyFileRefused, match="cannot be read"):
        read_key_file(tmp_path)


def test_the_default_key_is_made_once_and_only_its_owner_may_read_it(data_dir):
    data_dir.mkdir()
    made = DefaultKeyFile(data_dir).first()
    assert stat.S_IMODE((data_dir / "master.key").stat().st_mode) == 0o400
    assert DefaultKeyFile(data_dir).first() == made
    assert [path.name for path in data_dir.iterdir()] == ["master.key"]


def test_a_key_placed_at_the_default_path_before_the_first_start_is_used(data_dir):
    data_dir.mkdir()
    key_file(data_dir / "master.key")
    assert DefaultKeyFile(data_dir).first().key == KEY


def test_a_passphrase_gives_the_same_key_for_the_same_salt_and_form_of_the_words(data_dir):
    made = Passphrase("p\u00e4ssw\u00f6rter f\u00fcr alle", "x").first()
    composed = Passphrase("pa\u0308sswo\u0308rter fu\u0308r alle", "x")
    assert made.derivation is not None
    assert made.derivation.iterations >= 600_000
    assert composed.candidates(made.derivation)[0].key == made.key
    assert composed.candidates(Derivation(b"another salt 16b", 1))[0].id != made.id


def test_a_passphrase_finds_no_key_for_a_keyring_that_was_made_with_a_key_file():
    assert Passphrase(WORDS, "x").candidates(None) == []


def test_a_short_passphrase_is_refused_for_a_new_keyring():
    with pytest.raises(MasterKeyMissing, match="16 characters"):
        Passphrase("short", "x").first()


def test_neither_key_nor_passphrase_shows_in_repr():
    made = Passphrase(WORDS, "x").first()
    shown = f"{made!r} {Passphrase(WORDS, 'x')!r} {vars(Passphrase)!r}"
    assert WORDS not in shown
    assert made.key.hex() not in shown
    assert repr(made.key) not in shown
