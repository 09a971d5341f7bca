"""`appliance serve`, and the two processes it starts."""

import argparse
import atexit
import logging
import os
import signal
import threading
from importlib import resources
from pathlib import Path

from flask import Flask

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, setting_flags, settings_of
from appliance.clock import Clock, SystemClock
from appliance.engine_room import engine_of
from appliance.errors import ConfigurationError
from appliance.operations.upgrades.journal import Journal
from appliance.operations.upkeep import compact_at_start
from appliance.server import logs
from appliance.server.liveness import EngineBeat, LifeSigns, web_answers
from appliance.server.notify import ServiceManager
from appliance.server.start_check import check_address, check_clock, check_data_dir, check_files, read_build
from appliance.server.supervisor import Supervisor, end_with_parent
from appliance.server.tls import CertificateFiles, ensure_certificate
from appliance.settings import Settings
from appliance.sync.engine import EngineLock

CERTIFICATE_CHECK_SECONDS = 24 * 3600.0


def register(commands: Subparsers) -> None:
    parser = commands.add_parser("serve", help="run the appliance: API, admin page, scheduler and workers")
    add_common(parser, json_output=False)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.set_defaults(command=serve)
    for name, command in (("_web", web), ("_engine", engine)):
        child = commands.add_parser(name)
        add_common(child, json_output=False)
        child.add_argument("--parent", type=int, required=True)
        child.set_defaults(command=command)


def serve(arguments: argparse.Namespace) -> int:
    """Prepare the data directory, say where to go, and run the two processes until told to end."""
    if arguments.parent is not None:
        end_with_parent(arguments.parent)
    settings = settings_of(arguments)
    clock = SystemClock()
    logs.install(settings)
    # Before any child is started, which would inherit the socket's name.
    manager = ServiceManager()
    _check_program(clock)
    Journal(settings.data_dir).check_over()
    # Opening here makes keys, certificate and schema once, before two processes need them.
    appliance = Appliance.open(settings)
    with service_lock(settings):
        try:
            check_data_dir(settings.data_dir)
            check_address(settings.listen)
            compact_at_start(appliance.database)
            certificate = _certificate(settings)
            for line in _greeting(appliance, certificate):
                print(line, flush=True)
        finally:
            appliance.close()
        signs = LifeSigns(
            manager,
            clock,
            {
                "the web process": lambda: web_answers(settings),
                "the engine": EngineBeat(settings.data_dir / EngineLock.NAME, clock).works,
            },
        )
        return Supervisor(setting_flags(arguments), clock, signs.give if manager.listens else None).serve()


def web(arguments: argparse.Namespace) -> int:
    """The web process. gunicorn forks its one worker, and that one opens the database."""
    end_with_parent(arguments.parent)
    settings = settings_of(arguments)
    logs.install(settings)
    if settings.web_server == "waitress":
        from appliance.server import waitress

        waitress.WebServer(settings, lambda: _make_app(settings), SystemClock()).run()
        return 0
    from appliance.server import gunicorn

    gunicorn.WebServer(settings, certificate_paths(settings), lambda: _make_app(settings)).run()
    return 0


def engine(arguments: argparse.Namespace) -> int:
    """The engine process: scheduler and sync workers, one engine a data directory."""
    end_with_parent(arguments.parent)
    settings = settings_of(arguments)
    logs.install(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lock = EngineLock(settings.data_dir)
    clock = SystemClock()
    # An engine that is just ending gives the lock back within a page.
    while not lock.acquire():
        if clock.wait(stop, 0.2):
            return 0
    appliance = Appliance.open(settings)
    try:
        if settings.tls_mode == "self_signed":
            threading.Thread(target=_keep_certificate, args=(settings, stop, clock), daemon=True).start()
        engine_of(appliance).serve(stop, lock.beat)
    finally:
        appliance.close()
        lock.release()
    # Threads that still wait for a slow source are not waited for: their page is not written, the checkpoint holds.
    logging.shutdown()
    os._exit(0)


def _check_program(clock: Clock) -> None:
    build = read_build()
    if build is not None:
        check_files(build, Path(str(resources.files("appliance"))))
        check_clock(build, clock)


def _make_app(settings: Settings) -> Flask:
    from appliance.server.wsgi import create_app

    appliance = Appliance.open(settings)
    appliance.request_log.start()
    atexit.register(appliance.request_log.stop)
    return create_app(appliance)


def service_lock(settings: Settings) -> EngineLock:
    """Held by the one service of a data directory, which exists. Raises ConfigurationError when there is one."""
    lock = EngineLock(settings.data_dir, "service.lock")
    if not lock.acquire():
        raise ConfigurationError(
            f"An appliance already works on {settings.data_dir}. Stop it first, or set another data_dir."
        )
    return lock


def _certificate(settings: Settings) -> CertificateFiles | None:
    if settings.tls_mode != "self_signed":
        certificate_paths(settings)
        return None
    return ensure_certificate(settings.data_dir / "tls", _names(settings), SystemClock())


def certificate_paths(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate and key to serve with, None behind a proxy that ends TLS."""
    match settings.tls_mode:
        case "proxy":
            return None
        case "files":
            if settings.tls_certificate is None or settings.tls_key is None:
                raise ConfigurationError(
                    "With tls.mode = files set tls.certificate and tls.key to PEM files."
                )
            return settings.tls_certificate, settings.tls_key
    files = ensure_certificate(settings.data_dir / "tls", _names(settings), SystemClock())
    return files.cert, files.key


def _names(settings: Settings) -> list[str]:
    host = settings.listen.host
    return [] if host in ("0.0.0.0", "::", "") else [host]  # noqa: S104 - a comparison


def _keep_certificate(settings: Settings, stop: threading.Event, clock: SystemClock) -> None:
    while not clock.wait(stop, CERTIFICATE_CHECK_SECONDS):
        ensure_certificate(settings.data_dir / "tls", _names(settings), clock)


def _greeting(appliance: Appliance, certificate: CertificateFiles | None) -> list[str]:
    settings = appliance.settings
    base = base_url(settings)
    lines = [f"Appliance at {base} (data in {settings.data_dir})"]
    if certificate is not None:
        lines.append(f"Certificate SHA-256 {certificate.fingerprint_sha256}")
    token = appliance.bootstrap.offer()
    if token is not None:
        lines += [
            "No administrator yet. Set up within 30 minutes, once, at",
            f"  {base}/admin/setup?token={token}",
            f"  (also in {settings.data_dir / 'setup-token'}), or run: appliance setup --admin NAME "
            "--password-file FILE",
        ]
    return lines


def base_url(settings: Settings) -> str:
    """Where the appliance is reached from this machine, or the public address where one is set."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = settings.listen.host
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - a comparison
        host = "localhost"
    scheme = "http" if settings.tls_mode == "proxy" else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.listen.port}"
