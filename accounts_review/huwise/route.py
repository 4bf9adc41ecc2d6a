"""The way to a workspace: through which proxy, and whose certificates are trusted. The environment has no say in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from accounts_review.huwise import deadline
from accounts_review.huwise.private import ANYWHERE, Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``proxy`` is its address, "" for none; ``authorities`` are certificates (PEM) trusted beside the usual ones.

    ``reach`` is where it may lead. Plain http, which only a loopback address may speak, goes straight there.
    """

    proxy: str = field(default="", repr=False)
    authorities: str = ""
    reach: Reach = ANYWHERE

    def leads_through_proxy(self, base: httpx.URL) -> bool:
        return bool(self.proxy) and base.scheme == "https"

    def transport(self, base: httpx.URL) -> httpx.BaseTransport:
        """Connections to that address. Raises ``ValueError`` where the route may not lead there."""
        if not self.reach.allows_host(base.host):
            raise ValueError(
                f"{base.host} is in a private network; the portal goes there only with HUWISE_PRIVATE_NETWORKS=true"
            )
        trusted = httpx.create_ssl_context(trust_env=False)
        if self.authorities:
            trusted.load_verify_locations(cadata=self.authorities)
        if self.leads_through_proxy(base):
            is_secure = self.proxy.startswith("https:")
            proxy = httpx.Proxy(self.proxy, ssl_context=trusted if is_secure else None)
            return deadline.transport(verify=trusted, proxy=proxy)
        return deadline.transport(verify=trusted, reach=self.reach)


class Passage:
    """Watches one request on its way through a proxy; until it is through, nothing that fails is the workspace's."""

    def __init__(self) -> None:
        self.is_through = False

    def __call__(self, event: str, details: dict[str, Any]) -> None:
        asks = event == "http11.send_request_headers.started" and details["request"].method != b"CONNECT"
        if asks or event == "proxy.start_tls.started":
            self.is_through = True
