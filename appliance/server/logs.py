"""Log lines on standard error, for the journal, and to a syslog server where one is set.

Text or one JSON object a line; every line of a run or a request names it. The journal is given the severity of each.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from appliance.clock import SystemClock
from appliance.log_context import About, current
from appliance.settings import Settings
from appliance.transport.egress import Egress
from appliance.transport.syslog import Line, SyslogSender
from appliance.transport.trust import Trust

_SEVERITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class Lines(logging.Formatter):
    """Plain text; what the line is about stands at its end unless the message names it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging looks up
        found = _about(record)
        line = super().formatMessage(record)
        return line if found is None or found.id in line else f"{line} ({found.id})"


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = _about(record)
        if found is not None:
            line[found.kind] = found.id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class JournalLines(logging.Formatter):
    """Another formatter's lines, each with its severity before it (see sd-daemon(3)); the time is the journal's own."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{severity(record.levelno)}>"
        return "\n".join(prefix + line for line in self._inner.format(record).splitlines())


class SyslogHandler(logging.Handler):
    """Hands lines to a sender, which sends them in its own time."""

    def __init__(self, sender: SyslogSender) -> None:
        super().__init__()
        self._sender = sender

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        found = _about(record)
        self._sender.put(Line(severity(record.levelno), record.created, record.name, text, found))

    def flush(self) -> None:
        self._sender.flush()


def install(settings: Settings) -> None:
    """Set up logging for this process. Only our own loggers follow the configured level."""
    formatter: logging.Formatter = JsonLines() if settings.log_format == "json" else Lines()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalLines(formatter) if is_journal(os.environ, 2) else formatter)
    handlers: list[logging.Handler] = [handler]
    if settings.log_forward is not None:
        sender = SyslogSender(
            settings.log_forward, Egress(settings.egress_allow), Trust(settings.ca_files), SystemClock()
        )
        handlers.append(SyslogHandler(sender))
    for one in handlers:
        one.addFilter(_noted)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(logging.WARNING)
    logging.getLogger("appliance").setLevel(settings.log_level.upper())


def is_journal(environ: Mapping[str, str], stream: int) -> bool:
    """Whether a stream goes to the journal, by the device and inode that systemd tells of it."""
    try:
        found = os.fstat(stream)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def severity(level: int) -> int:
    """Of syslog and the journal, 0 to 7."""
    return next((_SEVERITIES[known] for known in sorted(_SEVERITIES, reverse=True) if level >= known), 7)


def _noted(record: logging.LogRecord) -> bool:
    """Keeps with the record what its thread works on; every record passes."""
    record.about = current()
    return True


def _about(record: logging.LogRecord) -> About | None:
    found: About | None = getattr(record, "about", None)
    return found
