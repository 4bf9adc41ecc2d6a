"""The API of a workspace, answered from memory, so that nothing that is measured waits for it.

    python bench/api.py --accounts 100000 --delay-ms 50

Prints its address. ``POST /change?share=0.001&day=1`` has so many people show use of a later day, and
``POST /delay?ms=50`` every answer come so much later.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import people

BASE = "/api/automation/v1.0"


class BenchWorkspace:
    """Everybody's record, and who holds which right."""

    def __init__(self, shape: people.Shape) -> None:
        self.shape = shape
        self.groups = people.groups()
        self.users = list(people.everyone(shape))
        self.number_of = {people.username(number): number for number in range(shape.accounts)}
        granting = {json.loads(group)["uid"]: json.loads(group)["permissions"] for group in self.groups}
        self.holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, raw in enumerate(self.users):
            user = json.loads(raw)
            through = (right for group in user["groups"] for right in granting[group["uid"]])
            for right in {*user["permissions"], *through}:
                self.holders[right].append(number)

    def change(self, *, share: float, day: int) -> int:
        step = max(1, round(1 / share))
        numbers = range(0, self.shape.accounts, step)
        for number in numbers:
            self.users[number] = people.person(self.shape, number, later=day)
        return len(numbers)

    def remove(self, username: str) -> bool:
        number = self.number_of.pop(username, None)
        if number is None:
            return False
        self.users[number] = b""
        return True

    def list(self, query: dict[str, str]) -> tuple[list[bytes], int]:
        """The records of one page, and how many there are in all."""
        start, size = int(query.get("offset", 0)), int(query.get("limit", 100))
        right = query.get("all_permissions")
        if right is None:
            return [raw for raw in self.users[start : start + size] if raw], len(self.number_of)
        holders = self.holders[right]
        return [self.users[number] for number in holders[start : start + size]], len(holders)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    workspace: BenchWorkspace
    delay: float

    def do_GET(self) -> None:
        time.sleep(self.delay)
        where = urlsplit(self.path)
        query, path = dict(parse_qsl(where.query)), where.path.removeprefix(BASE)
        match path.strip("/").split("/"):
            case ["users"]:
                self._answer_list(*self.workspace.list(query))
            case ["users", name]:
                number = self.workspace.number_of.get(name)
                user = b"" if number is None else self.workspace.users[number]
                self._answer(200 if user else 404, user or b"{}")
            case ["groups"]:
                self._answer_list(self.workspace.groups, len(self.workspace.groups))
            case ["apikeys"]:
                owner = json.dumps({"user": {"username": people.username(0)}}).encode()
                self._answer_list([owner], 1)
            case _:
                self._answer(404, b"{}")

    def do_POST(self) -> None:
        where = urlsplit(self.path)
        query = dict(parse_qsl(where.query))
        if where.path == "/delay":
            Handler.delay = float(query["ms"]) / 1000
            self._answer(200, b"{}")
            return
        changed = self.workspace.change(share=float(query["share"]), day=int(query["day"]))
        self._answer(200, json.dumps({"changed": changed}).encode())

    def do_DELETE(self) -> None:
        time.sleep(self.delay)
        was_there = self.workspace.remove(self.path.strip("/").rpartition("/")[2])
        self._answer(204 if was_there else 404, b"")

    def _answer_list(self, records: list[bytes], total: int) -> None:
        self._answer(200, b'{"total_count": %d, "next": null, "results": [%b]}' % (total, b",".join(records)))

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} .\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\n"
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def log_message(self, *args: object) -> None:
        """Nothing: whoever measures reads standard output."""


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    people.Shape.add_to(cli)
    cli.add_argument("--delay-ms", type=float, default=0)
    options = cli.parse_args()
    Handler.workspace, Handler.delay = BenchWorkspace(people.Shape.of(options)), options.delay_ms / 1000
    # With five, the usual, one of eight who connect at once may wait for a second.
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
