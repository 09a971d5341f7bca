import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.vault.envelope import associated_data, key_id_of, seal, unseal
from appliance.vault.errors import SealBroken

KEY = bytes(range(32))
CONTEXT = ("secret", "connection:con_1", "password")
contexts = st.lists(st.text(max_size=12), max_size=4).map(tuple)


@given(st.binary(max_size=300), contexts, st.text(min_size=1, max_size=40))
def test_a_sealed_value_opens_and_names_its_key(plaintext, context, key_id):
    sealed = seal(KEY, key_id, plaintext, context)
    assert unseal(KEY, sealed, context) == plaintext
    assert key_id_of(sealed, context) == key_id
    assert len(plaintext) < 8 or plaintext not in sealed


@given(contexts, contexts)
def test_no_two_contexts_have_the_same_bytes(one, other):
    assert (associated_data(one) == associated_data(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), (("a", ""), ("a",)), (("a|b",), ("a", "b")), (("a\0b",), ("a", "b"))],
)
def test_a_separator_inside_a_name_is_no_separator(one, other):
    sealed = seal(KEY, "k", b"value", one)
    with pytest.raises(SealBroken):
        unseal(KEY, sealed, other)


@given(st.binary(max_size=40), st.data())
def test_a_value_with_any_bit_turned_does_not_open(plaintext, data):
    sealed = bytearray(seal(KEY, "kek_1", plaintext, CONTEXT))
    position = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[position // 8] ^= 1 << position % 8
    with pytest.raises(SealBroken):
        unseal(KEY, bytes(sealed), CONTEXT)


def test_a_value_cut_anywhere_or_lengthened_does_not_open():
    sealed = seal(KEY, "kek_1", b"value", CONTEXT)
    for end in range(len(sealed)):
        with pytest.raises(SealBroken):
            unseal(KEY, sealed[:end], CONTEXT)
    with pytest.raises(SealBroken):
        unseal(KEY, sealed + b"\0", CONTEXT)


def test_another_key_does_not_open_it():
    with pytest.raises(SealBroken):
        unseal(os.urandom(32), seal(KEY, "k", b"value", CONTEXT), CONTEXT)


def test_the_same_value_never_looks_the_same():
    assert len({seal(KEY, "k", b"value", CONTEXT) for _ in range(100)}) == 100


def test_the_error_says_which_value_and_never_its_content():
    sealed = seal(KEY, "k", b"hunter2-hunter2", CONTEXT)
    with pytest.raises(SealBroken) as caught:
        unseal(KEY, sealed[:-1], CONTEXT)
    text = f"{caught.value} {caught.value.details}"
    assert "connection:con_1" in text
    assert "password" in text
    assert "hunter2" not in text
    assert sealed[:-1].hex() not in text


@pytest.mark.parametrize("key_id", ["", "k" * 256])
def test_a_key_id_that_does_not_fit_is_refused_when_sealing(key_id):
    with pytest.raises(ValueError, match="1 to 255"):
        seal(KEY, key_id, b"value", CONTEXT)
