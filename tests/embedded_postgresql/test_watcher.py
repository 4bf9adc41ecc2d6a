"""The embedded database leaves with the last process that uses it, however that one goes, and not before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.run import folder_of_run

pytestmark = pytest.mark.slow(reason="each starts and ends a PostgreSQL and the processes that use it")

ROOT = Path(__file__).parent.parent.parent
USE = """import sys; from pathlib import Path; from cleanup_portal.embedded_postgresql import base
base._join(Path(sys.argv[1]))
print("joined", flush=True)
sys.stdin.read()"""

User = subprocess.Popen[str]


@pytest.fixture(scope="module")
def database() -> Path:
    folder = folder_of_run("watched") / "postgresql"
    folder.mkdir()
    return folder


@pytest.fixture
def join(database: Path) -> Iterator[Callable[[], User]]:
    """Starts a process that uses the database until its standard input ends."""
    users: list[User] = []

    def start() -> User:
        command = [sys.executable, "-c", USE, str(database)]
        user = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        users.append(user)
        assert user.stdout
        assert user.stdout.readline() == "joined\n"
        return user

    yield start
    for user in users:
        user.kill()
        user.communicate()
    wait_until_all_are_gone(database)


def of(database: Path) -> list[psutil.Process]:
    """The server and its watcher, where they run."""
    commands = ((process, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [process for process, command in commands if str(database) in command and USE not in command]


def wait_until_all_are_gone(database: Path) -> None:
    _, alive = psutil.wait_procs(of(database), timeout=60)
    assert alive == []


def kill(user: User) -> None:
    user.send_signal(signal.SIGKILL)
    user.wait()


def leave(user: User) -> None:
    user.communicate()
    assert user.returncode == 0


def test_who_leaves_last_leaves_nothing_behind(join: Callable[[], User], database: Path) -> None:
    first, second = join(), join()
    leave(first)
    assert len(of(database)) == 2
    leave(second)
    assert of(database) == []


def test_it_stops_though_everybody_was_killed(join: Callable[[], User], database: Path) -> None:
    for user in (join(), join()):
        kill(user)
    wait_until_all_are_gone(database)


def test_it_goes_on_as_long_as_anybody_uses_it(join: Callable[[], User], database: Path) -> None:
    first, second = join(), join()
    kill(first)
    _, alive = psutil.wait_procs(of(database), timeout=1)
    assert len(alive) == 2
    leave(second)
    assert of(database) == []


def test_whoever_comes_while_it_stops_finds_it_running(join: Callable[[], User], database: Path) -> None:
    for _ in range(3):
        kill(join())
    last = join()
    kill(last)
    wait_until_all_are_gone(database)


def test_a_watcher_that_was_killed_is_replaced_by_the_next_who_comes(join: Callable[[], User], database: Path) -> None:
    first = join()
    (watcher,) = [process for process in of(database) if "-I" in process.cmdline()]
    watcher.kill()
    watcher.wait(60)
    kill(join())
    kill(first)
    wait_until_all_are_gone(database)


def test_ctrl_c_in_the_terminal_does_not_reach_it(join: Callable[[], User], database: Path) -> None:
    join()
    groups = [os.getpgid(process.pid) for process in of(database)]
    assert len(groups) == 2
    assert os.getpgid(0) not in groups
