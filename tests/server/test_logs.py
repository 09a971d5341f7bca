"""Where log lines go, and what each says."""

import io
import json
import logging
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.log_context import about
from appliance.server import logs
from appliance.server.logs import JournalLines, JsonLines, Lines, SyslogHandler, is_journal
from appliance.transport.egress import Egress
from appliance.transport.syslog import LARGEST_DATAGRAM, MOST_WAITING, Line, SyslogSender, message
from appliance.transport.trust import Trust
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.transport.authority import Authority
from tests.transport.servers import server_context

RFC5424 = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<host>[!-~]+) appliance (?P<pid>\d+) "
    r"(?P<id>[!-~]{1,32}) (?P<data>-|\[[^ ]+(?: \w+=\"(?:[^\"\\\]]|\\.)*\")+\]) \ufeff(?P<text>.*)",
    re.S,
)


def sender(url: str, trust: Trust | None = None) -> SyslogSender:
    return SyslogSender(url, Egress(), trust or Trust(), SystemClock())


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, list[logging.Handler]]]:
    logger = logging.getLogger("appliance.test_logs")
    logger.setLevel("DEBUG")
    logger.propagate = False
    yield logger, logger.handlers
    logger.handlers[:] = []
    logger.propagate = True


def attached(log: tuple[logging.Logger, list[logging.Handler]], handler: logging.Handler) -> logging.Logger:
    handler.addFilter(logs._noted)
    log[1].append(handler)
    return log[0]


def written(log: tuple[logging.Logger, list[logging.Handler]], formatter: logging.Formatter) -> io.StringIO:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    attached(log, handler)
    return stream


class TestLines:
    def test_a_line_names_what_it_is_about_once(self, log) -> None:
        text, as_json = written(log, Lines()), written(log, JsonLines())
        with about("run_id", "run_1"):
            log[0].warning("attempt failed")
            log[0].warning("run run_1 failed")
        log[0].warning("outside")
        assert [line.partition(": ")[2] for line in text.getvalue().splitlines()] == [
            "attempt failed (run_1)",
            "run run_1 failed",
            "outside",
        ]
        told = [json.loads(line).get("run_id") for line in as_json.getvalue().splitlines()]
        assert told == ["run_1", "run_1", None]

    def test_the_journal_is_given_the_severity_of_every_line(self, log) -> None:
        stream = written(log, JournalLines(Lines()))
        log[0].info("fine")
        try:
            raise ValueError("odd")
        except ValueError:
            log[0].exception("failed")
        lines = stream.getvalue().splitlines()
        assert lines[0].startswith("<6>") and len(lines) > 3
        assert all(line.startswith("<3>") for line in lines[1:])

    def test_only_the_journal_itself_gets_severities(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("w") as file:
            found = os.fstat(file.fileno())
            stream = f"{found.st_dev}:{found.st_ino}"
            assert is_journal({"JOURNAL_STREAM": stream}, file.fileno())
            assert not is_journal({"JOURNAL_STREAM": "1:2"}, file.fileno())
            assert not is_journal({}, file.fileno())

    def test_lines_of_a_run_name_it_in_every_thread_of_it(
        self, appliances: Appliances, monkeypatch: pytest.MonkeyPatch, log
    ) -> None:
        stream = written(log, JsonLines())
        appliance = appliances.open(disk_reserve_bytes=1 << 20)
        made = connect_sandbox(appliance).connection
        original = appliance.connectors.open

        def noisy(*given, **named):
            log[0].info("opening in %s", threading.current_thread().name)
            return original(*given, **named)

        monkeypatch.setattr(type(appliance.connectors), "open", lambda self, *a, **k: noisy(*a, **k))
        run_id = appliance.planner.runs.recent(made.id, 1)[0]["id"]
        with about("run_id", run_id):
            work(appliance)
        assert {json.loads(line)["run_id"] for line in stream.getvalue().splitlines()} == {run_id}


class TestSyslog:
    def test_a_line_has_the_form_of_the_standard(self) -> None:
        line = Line(3, 1767600000.5, "appliance.sync", 'two\nlines with "ä"', ("run_id", 'a"]b'))
        match = RFC5424.fullmatch(message(line, "plant-1", 42).decode())
        assert match is not None
        assert (match["pri"], match["at"], match["host"]) == ("27", "2026-01-05T08:00:00.500Z", "plant-1")
        assert match["data"] == r'[appliance@32473 run_id="a\"\]b"]'
        assert match["text"] == 'two\\nlines with "ä"'

    def test_a_long_line_is_cut_between_letters(self) -> None:
        content = message(Line(6, 0, "x", "ä" * 5000), "h", 1, LARGEST_DATAGRAM)
        assert LARGEST_DATAGRAM - 2 <= len(content) <= LARGEST_DATAGRAM
        content.decode()

    def test_over_udp_each_line_is_a_datagram(self, log) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(5)
            handler = SyslogHandler(sender(f"udp://127.0.0.1:{server.getsockname()[1]}"))
            logger = attached(log, handler)
            with about("request_id", "req_1"):
                logger.warning("one %d", 1)
            match = RFC5424.fullmatch(server.recv(4096).decode())
            assert match is not None
            assert match["text"] == "one 1" and 'request_id="req_1"' in match["data"]

    @pytest.mark.parametrize("scheme", ["tcp", "tls"])
    def test_over_a_stream_each_line_has_its_length_before_it(self, scheme: str, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        context = server_context(authority.issue("localhost")) if scheme == "tls" else None
        with Receiver(context) as server:
            sending = sender(f"{scheme}://localhost:{server.port}", Trust([authority.ca_file]))
            for number in range(3):
                sending.put(Line(6, number, "x", f"line {number}"))
            sending.flush()
            texts = [RFC5424.fullmatch(one)["text"] for one in server.take(3)]
            assert texts == ["line 0", "line 1", "line 2"]

    def test_a_certificate_that_is_not_trusted_gets_nothing(self, tmp_path: Path) -> None:
        with Receiver(server_context(Authority(tmp_path).issue("localhost"))) as server:
            sending = sender(f"tls://localhost:{server.port}")
            sending.put(Line(6, 0, "x", "secret plans"))
            sending.flush()
            assert server.received == b""

    def test_while_the_receiver_is_away_nobody_waits_and_the_oldest_are_dropped(self) -> None:
        with Receiver(None) as server:
            port = server.port
        sending = sender(f"tcp://127.0.0.1:{port}")
        for number in range(MOST_WAITING + 50):
            sending.put(Line(6, number, "x", f"line {number}"))
        assert len(sending._waiting) == MOST_WAITING
        with Receiver(None, port) as server:
            taken = server.take(2)
        first, second = (RFC5424.fullmatch(one)["text"] for one in taken)
        assert first == "line 50"
        assert "50 lines were dropped" in second

    def test_a_destination_that_the_policy_refuses_gets_nothing(self) -> None:
        with Receiver(None) as server:
            sending = SyslogSender(
                f"tcp://127.0.0.1:{server.port}", Egress(["10.0.0.0/8"]), Trust(), SystemClock()
            )
            sending.put(Line(6, 0, "x", "line"))
            sending.flush()
            assert server.received == b""


class Receiver:
    """A syslog server on loopback that takes what comes."""

    def __init__(self, context: ssl.SSLContext | None, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._context = context
        self.port: int = self._listener.getsockname()[1]
        self.received = b""
        self._came = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *failure: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
                if self._context is not None:
                    stream = self._context.wrap_socket(stream, server_side=True)
                while content := stream.recv(65536):
                    with self._came:
                        self.received += content
                        self._came.notify_all()
            except ssl.SSLError:
                continue
            except OSError:
                return

    def take(self, count: int) -> list[str]:
        with self._came:
            assert self._came.wait_for(lambda: len(self._messages()) >= count, 15)
            return self._messages()[:count]

    def _messages(self) -> list[str]:
        found, rest = [], self.received
        while (head := rest.partition(b" "))[1] and len(head[2]) >= int(head[0]):
            found.append(head[2][: int(head[0])].decode())
            rest = head[2][int(head[0]) :]
        return found
