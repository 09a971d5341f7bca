"""What strict simulators of REST interfaces share: a server, refusals, and rows held to a description."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.transport.servers import Exchange, Server, serving

Query = dict[str, list[str]]


@dataclass
class Asked:
    """A request as the simulator sees it."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]


@dataclass
class Answer:
    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Answered instead of rows."""

    def __init__(self, status: int, content: Any = None, **headers: str) -> None:
        super().__init__(status)
        self.answer = Answer(content, status, headers)


class Simulator(Protocol):
    url: str

    def answer(self, asked: Asked) -> Answer: ...


@contextmanager
def running(simulator: Simulator, base: str) -> Iterator[Server]:
    """Serve the simulator below the path `base`; its `url` is set to that."""
    one_at_a_time = threading.Lock()

    def reply(exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        path = parts.path.removeprefix(base)
        asked = Asked(exchange.command, path, query, exchange.headers, exchange.body)
        with one_at_a_time:
            try:
                if not parts.path.startswith(base):
                    raise Refused(404, {"error": "no such path"})
                given = simulator.answer(asked)
            except Refused as refused:
                given = refused.answer
        body = b"" if given.content is None else json.dumps(given.content).encode()
        headers = {name.replace("-", "_"): value for name, value in given.headers.items()}
        exchange.reply(given.status, body, Content_Type="application/json", **headers)

    with serving(reply) as server:
        simulator.url = server.url + base
        yield server


def assert_described(value: Any, described: Any, where: str) -> None:
    """A row of a test has only members and values that the description of the interface knows."""
    match described:
        case dict():
            if value is None:
                return
            assert isinstance(value, dict), where
            for name, inner in value.items():
                assert name in described, f"{where} has no {name!r}"
                assert_described(inner, described[name], f"{where}.{name}")
        case [dict() | str() as item] if len(described) == 1:
            for inner in value or []:
                assert_described(inner, item, f"{where}[]")
        case [*values] if value is not None:
            assert value in values, f"{where}: {value!r}"
        case "integer":
            assert value is None or type(value) is int, where
        case "time":
            assert value is None or (value[10] == "T" and value.endswith("Z")), where
