"""``python -m huwise_sandbox``: serve a pretend workspace until told to stop.

The first line on standard output is ``sandbox http://HOST:PORT``.
"""

import argparse
import ipaddress
import os
import signal
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from . import clock, population
from .records import Snapshot
from .server import SandboxServer
from .site import SandboxSite
from .state_file import StateFile

DEFAULT_KEY = "sandbox-key"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; returns after SIGTERM or SIGINT."""
    options = parser().parse_args(arguments)
    clock.follow(options.days_ahead)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state_file = StateFile(options.state) if options.state else None
    site = SandboxSite(_snapshot(options, state_file), state_file)
    site.save()
    host = "0.0.0.0" if options.every_address else options.host  # noqa: S104 (asked for)
    with SandboxServer(site, host=host, port=options.port) as server:
        print(f"sandbox {server.url}", flush=True)
        stop.wait()
    site.save(at_once=True)


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    cli = argparse.ArgumentParser(prog="huwise_sandbox", description=__doc__)
    cli.add_argument("--host", type=_loopback, default="127.0.0.1")
    cli.add_argument(
        "--every-address",
        action="store_true",
        help="listen beyond loopback, in a container",
    )
    cli.add_argument("--port", type=int, default=0, help="0, or if taken: a free one")
    cli.add_argument("--accounts", type=int, default=3000)
    cli.add_argument("--seed", type=int, default=7)
    cli.add_argument(
        "--as-of",
        type=_instant,
        default=datetime.now(UTC),
        help="the present from which the population's past is drawn",
    )
    cli.add_argument(
        "--api-key",
        default=os.environ.get("SANDBOX_API_KEY") or DEFAULT_KEY,
        help="default: the variable SANDBOX_API_KEY, else %(default)s",
    )
    cli.add_argument("--state", type=Path, help="load this file if it is there, and keep it current")
    cli.add_argument(
        "--days-ahead",
        type=Path,
        help="a file with the number of days that the sandbox's clock is ahead",
    )
    cli.add_argument("--fixtures", type=Path, help="serve the users and groups of this file")
    return cli


def _snapshot(options: argparse.Namespace, state_file: StateFile | None) -> Snapshot:
    snapshot = state_file.load() if state_file else None
    if snapshot is None:
        snapshot = _new(options)
    population.grant_service_key(snapshot, options.api_key)
    return snapshot


def _new(options: argparse.Namespace) -> Snapshot:
    if options.fixtures:
        return population.from_fixtures(options.fixtures)
    return population.generate(accounts=options.accounts, seed=options.seed, as_of=options.as_of)


def _loopback(text: str) -> str:
    host = "127.0.0.1" if text == "localhost" else text
    if not ipaddress.ip_address(host).is_loopback:
        raise argparse.ArgumentTypeError("the sandbox listens on loopback only")
    return host


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("an offset is required, for example +00:00")
    return moment


if __name__ == "__main__":
    main()
