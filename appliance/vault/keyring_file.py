"""The shape of keyring.json.

    {"format": 1,
     "master_key_id": "mk_…",                       which master key opens it
     "derivation": null | {"kdf": "pbkdf2-hmac-sha256", "salt": base64, "iterations": n},
     "active": "kek_…",                             the key-encryption key that wraps new data keys
     "keys": [{"id": "kek_…", "created_at": ms, "sealed": base64}, …],
     "database_key": base64}

No copy of the former file is kept: a rename already leaves the old file or the new one whole, and an old copy
would keep a retired key, or a replaced master key, good for ever. Copies are the backup's business.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.vault.errors import KeyringBroken
from appliance.vault.files import create_file, replace_file
from appliance.vault.sources import Derivation

FORMAT = 1
KDF = "pbkdf2-hmac-sha256"


@dataclass(frozen=True, slots=True)
class SealedKey:
    id: str
    created_at: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class KeyringFile:
    """The content of keyring.json; keys in the order they were made."""

    master_key_id: str
    derivation: Derivation | None
    active: str
    keys: tuple[SealedKey, ...]
    database_key: bytes


def read(path: Path) -> KeyringFile | None:
    """The keyring file, or None when there is none. Raises KeyringBroken."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _from_json(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise KeyringBroken(
            f"{path} is damaged or of another release. Restore it from the newest backup.",
            details={"path": str(path)},
        ) from failure


def replace(path: Path, keyring: KeyringFile) -> None:
    replace_file(path, _to_json(keyring))


def create(path: Path, keyring: KeyringFile) -> bool:
    """False when another process made the file first."""
    return create_file(path, _to_json(keyring))


def _from_json(content: Any) -> KeyringFile:
    if content["format"] != FORMAT:
        raise ValueError("unknown format")
    derivation = content["derivation"]
    if derivation is not None and derivation["kdf"] != KDF:
        raise ValueError("unknown key derivation")
    keyring = KeyringFile(
        master_key_id=str(content["master_key_id"]),
        derivation=derivation
        and Derivation(_bytes(derivation["salt"]), _iterations(derivation["iterations"])),
        active=str(content["active"]),
        keys=tuple(
            SealedKey(str(key["id"]), int(key["created_at"]), _bytes(key["sealed"]))
            for key in content["keys"]
        ),
        database_key=_bytes(content["database_key"]),
    )
    if keyring.active not in {key.id for key in keyring.keys}:
        raise ValueError("the active key is not in the file")
    return keyring


def _to_json(keyring: KeyringFile) -> bytes:
    derivation = keyring.derivation
    content = {
        "format": FORMAT,
        "master_key_id": keyring.master_key_id,
        "derivation": derivation
        and {"kdf": KDF, "salt": _text(derivation.salt), "iterations": derivation.iterations},
        "active": keyring.active,
        "keys": [
            {"id": key.id, "created_at": key.created_at, "sealed": _text(key.sealed)} for key in keyring.keys
        ],
        "database_key": _text(keyring.database_key),
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _iterations(value: Any) -> int:
    # A damaged count must not keep the start busy for hours.
    if not 1 <= int(value) <= 100_000_000:
        raise ValueError("iterations out of range")
    return int(value)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
