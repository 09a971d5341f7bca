"""`appliance connector …`: write a connector, look for its problems, test it against its system.

None of these opens the data directory; they need no service and no administrator.
"""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path
from typing import IO, Any

from appliance.app import outbound_of
from appliance.cli.connections.fields import add_field_options, given_fields
from appliance.cli.shell import Subparsers, add_common, settings_of, show, table
from appliance.clock import Clock, SystemClock
from appliance.errors import ConfigurationError, InvalidInput, NotFound
from appliance.model.entity import Model, load_model
from appliance.runtime.catalog import Catalog
from appliance.runtime.checking.problems import problems_of
from appliance.runtime.checking.recording import Recorder, read_recording
from appliance.runtime.checking.reference import reference
from appliance.runtime.checking.replay import NoReach, replayed
from appliance.runtime.checking.report import Check, SuiteReport
from appliance.runtime.checking.start import write_starting_folder
from appliance.runtime.checking.suite import LIMIT, run_suite
from appliance.runtime.connector import Connectors
from appliance.runtime.form import check_form
from appliance.settings import Settings

_PART = "000000"


def register(commands: Subparsers) -> None:
    group = commands.add_parser("connector", help="write and test connectors").add_subparsers(required=True)
    new = group.add_parser("new", help="write the folder of a new connector to begin with")
    add_common(new)
    new.add_argument("name", help="name of the system: lower-case letters, digits and _")
    new.add_argument(
        "--dir", type=Path, metavar="DIR", help="where; without it connectors_dir, else the current folder"
    )
    new.set_defaults(command=start)

    validate = group.add_parser("validate", help="every problem of a folder; status 1 when there is one")
    add_common(validate)
    validate.add_argument("folder", type=Path, metavar="FOLDER")
    validate.set_defaults(command=look_for_problems)

    test = group.add_parser(
        "test", help="run the standard suite against the system; status 1 when something fails"
    )
    add_common(test)
    test.add_argument("folder", metavar="FOLDER", help="a folder, or the name of an installed connector")
    add_field_options(test)
    test.add_argument("--limit", type=_rows, default=LIMIT, metavar="ROWS", help=f"rows an entity ({LIMIT})")
    kept = test.add_mutually_exclusive_group()
    kept.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="keep requests and answers without secrets; the rows are in it, treat it like them",
    )
    kept.add_argument("--replay", type=Path, metavar="FILE", help="answer from a recording, not the network")
    test.set_defaults(command=run_tests)

    docs = group.add_parser("docs", help="reference of every key of a definition, as Markdown")
    add_common(docs, json_output=False)
    docs.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    docs.set_defaults(command=write_reference)

    listing = group.add_parser("list", help="the connectors that are installed")
    add_common(listing)
    listing.set_defaults(command=list_connectors)


def start(arguments: argparse.Namespace) -> int:
    parent = arguments.dir or settings_of(arguments).connectors_dir or Path()
    folder = write_starting_folder(parent, arguments.name)
    show(
        arguments,
        {"folder": str(folder)},
        [
            f"Wrote {folder}. Read connector.yaml, change it, and look:",
            f"  appliance connector validate {folder}",
            f"  appliance connector test {folder} --fields-file fields.yaml",
        ],
    )
    return 0


def look_for_problems(arguments: argparse.Namespace) -> int:
    found = problems_of(arguments.folder.resolve(), load_model())
    show(
        arguments,
        {"valid": not found, "problems": [problem._asdict() for problem in found]},
        [f"{problem.place}: {problem.message}" for problem in found] or ["No problems."],
    )
    return 1 if found else 0


def run_tests(arguments: argparse.Namespace) -> int:
    settings, model = settings_of(arguments), load_model()
    catalog, system = _found(arguments.folder, settings, model)
    told = _tell if not arguments.json else lambda check: None
    clock = SystemClock()
    if arguments.replay is not None:
        with _open(arguments.replay, "rb") as file:
            recorded, exchanges = read_recording(file)
        connector, then = replayed(model, catalog, system, recorded, exchanges, clock, part=_PART)
        report = run_suite(connector, model, NoReach, then, limit=arguments.limit, progress=told)
    else:
        report = _tested(arguments, settings, model, catalog, system, clock, told)
    show(arguments, report.as_dict(), _ending(report))
    return 0 if report.passed else 1


def write_reference(arguments: argparse.Namespace) -> int:
    if arguments.out is None:
        print(reference())
        return 0
    try:
        arguments.out.write_text(reference(), "utf-8")
    except OSError as failure:
        raise ConfigurationError(f"{arguments.out} cannot be written ({failure.strerror}).") from None
    return 0


def list_connectors(arguments: argparse.Namespace) -> int:
    catalog = _installed(settings_of(arguments), load_model())
    head = ("system", "name", "versions", "hosting", "tier", "evidence", "entities")
    rows = [
        {
            **{name: getattr(found, name) for name in head[:-1]},
            "entities": sorted(found.entities),
            "packaged": catalog.folder(found.system).packaged,
        }
        for found in catalog.definitions()
    ]
    broken = [{"folder": left.folder, "reason": left.reason} for left in catalog.broken()]
    lines = table([[*(row[name] for name in head[:-1]), len(row["entities"])] for row in rows], head)
    show(
        arguments,
        {"connectors": rows, "broken": broken},
        [*lines, *(f"Left out: {left['folder']}: {left['reason']}" for left in broken)],
    )
    return 0


def _tested(
    arguments: argparse.Namespace,
    settings: Settings,
    model: Model,
    catalog: Catalog,
    system: str,
    clock: Clock,
    told: Any,
) -> SuiteReport:
    fields = _checked(catalog, system, given_fields(arguments))
    way = outbound_of(settings, clock)
    connectors = Connectors(
        model, catalog, way.client, clock, open_database=way.database, open_folder=way.folder
    )
    connector = connectors.open(system, fields, part=_PART, created_at=clock.now_ms())
    with ExitStack() as closing:
        closing.callback(connector.close)
        if arguments.record is not None:
            if connector.source.client is None:
                raise InvalidInput("Only what is asked over HTTP can be recorded.")
            file = closing.enter_context(_open(arguments.record, "wb"))
            connector.source.witness = Recorder(file, connector.definition, fields, clock.now()).add
        return run_suite(connector, model, way.reach, clock, limit=arguments.limit, progress=told)


def _found(folder: str, settings: Settings, model: Model) -> tuple[Catalog, str]:
    """The catalog that holds a connector, given by its folder or its name."""
    path = Path(folder).resolve()
    if path.joinpath("connector.yaml").is_file():
        return Catalog(model, None, path.parent), path.name
    catalog = _installed(settings, model)
    if not folder.isidentifier():
        raise NotFound(f"There is no connector.yaml in {path}.")
    return catalog, catalog.folder(folder).definition.system


def _installed(settings: Settings, model: Model) -> Catalog:
    return Catalog(model, resources.files("appliance.connectors"), settings.connectors_dir)


def _checked(catalog: Catalog, system: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return check_form(catalog.folder(system).definition, given).all


def _tell(check: Check) -> None:
    about = f"{check.entity} {check.name}" if check.entity else check.name
    print(f"{check.state:8} {about}: {check.message}", flush=True)


def _ending(report: SuiteReport) -> list[str]:
    counts = ", ".join(f"{count} {state}" for state, count in report.counts().items() if count)
    return ["", f"{report.system}: {counts}."]


@contextmanager
def _open(path: Path, mode: str) -> Iterator[IO[bytes]]:
    """A recording; one that is written is readable by its owner only, since rows are in it."""
    try:
        writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        descriptor = os.open(path, writing if mode == "wb" else os.O_RDONLY, 0o600)
    except OSError as failure:
        raise ConfigurationError(f"{path} cannot be opened ({failure.strerror}).") from None
    with os.fdopen(descriptor, mode) as file:
        yield file


def _rows(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number of rows, 1 or more")
    return int(text)
