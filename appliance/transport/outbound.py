"""The site's way out: every client and every staged look at a source, with the site's trust, proxy and policy."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.clock import Clock
from appliance.errors import InvalidInput
from appliance.tally import Tally
from appliance.transport.budget import Budget, BudgetLimits, Budgets
from appliance.transport.certificates import TlsFacts
from appliance.transport.egress import Egress
from appliance.transport.files import Folder, Place, open_folder
from appliance.transport.http import HttpClient, HttpOptions
from appliance.transport.limit_headers import LimitHeaders
from appliance.transport.pools import destination
from appliance.transport.proxy import ProxyRules
from appliance.transport.sql import Login
from appliance.transport.stages import Route, handshake, open_proxy, resolve
from appliance.transport.trust import TlsOptions, Trust


@dataclass(frozen=True, slots=True)
class Terms:
    """How one connection may speak with its source.

    `limits` are those of the connection; `host_limits` those of the host for all connections together, None
    where nothing is known of them. `limit_headers`: how the source tells what is left.
    """

    limits: BudgetLimits = field(default_factory=BudgetLimits)
    host_limits: BudgetLimits | None = None
    limit_headers: LimitHeaders | None = None
    tls: TlsOptions = field(default_factory=TlsOptions)


if TYPE_CHECKING:
    from appliance.transport.files.sftp import SftpFolder
    from appliance.transport.s3 import S3, Bucket
    from appliance.transport.sql.database import Database


class Reach:
    """The way to one address, step by step, for the staged probe. Steps that do not apply give None.

    `certificate` is what the source presented, once `tls` has passed.
    """

    def __init__(self, route: Route, scheme: str, trust: Trust, tls: TlsOptions) -> None:
        self.encrypted = scheme == "https"
        self.certificate: TlsFacts | None = None
        self._route = route
        self._trust = trust
        self._tls = tls

    def resolve(self) -> str | None:
        """Raises SourceUnreachable, EgressRefused."""
        if self._route.proxy is not None:
            return None
        addresses = resolve(self._route.host)
        for address in addresses:
            self._route.egress.check(self._route.host, address)
        return f"{self._route.host} is {', '.join(addresses[:4])}."

    def proxy(self) -> str | None:
        """Raises SourceUnreachable, EgressRefused."""
        route = self._route
        if route.proxy is None:
            return None
        open_proxy(route.proxy, route.egress, route.timeout, route.proxy_tls).close()
        return f"The proxy {route.proxy.host} port {route.proxy.port} answers."

    def connect(self) -> str | None:
        """Raises SourceUnreachable, EgressRefused."""
        route = self._route
        if route.proxy is None:
            route.open().close()
            return f"{route.host} answers on port {route.port}."
        if not self.encrypted:
            # Plain requests are handed to the proxy, which connects by itself.
            return None
        route.open().close()
        return f"The proxy connects to {route.host} port {route.port}."

    def tls(self) -> str | None:
        """Raises CertificateRefused, SourceUnreachable."""
        if not self.encrypted:
            return None
        self.certificate = handshake(self._route, self._trust.client(self._tls))
        return _describe(self.certificate)


class Outbound:
    """Makes clients and reaches. `options` are those of the site; connections to one host know of each other.

    `folders` are those of this machine that files may be read from; `tally` counts the answers of sources.
    """

    def __init__(
        self,
        options: HttpOptions,
        *,
        egress: Egress,
        proxies: ProxyRules,
        trust: Trust,
        clock: Clock,
        folders: Sequence[Path] = (),
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally
        self._options = replace(options, proxies=proxies)
        self._egress = egress
        self._proxies = proxies
        self._trust = trust
        self._clock = clock
        self._folders = tuple(folders)
        self._budgets = Budgets(clock)

    def client(self, base_url: str, connection: str, terms: Terms) -> HttpClient:
        """A client for the source at `base_url`; clients of the same `connection` share its budget.

        Raises InvalidInput when the address is no http(s) address, ConfigurationError for unusable certificates.
        """
        _, host, port = _destination(base_url)
        options = replace(self._options, tls=terms.tls, limit_headers=terms.limit_headers)
        budget = self._budgets.for_connection(f"{host}:{port}", connection, terms.limits, terms.host_limits)
        return HttpClient(
            options,
            egress=self._egress,
            budget=budget,
            clock=self._clock,
            trust=self._trust,
            other_budgets=self._budgets.for_host,
            tally=self._tally,
        )

    def poster(self, seconds: float, answer_bytes: int) -> HttpClient:
        """A client that sends each request once, to whatever host: of an answer it reads so many bytes at most.

        No receiver's limits hold for another, nor for sources. Raises ConfigurationError for unusable certificates.
        """
        options = replace(
            self._options,
            connect_timeout=seconds / 2,
            read_timeout=seconds,
            total_timeout=seconds,
            http_max_bytes=answer_bytes,
            cut=True,
            attempts=1,
            pool_size=16,
        )

        def budget(host: str) -> Budget:
            return Budget(host, BudgetLimits(failures_to_open=0), self._clock)

        return HttpClient(
            options,
            egress=self._egress,
            budget=budget(""),
            clock=self._clock,
            trust=self._trust,
            other_budgets=budget,
        )

    def proxy_answers(self) -> str | None:
        """That the proxy of the site answers, None where there is none. Raises SourceUnreachable, EgressRefused."""
        # A host of the outside: what goes around the proxy is named, or within the plant.
        proxy = self._proxies.for_target("example.com", 443)
        if proxy is None:
            return None
        open_proxy(proxy, self._egress, self._options.connect_timeout, self._trust.client().context).close()
        return f"The proxy {proxy.host} port {proxy.port} answers."

    def is_here(self, host: str) -> bool:
        """Whether a host is this machine itself. Raises EgressRefused where it is known not to be permitted."""
        return self._egress.is_here(host)

    def database(self, login: Login) -> "Database":
        """A database to read. Proxies do not apply: they carry HTTP."""
        from appliance.transport.sql.database import Database

        return Database(login, self._egress, self._trust)

    def folder(self, place: Place) -> Folder:
        """A folder to read files from. Raises ConfigurationError for a place of an unknown kind."""
        return open_folder(place, self._egress, self._folders)

    def sftp(self, place: Place) -> "SftpFolder":
        """A folder of an SFTP server to write to. No traffic yet."""
        from appliance.transport.files.sftp import SftpFolder

        return SftpFolder(place, self._egress)

    def bucket(self, bucket: "Bucket") -> "S3":
        """A bucket of an object store. Raises InvalidInput when its endpoint is no http(s) address."""
        from appliance.transport.s3 import S3

        return S3(bucket, self.client(bucket.endpoint, f"bucket {bucket.name}", Terms()), self._clock)

    def reach(self, base_url: str, tls: TlsOptions) -> Reach:
        """Raises InvalidInput when `base_url` is no http(s) address."""
        scheme, host, port = _destination(base_url)
        route = Route(
            host,
            port,
            self._egress,
            self._options.connect_timeout,
            self._proxies.for_target(host, port),
            self._trust.client().context,
        )
        return Reach(route, scheme, self._trust, tls)


def _destination(base_url: str) -> tuple[str, str, int]:
    try:
        return destination(base_url)
    except ValueError:
        raise InvalidInput(
            f"{base_url[:100]!r} is no address. Write it as https://host.plant.example:8443/path."
        ) from None


def _describe(seen: TlsFacts) -> str:
    return f"{seen.version}, certificate of {seen.subject}, valid until {seen.not_after:%Y-%m-%d}."
