"""urllib3 connections that take the steps of the staged probe, and the requests adapter that uses them."""

import ssl
import threading
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from appliance.transport.deadline import Deadline, bind
from appliance.transport.egress import Egress
from appliance.transport.messages import Pin
from appliance.transport.proxy import Proxy, ProxyRules
from appliance.transport.stages import Route, dial, open_proxy, open_tls
from appliance.transport.trust import ClientTls


def _pool_classes(
    egress: Egress, deadline: Deadline, tls: ClientTls, proxy: Proxy | None, proxy_tls: ssl.SSLContext
) -> dict[str, type[HTTPConnectionPool]]:
    """Pools by scheme. urllib3 makes connections from classes, so the policy is bound to classes."""

    class PlainConnection(HTTPConnection):
        def connect(self) -> None:
            timeout = _seconds(self.timeout)
            if self.proxy is not None and proxy is not None:
                self.sock = open_proxy(proxy, egress, timeout, proxy_tls)
            else:
                self.sock = dial(self.host, self.port, egress, timeout)
            bind(self.sock, deadline)
            self._has_connected_to_proxy = bool(self.proxy)

    class TlsConnection(HTTPSConnection):
        def connect(self) -> None:
            timeout = _seconds(self.timeout)
            if self._tunnel_host is not None:
                route = Route(self._tunnel_host, self._tunnel_port or 443, egress, timeout, proxy, proxy_tls)
                self.sock = open_tls(route, tls)
            elif self.proxy is not None and proxy is not None:
                self.sock = open_proxy(proxy, egress, timeout, proxy_tls)
            else:
                self.sock = open_tls(Route(self.host, self.port, egress, timeout), tls)
            bind(self.sock, deadline)
            self._has_connected_to_proxy = bool(self.proxy)
            # Verified as far as the connection's options ask for it; the client logs once when they do not.
            self.is_verified = True

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}


def _seconds(timeout: Any) -> float:
    return float(timeout) if isinstance(timeout, int | float) else 10.0


class PinnedRequest(PreparedRequest):
    """A prepared request that knows over which connection it goes; None: over any."""

    def __init__(self, pin: Pin | None) -> None:
        super().__init__()
        self.pin = pin


class GuardedAdapter(HTTPAdapter):
    """Leaves all trust to `tls`: nothing of requests' own certificate handling takes part."""

    def __init__(
        self,
        *,
        egress: Egress,
        deadline: Deadline,
        tls: ClientTls,
        proxies: ProxyRules,
        proxy_tls: ssl.SSLContext,
        pool_size: int,
    ) -> None:
        self._egress = egress
        self._deadline = deadline
        self._tls = tls
        self._proxies = proxies
        self._proxy_tls = proxy_tls
        self._pool_size = pool_size
        self._managers: dict[Proxy | None, PoolManager] = {}
        self._pinned: WeakKeyDictionary[Pin, PoolManager] = WeakKeyDictionary()
        self._making = threading.Lock()
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size)
        self.max_retries = Retry(False)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block)
        self.poolmanager.pool_classes_by_scheme = self._classes(None)

    def _classes(self, proxy: Proxy | None) -> dict[str, type[HTTPConnectionPool]]:
        return _pool_classes(self._egress, self._deadline, self._tls, proxy, self._proxy_tls)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        scheme, host, port = destination(str(request.url))
        proxy = self._proxies.for_target(host, port)
        if proxy is not None:
            self._egress.check_name(host)
        pin = request.pin if isinstance(request, PinnedRequest) else None
        manager = self.poolmanager if proxy is None and pin is None else self._manager(proxy, pin)
        pool: HTTPConnectionPool = manager.connection_from_host(host, port, scheme)
        return pool

    def _manager(self, proxy: Proxy | None, pin: Pin | None) -> PoolManager:
        with self._making:
            manager = self._managers.get(proxy) if pin is None else self._pinned.get(pin)
            if manager is None:
                manager = self._make_manager(proxy, pin)
        return manager

    def _make_manager(self, proxy: Proxy | None, pin: Pin | None) -> PoolManager:
        # A pin's pool keeps one connection, and the pin's holder sends one request at a time.
        size = 1 if pin is not None else self._pool_size
        manager: PoolManager
        if proxy is None:
            manager = PoolManager(num_pools=1, maxsize=size)
        else:
            manager = ProxyManager(
                proxy.origin,
                maxsize=size,
                proxy_headers=proxy.headers(),
                proxy_ssl_context=self._proxy_tls,
            )
        manager.pool_classes_by_scheme = self._classes(proxy)
        if pin is None:
            self._managers[proxy] = manager
        else:
            self._pinned[pin] = manager
        return manager

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """The request target: absolute for a plain request through a proxy, else path and query."""
        scheme, host, port = destination(str(request.url))
        if scheme == "http" and self._proxies.for_target(host, port) is not None:
            return str(request.url).partition("#")[0]
        return request.path_url

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        return

    def close(self) -> None:
        self.poolmanager.clear()
        with self._making:
            kept = [*self._managers.values(), *self._pinned.values()]
        for manager in kept:
            manager.clear()


def destination(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute http(s) URL. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http or https URL")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
