"""What a source can do wrong while it is read, and what comes of it. docs/faults.md tells it to people.

Every fault strikes the second of three pages of vendors, or the way to the source as a whole. Purchase orders are
read after the vendors.
"""

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.support.depot import Asked, Depot, answer
from tests.transport.authority import Authority
from tests.transport.servers import Exchange

HALF = b'{"rows": [{"id": "V05", "name": "V05"}, {"id": "V0'
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
TOO_LARGE = 2_000_000
"""Bytes, more than the appliance of these tests takes."""

Strike = Callable[[Depot], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """`name` stands in docs/faults.md, with `code`. Without a code the run completes, and everything is stored.

    `says` is the part of the message that tells what to do. `pages` is how many pages of vendors are stored.
    `everything`: the purchase orders fail as well. `waits` is the least that is waited, seconds; `planned` how long
    the entity then rests at least.
    """

    name: str
    strike: Strike
    code: str | None = None
    says: str = ""
    pages: int = 1
    everything: bool = False
    offline: bool = False
    waits: float = 0
    planned: float = 0


def second_page(misbehave: Callable[[Exchange], None], *, times: int = 10**6) -> Strike:
    """The second page of vendors is answered so, the first `times`."""

    def strike(depot: Depot, exchange: Exchange, asked: Asked) -> bool:
        struck = asked.path == "vendors" and asked.page == 2 and asked.times <= times
        if struck:
            misbehave(exchange)
        return struck

    return lambda depot: depot.misbehaving(strike)


def status(code: int, *, times: int = 10**6, **headers: str) -> Strike:
    return second_page(
        lambda it: answer(it, {"message": "a word of the source"}, code, **headers), times=times
    )


def body(content: bytes, **headers: str) -> Strike:
    return second_page(lambda it: answer(it, content, **headers))


def cut_off(exchange: Exchange) -> None:
    """Half an answer, then the connection ends."""
    exchange.reply(200, HALF, Content_Length="1000", Content_Type="application/json")
    exchange.close_connection = True


def stopping(depot: Depot) -> AbstractContextManager[None]:
    """Half an answer, then nothing for as long as the fault lasts."""

    def stop(exchange: Exchange) -> None:
        exchange.reply(200, HALF, Content_Length="1000", Content_Type="application/json")
        depot.over.wait(10)
        exchange.close_connection = True

    return second_page(stop)(depot)


def pages(choose: Callable[[int], int]) -> Strike:
    """Vendors are answered with another page than the one that was asked for. At sixty pages it is over."""

    def strike(depot: Depot, exchange: Exchange, asked: Asked) -> bool:
        if asked.path != "vendors":
            return False
        rows = depot.page("vendors", choose(asked.page))
        answer(exchange, {"rows": rows}, 200 if asked.page < 60 else 418)
        return True

    return lambda depot: depot.misbehaving(strike)


def shifted(depot: Depot) -> AbstractContextManager[None]:
    """From the second page on each page begins one row too early, as after an insertion into a page before."""

    def strike(depot: Depot, exchange: Exchange, asked: Asked) -> bool:
        if asked.path != "vendors" or asked.page == 1:
            return False
        everything = [row for _, row in sorted(depot.rows["vendors"].items())]
        begins = (asked.page - 1) * 4 - 1
        answer(exchange, {"rows": everything[begins : begins + 4]})
        return True

    return depot.misbehaving(strike)


def forgets_session(depot: Depot, *, always: bool = False) -> AbstractContextManager[None]:
    """The session ends before the second page of vendors; `always`: a new one is no good either."""

    def strike(depot: Depot, exchange: Exchange, asked: Asked) -> bool:
        if asked.path == "vendors" and asked.page == 2 and (always or asked.times == 1):
            depot.sessions.clear()
        return False

    return depot.misbehaving(strike)


def mislabeled(depot: Depot) -> AbstractContextManager[None]:
    """Good rows that are called a web page."""

    def strike(depot: Depot, exchange: Exchange, asked: Asked) -> bool:
        answer(exchange, {"rows": depot.page(asked.path, asked.page)}, Content_Type="text/html")
        return True

    return depot.misbehaving(strike)


@contextmanager
def without_name(depot: Depot) -> Iterator[None]:
    """A stand-in for a name server that does not know the name, which no test can have at hand."""

    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.transport.stages.socket.getaddrinfo", unknown)
        yield


def of_another_authority(depot: Depot) -> AbstractContextManager[None]:
    other = Authority(depot.authority.ca_file.parent, "Another CA")
    return depot.certified(other.issue("localhost"))


def expired(depot: Depot) -> AbstractContextManager[None]:
    return depot.certified(depot.authority.issue("localhost", lasts=timedelta(days=-1)))


DONE = 3  # pages of vendors

FAULTS = [
    Fault("429 with Retry-After", status(429, times=1, Retry_After="30"), pages=DONE, waits=30),
    Fault("429 without Retry-After", status(429, times=1), pages=DONE),
    Fault("429 for ever", status(429), "SOURCE_THROTTLED", "Let other programs"),
    Fault(
        "429 with a Retry-After of an hour",
        status(429, Retry_After="3600"),
        "SOURCE_THROTTLED",
        "Repeat it then",
        everything=True,
        planned=3600,
    ),
    Fault("500 once", status(500, times=1), pages=DONE),
    Fault("500 for ever", status(500), "SOURCE_ERROR", "Look into the log of the source"),
    Fault("503 with Retry-After", status(503, times=1, Retry_After="20"), pages=DONE, waits=20),
    Fault("503 without Retry-After", status(503, times=1), pages=DONE),
    Fault("503 for ever", status(503), "SOURCE_UNREACHABLE", "Check that it is up"),
    Fault(
        "stops sending in the middle of a page", stopping, "SOURCE_UNREACHABLE", "The system is overloaded"
    ),
    Fault("connection lost in the middle of a page", second_page(cut_off, times=1), pages=DONE),
    Fault("connection lost again and again", second_page(cut_off), "SOURCE_UNREACHABLE", "Check gateways"),
    Fault("truncated JSON", body(HALF), "SOURCE_ANSWER_INVALID", "Check gateways"),
    Fault("empty body", body(b""), "SOURCE_ANSWER_INVALID", "Check the address"),
    Fault(
        "another kind of content",
        body(b"%PDF-1.7 \xff\xfe", Content_Type="application/pdf"),
        "SOURCE_ANSWER_INVALID",
        "Check",
    ),
    Fault("JSON under another content type", mislabeled, pages=DONE),
    Fault("XML instead of JSON", body(b"<rows/>"), "SOURCE_ANSWER_INVALID", "Check that the address"),
    Fault(
        "login page as 200",
        body(LOGIN_PAGE, Content_Type="text/html"),
        "SOURCE_ANSWER_INVALID",
        "Check the address: a login page",
    ),
    Fault("session ends in the middle of a pass", forgets_session, pages=DONE),
    Fault(
        "session ends at once, again and again",
        lambda depot: forgets_session(depot, always=True),
        "SOURCE_CREDENTIALS_REJECTED",
        "Check user name and password",
    ),
    Fault("rows come again on the next page", shifted, pages=DONE),
    Fault(
        "the same page for ever", pages(lambda page: 1), "SOURCE_ANSWER_INVALID", "Its paging does not work"
    ),
    Fault(
        "two pages in turn for ever",
        pages(lambda page: 2 - page % 2),
        "SOURCE_ANSWER_INVALID",
        "Its paging does not work",
        pages=2,
    ),
    Fault(
        "compressed bomb",
        body(gzip.compress(bytes(TOO_LARGE)), Content_Encoding="gzip"),
        "SOURCE_ANSWER_INVALID",
        "Ask for smaller pages",
    ),
    Fault("oversized answer", body(bytes(TOO_LARGE)), "SOURCE_ANSWER_INVALID", "Ask for smaller pages"),
    Fault(
        "redirect to another host",
        status(302, Location="https://elsewhere.example/sign-in"),
        "SOURCE_ANSWER_INVALID",
        "Enter the final address",
    ),
    Fault(
        "connection refused",
        Depot.closed,
        "SOURCE_UNREACHABLE",
        "Check that the system is running",
        pages=0,
        everything=True,
        offline=True,
    ),
    Fault(
        "name not resolved",
        without_name,
        "SOURCE_UNREACHABLE",
        "Check its spelling and this machine's DNS",
        pages=0,
        everything=True,
        offline=True,
    ),
    Fault(
        "certificate of another authority",
        of_another_authority,
        "SOURCE_CERTIFICATE_REFUSED",
        "Add the certificate of that authority",
        pages=0,
        everything=True,
        offline=True,
    ),
    Fault(
        "expired certificate",
        expired,
        "SOURCE_CERTIFICATE_REFUSED",
        "Have it renewed",
        pages=0,
        everything=True,
        offline=True,
    ),
]
