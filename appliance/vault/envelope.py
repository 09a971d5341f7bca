"""Sealed values: AES-256-GCM with a fresh 96-bit nonce, bound to what they are and whom they belong to.

    version (1) | length of key id (1) | key id | nonce (12) | ciphertext and tag (16)

Everything before the ciphertext is authenticated together with the context: a tuple of strings such as
("secret", owner, field). A value moved to another owner or field does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.vault.errors import SealBroken

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


def seal(key: bytes, key_id: str, plaintext: bytes, context: tuple[str, ...]) -> bytes:
    """`plaintext` sealed under `key` (32 bytes) for `context`. `key_id` has 1 to 255 bytes."""
    name = key_id.encode()
    if not 0 < len(name) < 256:
        raise ValueError("a key id has 1 to 255 bytes")
    nonce = os.urandom(NONCE_BYTES)
    header = bytes((VERSION, len(name))) + name + nonce
    return header + AESGCM(key).encrypt(nonce, plaintext, header + associated_data(context))


def unseal(key: bytes, sealed: bytes, context: tuple[str, ...]) -> bytes:
    """The plaintext of `sealed`. Raises SealBroken when it was changed, cut or sealed for another context."""
    end = _header_end(sealed, context)
    header = sealed[:end]
    try:
        return AESGCM(key).decrypt(header[-NONCE_BYTES:], sealed[end:], header + associated_data(context))
    except InvalidTag:
        raise SealBroken(context) from None


def key_id_of(sealed: bytes, context: tuple[str, ...]) -> str:
    """The id of the key that sealed it, unverified until it opens. `context` is only for SealBroken."""
    end = _header_end(sealed, context)
    try:
        return sealed[2 : end - NONCE_BYTES].decode()
    except UnicodeDecodeError:
        raise SealBroken(context) from None


def associated_data(context: tuple[str, ...]) -> bytes:
    """Canonical bytes of a tuple of strings: with lengths, so that ("a", "bc") is not ("ab", "c")."""
    parts = [text.encode() for text in context]
    return b"".join((len(parts).to_bytes(4, "big"), *(len(part).to_bytes(4, "big") + part for part in parts)))


def _header_end(sealed: bytes, context: tuple[str, ...]) -> int:
    if len(sealed) < 2 or sealed[0] != VERSION or sealed[1] == 0:
        raise SealBroken(context)
    end = 2 + sealed[1] + NONCE_BYTES
    if len(sealed) < end + TAG_BYTES:
        raise SealBroken(context)
    return end
