"""``manage.py worker``: any of its processes may be killed; it ends as one, leaves nothing behind, and starts anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from accounts_review.management.commands.worker import NICENESS, UNCLEAN
from tests.run import folder_of_run

ROOT = Path(__file__).parent.parent.parent
CHILDREN = 5
"""The sentinel, and below it two workers, the monitor and the pusher."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="each starts and ends a cluster of six processes"),
    pytest.mark.xdist_group("worker"),
]


@pytest.fixture(scope="module")
def data() -> Iterator[dict[str, str]]:
    """An environment with a database of its own, which one process keeps running throughout."""
    folder = folder_of_run("worker")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    env |= {"DATA_DIR": str(folder), "WORKERS": "2"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=env, check=True)
    keeper = [
        *manage,
        "shell",
        "-c",
        "import sys; from django.db import connection as c; c.connect(); sys.stdin.read()",
    ]
    with subprocess.Popen(keeper, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield env
        process.terminate()


@pytest.fixture
def worker(data: dict[str, str]) -> Iterator[psutil.Popen]:
    with psutil.Popen([sys.executable, str(ROOT / "manage.py"), "worker"], env=data, start_new_session=True) as process:
        wait_for(lambda: len(process.children(recursive=True)) == CHILDREN, seconds=60)
        yield process
        if process.poll() is None:
            process.kill()


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill(process: psutil.Popen) -> None:
    if process.poll() is None:
        process.kill()


def members(worker: psutil.Popen) -> list[psutil.Process]:
    """Every process of the cluster in a fixed order: the main one, the sentinel, and the sentinel's four."""
    (sentinel,) = worker.children()
    return [psutil.Process(worker.pid), sentinel, *sorted(sentinel.children(), key=lambda process: process.pid)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("victim", range(CHILDREN + 1))
def test_the_death_of_any_process_ends_all_of_them_within_seconds(worker: psutil.Popen, victim: int) -> None:
    everybody = members(worker)
    everybody[victim].send_signal(signal.SIGKILL)
    assert worker.wait(60) != 0, "so that whoever supervises it starts it anew"
    wait_for(lambda: not alive(everybody), seconds=60)


def test_whoever_waits_for_a_page_goes_first(worker: psutil.Popen) -> None:
    own = psutil.Process().nice()
    assert [each.nice() for each in members(worker)] == [own + NICENESS] * (CHILDREN + 1)
    by_session = Path(f"/proc/{worker.pid}/autogroup")
    if by_session.exists():
        assert by_session.read_text().split()[1:] == ["nice", str(NICENESS)]


@pytest.mark.parametrize("how", ["TERM to the leader", "TERM to all", "Ctrl-C"])
def test_it_stops_cleanly_within_seconds(worker: psutil.Popen, how: str) -> None:
    everybody = members(worker)
    if how == "TERM to the leader":
        worker.terminate()
    else:
        os.killpg(worker.pid, signal.SIGTERM if how == "TERM to all" else signal.SIGINT)
    assert worker.wait(60) == 0
    assert not alive(everybody)


def enqueue(data: dict[str, str], task: str) -> None:
    """Have the worker run one of the troublesome tasks, with a second to do it in."""
    call = f"from django_q.tasks import async_task; async_task('tests.management.troublesome.{task}', timeout=1)"
    subprocess.run([sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", call], env=data, check=True)


def test_a_task_whose_time_is_up_costs_its_own_process_and_no_other(worker: psutil.Popen, data: dict[str, str]) -> None:
    before = set(members(worker))
    enqueue(data, "sleep")
    wait_for(lambda: set(members(worker)) != before and len(members(worker)) == CHILDREN + 1, seconds=60)
    assert len(set(members(worker)) & before) == CHILDREN
    assert worker.poll() is None


@pytest.mark.parametrize("task", ["outstay", "die_while_handing_over"])
def test_a_process_that_may_have_left_the_queue_locked_ends_all_of_them(
    worker: psutil.Popen, data: dict[str, str], task: str
) -> None:
    everybody = members(worker)
    enqueue(data, task)
    assert worker.wait(90) == UNCLEAN
    wait_for(lambda: not alive(everybody), seconds=60)


TOLD_MEANWHILE = """
import os, signal, sys
import django
django.setup()
import django_q.cluster
from django.core.management import call_command
from accounts_review.tasks import schedule

def interrupt(owner, name):
    before = getattr(owner, name)
    def told(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return before(*args, **kwargs)
    setattr(owner, name, told)

interrupt({owner}, {name!r})
call_command("worker")
"""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("schedule", "ensure_schedule"),
        ("django_q.cluster.Cluster", "__init__"),
        ("django_q.cluster.Cluster", "start"),
        ("django_q.cluster", "get_mp_context"),
    ],
)
def test_it_stops_when_told_while_it_still_starts(data: dict[str, str], owner: str, name: str) -> None:
    code = TOLD_MEANWHILE.format(owner=owner, name=name)
    env = data | {"DJANGO_SETTINGS_MODULE": "cleanup_portal.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, timeout=120).returncode == 0


def test_any_command_ends_at_a_sigterm_as_at_an_error(data: dict[str, str]) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", code]
    assert subprocess.run(command, env=data).returncode == 128 + signal.SIGTERM


def test_workers_that_start_together_on_a_fresh_database_agree(tmp_path: Path) -> None:
    """Also who migrates, which compose may start twice as well."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    env |= {"DATA_DIR": str(tmp_path), "WORKERS": "1", "HUWISE_URL": "http://127.0.0.1:9", "HUWISE_API_KEY": "key"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    migrating = [subprocess.Popen([*manage, "migrate", "--verbosity", "0"], env=env) for _ in range(3)]
    assert [process.wait(90) for process in migrating] == [0, 0, 0]
    with ExitStack() as stack:
        workers = [psutil.Popen([*manage, "worker"], env=env, start_new_session=True) for _ in range(3)]
        for process in workers:
            stack.callback(kill, process)
        wait_for(lambda: all(len(process.children(recursive=True)) == CHILDREN - 1 for process in workers), seconds=60)
        count = (
            "from django_q.models import Schedule; from accounts_review.models import Workspace;"
            "from accounts_review.tasks.schedule import SCHEDULE;"
            "print(Schedule.objects.count() - len(SCHEDULE), Workspace.objects.exclude(name='main').count())"
        )
        shell = [*manage, "shell", "-v", "0", "-c", count]
        assert subprocess.run(shell, env=env, capture_output=True, text=True).stdout.split() == ["0", "0"]
        for process in workers:
            process.terminate()
        assert [process.wait(60) for process in workers] == [0, 0, 0]
