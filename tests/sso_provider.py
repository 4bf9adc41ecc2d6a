"""A real OpenID Connect provider in a process of its own, and a browser without scripts that signs in there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from threading import Thread
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from django.test import Client

from tests.run import unused_port


@dataclass(frozen=True, slots=True)
class OIDCProvider:
    """The provider at ``issuer``; ``say`` sets what it tells of somebody from now on."""

    issuer: str

    def say(self, sub: str, **claims: Any) -> None:
        address = f"{self.issuer}/users/{quote(sub, safe='')}"
        requests.put(address, json=claims, timeout=10).raise_for_status()

    def settings(self, name: str = "entra", **known: Any) -> dict[str, Any]:
        """As ``cleanup_portal.oidc.providers`` describes it."""
        what = {"server_url": self.issuer, "scope": ["openid", "profile", "email"], "oauth_pkce_enabled": True}
        what |= {"verified_domains": [], "groups_claim": "groups", "roles": {}}
        about = {"provider_id": name, "name": name.capitalize(), "client_id": "portal", "secret": "a secret of theirs"}
        return about | {"settings": what | known}

    def answer(self, page: Any, sub: str) -> str:
        """Sign in over there as somebody, from the portal's page that leads there; returns the way back."""
        to = unescape(re.findall(r'url=(http[^"]+)"', page.content.decode())[0])
        answer = requests.post(to, data={"sub": sub}, allow_redirects=False, timeout=10)
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


def sign_in_by(provider: OIDCProvider, client: Client, sub: str, *, name: str = "entra", **fields: str) -> Any:
    """Press the provider's button, sign in over there, and come back."""
    page = client.post(f"/accounts/oidc/{name}/login/", fields)
    assert page.status_code == 200, page.status_code
    return client.get(provider.answer(page, sub))


@contextmanager
def running_provider() -> Iterator[OIDCProvider]:
    """A provider that runs until the block ends."""
    port = unused_port()
    words = ["-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(port), "--user-claims"]
    process = subprocess.Popen(
        [sys.executable, *words, json.dumps({"sub": "nobody"})],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Uvicorn running" in line:
            break
    # What it goes on to say must not fill the pipe.
    rest = Thread(target=deque, args=(process.stdout, 0))
    rest.start()
    try:
        yield OIDCProvider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=30)
        rest.join()
        process.stdout.close()
