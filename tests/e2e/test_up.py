"""``manage.py up``: the whole portal on one command, whatever stands on its port, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.e2e.conftest import AS_LONG_AS_PEOPLE, ROOT, processes_of
from tests.run import folder_of_run, unused_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow(reason=AS_LONG_AS_PEOPLE)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_takes_the_next_free_port_serves_and_stops(number: signal.Signals) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    folder = folder_of_run("up") / "l'été à deux"
    with socket.socket() as squatter:
        port = unused_port()
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        command = ["up", "--port", str(port)]
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env=env | {"DATA_DIR": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        address = process.stdout.readline().split()[1]
    assert address.startswith("http://127.0.0.1:")
    assert not address.endswith(f":{port}")
    with urllib.request.urlopen(f"{address}/health/", timeout=60) as answer:
        assert answer.status == 200
    # As a terminal does: to the whole group.
    os.killpg(process.pid, number)
    assert process.wait(120) == 0
    process.stdout.close()
    assert processes_of(folder) == []


TOLD_MEANWHILE = """
import os, signal
import django
django.setup()
from django.core.management import call_command
from accounts_review.management import portal
from accounts_review.management.commands import up

def tell(then):
    def told(*args, **kwargs):
        answer = then(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGTERM)
        return answer
    return told

portal.{name} = tell(portal.{name})
call_command("up", port={port})
"""


@pytest.mark.parametrize("name", ["prepare", "worker", "wait_until_it_answers"])
def test_told_to_stop_while_it_starts_it_leaves_nothing_behind(name: str) -> None:
    """Before the web server runs, and between its first answer and the supervision."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    folder = folder_of_run("told")
    env |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "cleanup_portal.settings"}
    code = TOLD_MEANWHILE.format(name=name, port=unused_port())
    assert subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, timeout=240).returncode == 0
    assert processes_of(folder) == []
