"""`appliance setup`, `account`, `apikey`: administrators and keys of the account."""

import argparse
import sys
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import ConfigurationError


def register(commands: Subparsers) -> None:
    parser = commands.add_parser("setup", help="make the first administrator without the page")
    add_common(parser)
    parser.add_argument("--admin", required=True, metavar="NAME")
    _password_option(parser)
    parser.set_defaults(command=set_up)

    account = commands.add_parser("account", help="administrators").add_subparsers(required=True)
    for name, command, text in (
        ("add", add_account, "make another administrator"),
        ("password", set_password, "set a new password, lift the lock, end sessions"),
    ):
        child = account.add_parser(name, help=text)
        add_common(child)
        child.add_argument("name")
        _password_option(child)
        child.set_defaults(command=command)

    keys = commands.add_parser("apikey", help="keys of the account, for /api/system").add_subparsers(
        required=True
    )
    add = keys.add_parser("add", help="make a key; it is printed once")
    add_common(add)
    add.add_argument("name")
    add.set_defaults(command=add_key)
    listing = keys.add_parser("list")
    add_common(listing)
    listing.set_defaults(command=list_keys)
    revoke = keys.add_parser("revoke")
    add_common(revoke)
    revoke.add_argument("id")
    revoke.set_defaults(command=revoke_key)


def set_up(arguments: argparse.Namespace) -> int:
    password = _password(arguments)
    with opened(arguments) as appliance:
        account = appliance.accounts.set_up(arguments.admin, password)
        appliance.bootstrap.withdraw()
        show(
            arguments, {"account": account.name}, [f"Administrator {account.name} is made. Sign in with it."]
        )
    return 0


def add_account(arguments: argparse.Namespace) -> int:
    password = _password(arguments)
    with opened(arguments) as appliance:
        account = appliance.accounts.add(arguments.name, password)
        show(arguments, {"account": account.name}, [f"Administrator {account.name} is made."])
    return 0


def set_password(arguments: argparse.Namespace) -> int:
    password = _password(arguments)
    with opened(arguments) as appliance:
        appliance.accounts.set_password(arguments.name, password)
        show(
            arguments, {"account": arguments.name}, ["The password is set; the account's sessions are ended."]
        )
    return 0


def add_key(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        key = appliance.api_keys.create(arguments.name)
        show(arguments, {"key": key}, [key, "Keep it now: it is not shown again."])
    return 0


def list_keys(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        keys = appliance.api_keys.list()
        head = ("id", "name", "hint", "created_at", "last_used_at", "revoked_at")
        show(arguments, keys, table([[key[name] for name in head] for key in keys], head))
    return 0


def revoke_key(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        appliance.api_keys.revoke(arguments.id)
        show(arguments, {"revoked": arguments.id}, ["The key is revoked."])
    return 0


def _password_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file",
        type=Path,
        required=True,
        metavar="FILE",
        help="file that holds the password; - reads it",
    )


def _password(arguments: argparse.Namespace) -> str:
    path: Path = arguments.password_file
    if str(path) == "-":
        return sys.stdin.readline().rstrip("\n")
    try:
        return path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeError) as failure:
        raise ConfigurationError(f"The password file {path} cannot be read: {failure}.") from None
