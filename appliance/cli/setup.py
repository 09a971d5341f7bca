"""`appliance setup`, `account`, `apikey`, `application`: administrators, and who may call the API for the account."""

import argparse
import sys
from pathlib import Path

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import ConfigurationError
from appliance.users.scopes import VERBS, Scope


def register(commands: Subparsers) -> None:
    parser = commands.add_parser("setup", help="make the first administrator without the page")
    add_common(parser)
    parser.add_argument("--admin", required=True, metavar="NAME")
    _password_option(parser)
    parser.add_argument(
        "--if-none", action="store_true", help="do nothing where there is an administrator already"
    )
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
    add.add_argument("--days", type=int, help="after so many days the key ends")
    _scope_options(add)
    add.set_defaults(command=add_key)
    listing = keys.add_parser("list")
    add_common(listing)
    listing.set_defaults(command=list_keys)
    revoke = keys.add_parser("revoke")
    add_common(revoke)
    revoke.add_argument("id")
    revoke.set_defaults(command=revoke_key)

    applications = commands.add_parser(
        "application", help="programs with client id and secret, for /link/token"
    ).add_subparsers(required=True)
    made = applications.add_parser("add", help="make one; its secret is printed once")
    add_common(made)
    made.add_argument("name")
    made.add_argument(
        "--redirect", action="append", default=[], metavar="URL", help="where the link flow may return to"
    )
    _scope_options(made)
    made.set_defaults(command=add_application)
    shown = applications.add_parser("list")
    add_common(shown)
    shown.set_defaults(command=list_applications)
    for name, command, text in (
        ("secret", renew_secret, "another secret in place of the former one; printed once"),
        ("revoke", revoke_application, "end it, with everything that was granted to it"),
    ):
        child = applications.add_parser(name, help=text)
        add_common(child)
        child.add_argument("id")
        child.set_defaults(command=command)


def set_up(arguments: argparse.Namespace) -> int:
    password = _password(arguments)
    with opened(arguments) as appliance:
        if arguments.if_none and appliance.accounts.any():
            show(arguments, {"account": None}, ["There is an administrator already."])
            return 0
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
        ends = None if arguments.days is None else appliance.clock.now_ms() + arguments.days * 86_400_000
        key = appliance.api_keys.create(arguments.name, _scope(arguments, appliance), ends)
        show(arguments, {"key": key}, [key, "Keep it now: it is not shown again."])
    return 0


def list_keys(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        keys = appliance.api_keys.list()
        head = ("id", "name", "state", "hint", "created_at", "expires_at", "last_used_at")
        show(arguments, keys, table([[key[name] for name in head] for key in keys], head))
    return 0


def revoke_key(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        appliance.api_keys.revoke(arguments.id)
        show(arguments, {"revoked": arguments.id}, ["The key is revoked."])
    return 0


def add_application(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        made, secret = appliance.applications.create(
            arguments.name, redirects=arguments.redirect, scope=_scope(arguments, appliance)
        )
        _show_secret(arguments, made.id, secret)
    return 0


def list_applications(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        found = appliance.applications.list()
        head = ("id", "name", "state", "hint", "created_at", "last_used_at")
        show(arguments, found, table([[one[name] for name in head] for one in found], head))
    return 0


def renew_secret(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        _show_secret(arguments, arguments.id, appliance.applications.new_secret(arguments.id))
    return 0


def revoke_application(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        appliance.applications.revoke(arguments.id)
        show(arguments, {"revoked": arguments.id}, ["The application is revoked."])
    return 0


def _show_secret(arguments: argparse.Namespace, client_id: str, secret: str) -> None:
    show(
        arguments,
        {"client_id": client_id, "client_secret": secret},
        [f"Client id {client_id}", f"Client secret {secret}", "Keep it now: it is not shown again."],
    )


def _scope_options(parser: argparse.ArgumentParser) -> None:
    for name, text in (
        ("entity", "only this entity; may be repeated"),
        ("verb", f"only this: {', '.join(VERBS)}; may be repeated"),
        ("connection", "only this connection, by its id; may be repeated"),
        ("network", "only from this address or range; may be repeated"),
    ):
        parser.add_argument(f"--{name}", action="append", help=text)


def _scope(arguments: argparse.Namespace, appliance: Appliance) -> Scope:
    parts = {
        "entities": arguments.entity,
        "verbs": arguments.verb,
        "connections": arguments.connection,
        "networks": arguments.network,
    }
    return Scope.of(parts, appliance.model.entities)


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
