"""The one HTTP client: trust, proxy, egress policy, budget, limits and retries around `requests`."""

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict

from appliance.clock import Clock
from appliance.errors import InvalidInput, SourceAnswerInvalid, SourceThrottled, SourceUnreachable
from appliance.tally import Tally
from appliance.transport.budget import Budget
from appliance.transport.deadline import Deadline
from appliance.transport.egress import Egress
from appliance.transport.errors import CircuitOpen, RequestStopped
from appliance.transport.failures import translated
from appliance.transport.limit_headers import LimitHeaders, used_up
from appliance.transport.messages import Request, Response, loggable
from appliance.transport.pools import GuardedAdapter, PinnedRequest, destination
from appliance.transport.proxy import ProxyRules
from appliance.transport.retry import backoff, may_pass, retry_after
from appliance.transport.trust import TlsOptions, Trust

__all__ = ["Counters", "HttpClient", "HttpOptions", "Request", "Response"]

log = logging.getLogger(__name__)

_CHUNK = 256 * 1024

# A source that asks for more than an hour is asked again after one: its clock or its header may be wrong.
_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """One connection's way of speaking HTTP. Times in seconds.

    `total_timeout` is for one exchange, from connecting to the last byte; waits between attempts come on top.
    `http_max_bytes` limits the answer after decompression; with `cut`, what is longer is left unread and no failure.
    `retry_after_max`: a source that asks for a longer
    wait than this ends the call with SourceThrottled. `limit_headers`: how the source tells what is left of
    its call limit.
    """

    tls: TlsOptions = field(default_factory=TlsOptions)
    proxies: ProxyRules = field(default_factory=ProxyRules)
    headers: tuple[tuple[str, str], ...] = (("User-Agent", "appliance"), ("Accept", "*/*"))
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float = 300.0
    http_max_bytes: int = 64 * 1024 * 1024
    cut: bool = False
    attempts: int = 4
    backoff_base: float = 0.5
    backoff_max: float = 30.0
    retry_after_max: float = 120.0
    pool_size: int = 8
    limit_headers: LimitHeaders | None = None


@dataclass(slots=True)
class Counters:
    """`requests`: exchanges, each attempt counted; `bytes_received`: bodies after decompression."""

    requests: int = 0
    bytes_received: int = 0
    seconds_waiting: float = 0.0


class HttpClient:
    """One per connection, for all its threads. Keeps sockets and cookies; never follows redirects."""

    def __init__(
        self,
        options: HttpOptions,
        *,
        egress: Egress,
        budget: Budget,
        clock: Clock,
        trust: Trust | None = None,
        other_budgets: Callable[[str], Budget] | None = None,
        tally: Tally | None = None,
    ) -> None:
        """`trust` is the site's; without it the system's certificates count. Raises ConfigurationError.

        `other_budgets` gives the budget of a `host:port` other than that of `budget`, such as the one where
        tokens are issued; without it all calls count in `budget`. `tally` counts answers and waits of all clients.
        """
        self._tally = tally or Tally()
        trust = trust or Trust()
        self._options = options
        self._budget = budget
        self._other_budgets = other_budgets
        self._clock = clock
        self._deadline = Deadline(clock)
        self._counters = Counters()
        self._lock = threading.Lock()
        self._adapter = GuardedAdapter(
            egress=egress,
            deadline=self._deadline,
            tls=trust.client(options.tls),
            proxies=options.proxies,
            proxy_tls=trust.client().context,
            pool_size=options.pool_size,
        )
        self._cookies = RequestsCookieJar()
        self._headers = {"Accept-Encoding": "gzip, deflate", **dict(options.headers)}
        # At debug level urllib3 writes whole paths with their query, where some systems want the key.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)
        if not options.tls.verify and not options.tls.pins:
            log.warning("Certificates of %s are not verified", budget.host)

    @property
    def counters(self) -> Counters:
        """A copy of the counts so far."""
        with self._lock:
            return replace(self._counters)

    def clear_cookies(self) -> None:
        self._cookies.clear()

    def close(self) -> None:
        """Close the kept connections; the client stays usable."""
        self._adapter.close()

    def send(
        self, request: Request, *, interactive: bool = False, stop: threading.Event | None = None
    ) -> Response:
        """The answer, whatever its status. Safe requests are repeated on lost connections and 429, 502-504.

        A safe GET is repeated on 500 as well.

        Raises SourceUnreachable (stages other than `read` mean that nothing was sent), SourceThrottled when a
        wait would be too long, SourceAnswerInvalid for a body over the limit or unreadable, EgressRefused,
        RequestStopped when `stop` is set (noticed in waits at once, in a download every 256 kB), InvalidInput
        for a URL or header that cannot be sent.
        """
        budget = self._budget_for(request)
        attempts = self._options.attempts if request.safe else 1
        attempt = 1
        while True:
            last = attempt >= attempts
            try:
                with budget.slot(interactive, stop) as slot:
                    self._count(waited=slot.waited)
                    response = self._exchange(request, stop)
            except CircuitOpen:
                raise
            except SourceUnreachable as failure:
                if last or not failure.retryable:
                    raise
                delay = self._backoff(attempt)
                log.info("Attempt %d of %s failed: %s", attempt, loggable(request.url), failure.message)
            else:
                self._heed_limit_headers(response, budget)
                if not may_pass(response.status, request.method):
                    return response
                asked = self._heed_retry_after(response, request, budget)
                if last:
                    return response
                delay = max(asked, self._backoff(attempt))
                log.info("Attempt %d of %s: status %d", attempt, loggable(request.url), response.status)
            self._pause(delay, stop)
            attempt += 1

    def _backoff(self, attempt: int) -> float:
        return backoff(attempt, self._options.backoff_base, self._options.backoff_max)

    def _budget_for(self, request: Request) -> Budget:
        if self._other_budgets is None:
            return self._budget
        try:
            _, host, port = destination(request.url)
        except ValueError:
            return self._budget
        place = f"{host.lower().rstrip('.')}:{port}"
        return self._budget if place == self._budget.host else self._other_budgets(place)

    def _heed_limit_headers(self, response: Response, budget: Budget) -> None:
        names = self._options.limit_headers
        if names is None or budget is not self._budget:
            return
        found = used_up(names, response.headers, self._clock.now(), budget.reserve)
        if found is not None:
            moment = self._clock.monotonic() + min(found.seconds, _LONGEST_PAUSE)
            budget.pause_until(moment, background_only=found.background_only)

    def _heed_retry_after(self, response: Response, request: Request, budget: Budget) -> float:
        """Seconds the source asked for, 0.0 when it did not.

        The whole connection waits for them; when the source is not available, all who talk to the host.
        """
        asked = retry_after(response.header("Retry-After"), self._clock.now())
        if asked is None:
            return 0.0
        moment = self._clock.monotonic() + min(asked, _LONGEST_PAUSE)
        budget.pause_until(moment, everyone=response.status != 429)
        if request.safe and asked > self._options.retry_after_max:
            raise SourceThrottled(
                f"{budget.host} asks to wait {asked:.0f} s before the next call. Repeat it then.",
                retry_after=asked,
                details={"host": budget.host, "status": response.status},
            )
        return asked

    def _pause(self, seconds: float, stop: threading.Event | None) -> None:
        began = self._clock.monotonic()
        self._clock.wait(stop or threading.Event(), seconds)
        self._count(waited=self._clock.monotonic() - began)

    def _exchange(self, request: Request, stop: threading.Event | None) -> Response:
        """Send once and read the whole answer."""
        try:
            _, host, port = destination(request.url)
        except ValueError:
            raise InvalidInput(
                "The address is not an http or https URL. Check the connection's address."
            ) from None
        began = self._clock.monotonic()
        self._deadline.at = began + (request.timeout or self._options.total_timeout)
        self._count(requests=1)
        try:
            response = self._transfer(request, host, stop)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            out_of_time = self._clock.monotonic() >= self._deadline.at - 0.01
            failure = translated(error, host, port, self._options.read_timeout, out_of_time)
            self._tally.add("source_responses", "none")
        else:
            response.seconds = self._clock.monotonic() - began
            size = len(response.body)
            self._count(received=size)
            self._tally.add("source_responses", f"{response.status // 100}xx")
            self._tally.timed("source_seconds", response.seconds)
            log.debug(
                "%s %s %d %d bytes %.3f s",
                *(request.method, loggable(request.url), response.status, size, response.seconds),
            )
            return response
        raise failure

    def _transfer(self, request: Request, host: str, stop: threading.Event | None) -> Response:
        # Not through a requests.Session, which reads the environment, costs 50 µs more per request, and reads
        # the body of a redirect without any limit.
        prepared = PinnedRequest(request.pin)
        headers = CaseInsensitiveDict({**self._headers, **request.headers})
        prepared.prepare(
            request.method,
            request.full_url(),
            headers=headers,
            data=request.body,
            cookies=self._cookies if request.cookies else None,
        )
        if request.sign is not None:
            prepared.headers.update(request.sign(request.method, str(prepared.url)))
        left = self._deadline.remaining()
        timeouts = (min(self._options.connect_timeout, left), min(self._options.read_timeout, left))
        raw: urllib3.HTTPResponse = self._adapter.send(prepared, stream=True, timeout=timeouts).raw
        certificate = None
        try:
            if request.pin is not None:
                certificate = _server_certificate(raw)
            extract_cookies_to_jar(self._cookies, prepared, raw)  # type: ignore[no-untyped-call]
            body = self._read(raw, host, stop)
        except BaseException:
            # What is left of the answer must not be taken for the next one.
            raw.close()
            raise
        raw.release_conn()
        cookies = _cookies_set(prepared, raw) if "Set-Cookie" in raw.headers else {}
        return Response(raw.status, raw.headers, body, request.full_url(), 0.0, cookies, certificate)

    def _read(self, raw: urllib3.HTTPResponse, host: str, stop: threading.Event | None) -> bytes:
        """The decompressed body, in pieces so that neither size, time nor a stop is noticed too late."""
        limit = self._options.http_max_bytes
        pieces: list[bytes] = []
        size = 0
        while piece := raw.read(min(_CHUNK, limit + 1), decode_content=True):
            size += len(piece)
            if size > limit and self._options.cut:
                # The rest stays unread, so this connection is of no use to another request.
                raw.close()
                return b"".join([*pieces, piece])[:limit]
            if size > limit:
                raise SourceAnswerInvalid(
                    f"The answer of {host} is larger than {limit} bytes. Ask for smaller pages, or raise "
                    "http.max_bytes in the settings.",
                    details={"host": host, "setting": "http.max_bytes", "limit": limit},
                )
            if stop is not None and stop.is_set():
                raise RequestStopped(f"The download from {host} was stopped.")
            self._deadline.remaining()
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _count(self, *, requests: int = 0, received: int = 0, waited: float = 0.0) -> None:
        with self._lock:
            self._counters.requests += requests
            self._counters.bytes_received += received
            self._counters.seconds_waiting += waited
        if waited:
            self._tally.add("source_wait_seconds", amount=waited)


def _cookies_set(prepared: requests.PreparedRequest, raw: urllib3.HTTPResponse) -> dict[str, str]:
    jar = RequestsCookieJar()
    extract_cookies_to_jar(jar, prepared, raw)  # type: ignore[no-untyped-call]
    return {cookie.name: cookie.value or "" for cookie in jar}


def _server_certificate(raw: urllib3.HTTPResponse) -> bytes | None:
    """DER; None without TLS."""
    sock: Any = getattr(raw.connection, "sock", None)
    if not isinstance(sock, ssl.SSLSocket | urllib3.util.ssltransport.SSLTransport):
        return None
    certificate = sock.getpeercert(binary_form=True)
    return certificate if isinstance(certificate, bytes) else None
