"""What a command loads before it begins: every start of the service waits for it."""

import argparse
import importlib
import subprocess
import sys

import pytest

from appliance.__main__ import COMMANDS

HEAVY = ("appliance.app", "peewee", "flask", "requests", "sqlalchemy", "zeep", "lxml", "paramiko", "oracledb")


def loaded_by(*command: str) -> set[str]:
    script = (
        "import sys\nfrom appliance.__main__ import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("module", COMMANDS)
def test_the_commands_of_each_module_are_known_without_loading_it(module: str) -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"appliance.cli.{module}").register(commands)
    assert set(commands.choices) == set(COMMANDS[module])


@pytest.mark.parametrize("command", [("--version",), ("upgrade", "--recover", "--set", "data_dir=/nowhere")])
def test_what_is_done_before_a_start_loads_little(command: tuple[str, ...]) -> None:
    assert loaded_by(*command) & set(HEAVY) == set()


def test_drivers_of_sources_are_loaded_when_a_connection_needs_them() -> None:
    late = {"sqlalchemy", "zeep", "lxml", "paramiko", "oracledb", "smbprotocol", "openpyxl", "sqlglot"}
    assert loaded_by("serve", "--help") & late == set()
