"""What a release is asked to do by the one that upgrades to it, or goes back to it. Not for people."""

import argparse
import os

from appliance.cli.serve import certificate_paths
from appliance.cli.shell import Subparsers, add_common, opened, setting_flags, settings_of, show
from appliance.cli.upkeep.upgrading import own_address
from appliance.clock import SystemClock
from appliance.operations.going_back import go_back
from appliance.operations.upgrades.migration import migrate_copy
from appliance.operations.upgrades.self_test import SelfTest, lists_to_ask
from appliance.server.supervisor import program
from appliance.transport.loopback import spare_port
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.sources import find_source


def register(commands: Subparsers) -> None:
    for name, command in (("_migrate", migrate), ("_self-test", self_test), ("_resume", resume)):
        child = commands.add_parser(name)
        add_common(child)
        if name == "_resume":
            child.add_argument("--end-maintenance", action="store_true")
            child.add_argument("--went-back", action="store_true")
        child.set_defaults(command=command)


def migrate(arguments: argparse.Namespace) -> int:
    """Bring a copy of the data to this release, and open all of it once with the settings in force."""
    settings, clock = settings_of(arguments), SystemClock()
    source = find_source(
        settings.data_dir,
        environ=os.environ,
        key_file=settings.master_key_file,
        passphrase=settings.master_passphrase,
    )
    keyring = Keyring.open(settings.data_dir, source, clock)
    migrated = migrate_copy(settings.data_dir / DATABASE_NAME, keyring.database_key, clock)
    with opened(arguments):
        pass
    show(arguments, migrated.as_dict(), [f"Schema {migrated.from_schema} to {migrated.to_schema}."])
    return 0


def self_test(arguments: argparse.Namespace) -> int:
    """Serve a copy of the data on a spare port, and look."""
    arguments.set.append(f"listen=127.0.0.1:{spare_port()}")
    with opened(arguments) as appliance:
        # Made before the two processes that need it.
        certificate_paths(appliance.settings)
        looked = SelfTest(
            program(),
            setting_flags(arguments),
            own_address(appliance.settings),
            appliance.maintenance,
            appliance.api_keys,
            lists_to_ask(appliance.database, appliance.model, appliance.catalog),
            appliance.clock,
        ).run()
    show(arguments, {"looked_at": looked}, looked)
    return 0


def resume(arguments: argparse.Namespace) -> int:
    """Take up work on the data in use."""
    with opened(arguments) as appliance:
        if arguments.went_back:
            go_back(appliance.database, "an upgrade was taken back", appliance.clock.now_ms())
        if arguments.end_maintenance:
            appliance.maintenance.end()
    show(arguments, {"resumed": True}, ["Resumed."])
    return 0
