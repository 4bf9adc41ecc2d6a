"""The way to a workspace: through which proxy, and whose certificates are trusted. The environment has no say in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from accounts_review.huwise import deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``proxy`` is its address, "" for none; ``authorities`` are certificates (PEM) trusted beside the usual ones.

    Plain http, which only a loopback address may speak, goes straight there.
    """

    proxy: str = field(default="", repr=False)
    authorities: str = ""

    def leads_through_proxy(self, base: httpx.URL) -> bool:
        return bool(self.proxy) and base.scheme == "https"

    def transport(self, base: httpx.URL) -> httpx.BaseTransport:
        """Connections to that address."""
        trusted = httpx.create_ssl_context(trust_env=False)
        if self.authorities:
            trusted.load_verify_locations(cadata=self.authorities)
        proxy = None
        if self.leads_through_proxy(base):
            is_secure = self.proxy.startswith("https:")
            proxy = httpx.Proxy(self.proxy, ssl_context=trusted if is_secure else None)
        return deadline.transport(verify=trusted, proxy=proxy)


class Passage:
    """Watches one request on its way through a proxy; until it is through, nothing that fails is the workspace's."""

    def __init__(self) -> None:
        self.is_through = False

    def __call__(self, event: str, details: dict[str, Any]) -> None:
        asks = event == "http11.send_request_headers.started" and details["request"].method != b"CONNECT"
        if asks or event == "proxy.start_tls.started":
            self.is_through = True
