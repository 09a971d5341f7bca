"""The issuer's own tool: makes a signing key and signs entitlement files. Not part of the program.

    python installer/issue_entitlement.py keygen DIR
    python installer/issue_entitlement.py sign --key DIR/issuer-private.pem --id ENT-2026-001 \
        --customer "Name" --credits 40 [--expires 2027-12-31 [--grace-days 60]] [--installation ins_...] --out FILE

`keygen` writes `issuer-private.pem` (keep it away from every customer) and `issuer.pem`, the public key that the
program verifies with (`appliance/credits/issuer.pem`, or the setting credits.entitlement_public_key_file).
`sign` writes what `appliance entitlement import` reads: JSON of the base64 document and its Ed25519 signature. With
`--installation`, the id that `appliance credits` shows, the file is for that one alone.
"""

import argparse
import base64
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PRIVATE_NAME = "issuer-private.pem"
PUBLIC_NAME = "issuer.pem"


def make_key(directory: Path) -> tuple[Path, Path]:
    """Write a new key pair; the paths of the private and the public file. Never replaces a key."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private, public = directory / PRIVATE_NAME, directory / PUBLIC_NAME
    key = Ed25519PrivateKey.generate()
    _create(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _create(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return private, public


def signed(private_pem: bytes, document: dict[str, Any]) -> bytes:
    """The file that holds `document` and its signature. Raises ValueError for a key that is not Ed25519."""
    key = load_pem_private_key(private_pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the key is not an Ed25519 private key")
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    pair = {
        "entitlement": base64.b64encode(content).decode(),
        "signature": base64.b64encode(key.sign(content)).decode(),
    }
    return json.dumps(pair, indent=2).encode() + b"\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a signing key, sign entitlement files.")
    commands = parser.add_subparsers(required=True, dest="command")
    keygen = commands.add_parser("keygen", help="make a key pair")
    keygen.add_argument("directory", type=Path)
    sign = commands.add_parser("sign", help="sign an entitlement")
    sign.add_argument("--key", type=Path, required=True, help="private key (PEM)")
    sign.add_argument("--id", required=True)
    sign.add_argument("--customer", required=True)
    sign.add_argument("--credits", type=_whole, required=True)
    sign.add_argument("--expires", type=_moment, help="date or time; a date ends with its day, UTC")
    sign.add_argument(
        "--grace-days",
        type=_whole,
        help="days after --expires on which new connections can be made; without it the installation's setting",
    )
    sign.add_argument(
        "--installation", type=_installation, metavar="ID", help="the only installation it is for; else any"
    )
    sign.add_argument("--issued", type=_moment, help="in place of now")
    sign.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        if arguments.command == "keygen":
            private, public = make_key(arguments.directory)
            sys.stdout.write(f"{private}\n{public}\n")
        else:
            _sign(arguments)
            sys.stdout.write(f"{arguments.out}\n")
    except (OSError, ValueError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


def _sign(arguments: argparse.Namespace) -> None:
    document = {
        "id": arguments.id,
        "customer": arguments.customer,
        "credits": arguments.credits,
        "issued_at": _iso(arguments.issued or datetime.now(UTC)),
    }
    if arguments.expires is not None:
        document["expires_at"] = _iso(arguments.expires)
    if arguments.grace_days is not None:
        document["grace_days"] = arguments.grace_days
    if arguments.installation is not None:
        document["installation"] = arguments.installation
    arguments.out.write_bytes(signed(arguments.key.read_bytes(), document))


def _create(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return int(text)


def _installation(text: str) -> str:
    if not re.fullmatch(r"ins_[0-9a-f]{16}", text):
        raise argparse.ArgumentTypeError(
            "the installation id as `appliance credits` shows it, ins_ and 16 hex digits"
        )
    return text


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "a date or time such as 2027-12-31 or 2027-12-31T12:00:00Z"
        ) from None
    if "T" not in text and " " not in text:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
