"""What the tests of the client share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from accounts_review.huwise import Client

KEY = "s3cr3t-4p1-k3y"
URL = "https://data.example.org"

Handler = Callable[[httpx.Request], httpx.Response]


class PreparedWorkspace:
    """A real client whose wire ends in prepared answers; the last one is given again and again."""

    def __init__(self, *answers: httpx.Response | Exception | Handler, patience: float = 60.0) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []
        self.client = Client(
            url=URL,
            api_key=KEY,
            transport=httpx.MockTransport(self._answer),
            backoff=0.0,
            attempts=4,
            patience=patience,
        )

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.requests]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def listing(*results: Any, total: Any = None, **more: Any) -> httpx.Response:
    count = len(results) if total is None else total
    return httpx.Response(200, json={"total_count": count, "next": None, "previous": None, "results": results, **more})


def raw_page(body: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=body, headers=headers)


def not_found() -> httpx.Response:
    return httpx.Response(404, json={"error_code": "not_found", "message": "Not found."})


class CutOff(httpx.SyncByteStream):
    """A body that breaks off before its end."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"total_count": 1, "resu'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def cut(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=CutOff())


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
