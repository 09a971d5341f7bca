"""`appliance key` and `entitlement`: keys rotated, credits imported."""

import argparse
import sys
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common, opened, show
from appliance.credits.entitlement import describe
from appliance.errors import ConfigurationError
from appliance.vault.sources import DefaultKeyFile, KeyFile


def register(commands: Subparsers) -> None:
    key = commands.add_parser("key", help="encryption keys").add_subparsers(required=True)
    status = key.add_parser("status", help="ids of the keys in use")
    add_common(status)
    status.set_defaults(command=key_status)
    rotate = key.add_parser("rotate", help="new key-encryption key; re-wraps while the service runs")
    add_common(rotate)
    rotate.set_defaults(command=rotate_key)
    master = key.add_parser("rotate-master", help="new master key; re-seals the keyring")
    add_common(master)
    master.add_argument(
        "--new-key-file",
        type=Path,
        metavar="FILE",
        help="the new key; without it the default key file is replaced",
    )
    master.set_defaults(command=rotate_master)

    entitlement = commands.add_parser("entitlement", help="credits").add_subparsers(required=True)
    importing = entitlement.add_parser("import", help="import a signed entitlement file")
    add_common(importing)
    importing.add_argument("file", type=Path)
    importing.set_defaults(command=import_entitlement)
    current = entitlement.add_parser("show", help="the entitlement in force and the credits")
    add_common(current)
    current.set_defaults(command=show_entitlement)


def key_status(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        status = appliance.keyring.status()
        data = {
            "master_key": status.master_key_id,
            "master_key_from": status.master_key_origin,
            "active": appliance.keyring.active,
            "key_encryption_keys": list(appliance.keyring.kek_ids),
        }
        show(arguments, data, [f"{name.replace('_', ' ')}: {value}" for name, value in data.items()])
    return 0


def rotate_key(arguments: argparse.Namespace) -> int:
    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} data keys", end="", file=sys.stderr, flush=True)

    with opened(arguments) as appliance:
        before = appliance.keyring.active
        appliance.secrets.rotate(progress)
        after = appliance.keyring.active
        show(
            arguments,
            {"retired": before, "active": after},
            [f"Key {after} is in force; {before} is retired."],
        )
    return 0


def rotate_master(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        new = (
            DefaultKeyFile(appliance.settings.data_dir)
            if arguments.new_key_file is None
            else KeyFile(arguments.new_key_file, "--new-key-file")
        )
        changed = appliance.secrets.rotate_master(new)
        lines = [f"The keyring is sealed by {appliance.keyring.master_key_id}."]
        if changed:
            lines.append("Backups made before need the old master key: keep it as long as you keep them.")
        if arguments.new_key_file is not None:
            lines.append(
                "Set master_key_file to the new file, or replace the credential, and restart the service."
            )
        show(arguments, {"master_key": appliance.keyring.master_key_id, "changed": changed}, lines)
    return 0


def import_entitlement(arguments: argparse.Namespace) -> int:
    try:
        content = arguments.file.read_bytes()
    except OSError as failure:
        raise ConfigurationError(f"The file {arguments.file} cannot be read ({failure.strerror}).") from None
    with opened(arguments) as appliance:
        entitlement = appliance.entitlements.import_file(content)
        show(
            arguments,
            describe(entitlement),
            [f"Entitlement {entitlement.id} of {entitlement.customer}: {entitlement.credits} credits."],
        )
    return 0


def show_entitlement(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        balance = appliance.ledger.balance()
        data = {
            "entitlement": describe(appliance.entitlements.current()),
            "granted": balance.granted,
            "used": balance.used,
            "available": balance.available,
        }
        show(arguments, data, [f"{name}: {value}" for name, value in data.items()])
    return 0
