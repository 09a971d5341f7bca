import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.vault.envelope import key_id_of
from appliance.vault.errors import KeyUnknown, SealBroken

CANARY = "canary-7f3a91-do-not-show"
OWNERS = ("connection:con_1", "connection:con_2", "webhook:wh_1")
FIELDS = ("username", "password", "token")


def sealed_rows(vault):
    rows = vault.database.tuples("SELECT owner, field, sealed FROM secret ORDER BY owner, field")
    return {(owner, field): bytes(sealed) for owner, field, sealed in rows}


def store_sealed(vault, owner, field, sealed):
    vault.database.run("UPDATE secret SET sealed = ? WHERE owner = ? AND field = ?", (sealed, owner, field))


@given(values=st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=200), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_what_is_put_is_what_is_got(vault, values):
    vault.secrets.replace("connection:con_1", values)
    assert vault.secrets.get("connection:con_1") == values


def test_putting_a_field_keeps_the_others_and_the_data_key(vault):
    vault.secrets.put("connection:con_1", {"username": "api", "password": "one"})
    key = vault.database.value("SELECT id FROM data_key")
    vault.secrets.put("connection:con_1", {"password": "two"})
    assert vault.secrets.get("connection:con_1") == {"username": "api", "password": "two"}
    assert vault.database.tuples("SELECT id FROM data_key") == [(key,)]


def test_every_value_names_its_data_key_and_every_data_key_its_kek(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    row = vault.database.row("SELECT * FROM data_key")
    assert key_id_of(sealed_rows(vault)["connection:con_1", "password"], ()) == row["id"]
    assert key_id_of(bytes(row["wrapped"]), ()) == row["kek_id"] == vault.keyring.active


def test_replacing_leaves_exactly_the_new_fields_under_a_new_data_key(vault):
    vault.secrets.put("connection:con_1", {"username": "api", "password": "one"})
    before = vault.database.value("SELECT id FROM data_key")
    vault.secrets.replace("connection:con_1", {"token": "t"})
    assert vault.secrets.get("connection:con_1") == {"token": "t"}
    assert vault.database.value("SELECT id FROM data_key") != before


def test_replacing_mends_an_owner_whose_secrets_no_longer_open(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    vault.database.run("UPDATE data_key SET wrapped = x'00'")
    with pytest.raises(SealBroken):
        vault.secrets.get("connection:con_1")
    vault.secrets.replace("connection:con_1", {"password": "two"})
    assert vault.secrets.get("connection:con_1") == {"password": "two"}


def test_destroying_leaves_neither_data_key_nor_rows_of_the_owner(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    vault.secrets.put("connection:con_2", {"password": "two"})
    vault.secrets.destroy("connection:con_1")
    assert vault.secrets.get("connection:con_1") == {}
    assert vault.database.tuples("SELECT owner FROM data_key") == [("connection:con_2",)]
    assert set(sealed_rows(vault)) == {("connection:con_2", "password")}
    assert vault.secrets.get("connection:con_2") == {"password": "two"}


def test_rows_put_back_after_their_data_key_was_destroyed_do_not_open(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    sealed = sealed_rows(vault)["connection:con_1", "password"]
    vault.secrets.replace("connection:con_1", {"password": "two"})
    store_sealed(vault, "connection:con_1", "password", sealed)
    with pytest.raises(SealBroken):
        vault.secrets.get("connection:con_1")


def test_secrets_without_their_data_key_are_an_error_and_not_absence(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    vault.database.run("DELETE FROM data_key")
    with pytest.raises(SealBroken):
        vault.secrets.get("connection:con_1")


def test_changes_join_an_outer_transaction_and_vanish_with_it(vault):
    vault.secrets.put("connection:con_1", {"password": "one"})
    with pytest.raises(RuntimeError), vault.database.write():
        vault.secrets.put("connection:con_2", {"password": "two"})
        vault.secrets.replace("connection:con_1", {"password": "three"})
        raise RuntimeError
    assert vault.secrets.get("connection:con_1") == {"password": "one"}
    assert vault.secrets.get("connection:con_2") == {}


SPOTS = st.sampled_from([(owner, field) for owner in OWNERS for field in FIELDS])


@given(one=SPOTS, other=SPOTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_a_value_moved_to_another_field_or_owner_does_not_open(vault, one, other):
    # The same text everywhere: only the place tells the values apart.
    for owner in OWNERS:
        vault.secrets.replace(owner, dict.fromkeys(FIELDS, "same"))
    rows = sealed_rows(vault)
    store_sealed(vault, *one, rows[other])
    store_sealed(vault, *other, rows[one])
    for owner in OWNERS:
        touched = one != other and owner in (one[0], other[0])
        if not touched:
            assert vault.secrets.get(owner) == dict.fromkeys(FIELDS, "same")
            continue
        with pytest.raises(SealBroken) as caught:
            vault.secrets.get(owner)
        assert owner in caught.value.message
        assert caught.value.details["value"][2] in (one[1], other[1])


def test_two_owners_with_data_key_and_rows_swapped_together_do_not_open(vault):
    vault.secrets.put("a", {"password": "one"})
    vault.secrets.put("b", {"password": "two"})
    for table in ("data_key", "secret"):
        for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
            vault.database.run(f"UPDATE {table} SET owner = ? WHERE owner = ?", (new, old))
    for owner in "ab":
        with pytest.raises(SealBroken, match=f"data key / {owner}"):
            vault.secrets.get(owner)


def test_the_fingerprint_changes_with_the_secrets_and_with_nothing_else(vault):
    values = {"username": "api", "password": "one"}
    assert vault.secrets.fingerprint("connection:con_1") is None
    vault.secrets.put("connection:con_1", values)
    before = vault.secrets.fingerprint("connection:con_1")
    assert before is not None
    assert len(before) == 16
    vault.secrets.replace("connection:con_1", dict(reversed(values.items())))
    vault.secrets.rotate(lambda done, total: None)
    assert vault.secrets.fingerprint("connection:con_1") == before
    vault.secrets.put("connection:con_2", values)
    assert vault.secrets.fingerprint("connection:con_2") != before
    vault.secrets.put("connection:con_1", {"password": "two"})
    assert vault.secrets.fingerprint("connection:con_1") != before


def test_no_secret_or_key_shows_in_repr_errors_or_logs(vault, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("peewee").setLevel(logging.INFO)
    shown = []
    vault.secrets.put("connection:con_1", {"password": CANARY})
    vault.secrets.rotate(lambda done, total: shown.append(f"{done}/{total}"))
    row = vault.database.row("SELECT * FROM data_key")
    keys = [vault.keyring.database_key, vault.keyring.kek(vault.keyring.active), vault.secrets._unwrap(row)]
    store_sealed(vault, "connection:con_1", "password", b"\1\3dek" + bytes(40))
    for failing in (lambda: vault.secrets.get("connection:con_1"), lambda: vault.keyring.kek("kek_x")):
        with pytest.raises((SealBroken, KeyUnknown)) as caught:
            failing()
        shown += [str(caught.value), repr(caught.value), repr(caught.value.details)]
    shown += [repr(vault.secrets), repr(vault.keyring), repr(vault.keyring.status()), caplog.text]
    everything = "\n".join(shown)
    assert CANARY not in everything
    for key in keys:
        assert key.hex() not in everything
        assert repr(key) not in everything


def test_the_database_file_holds_no_secret_in_clear(vault, data_dir):
    vault.secrets.put("connection:con_1", {"password": CANARY})
    vault.database.checkpoint()
    for path in data_dir.iterdir():
        assert CANARY.encode() not in path.read_bytes()
