"""The embedded PostgreSQL: joined by many threads at once, in folders with any name that a file system takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cleanup_portal.embedded_postgresql.configuration import SETTINGS

pytestmark = pytest.mark.slow(reason="each starts a PostgreSQL of its own")

ROOT = Path(__file__).parent.parent.parent

JOIN = """
import threading
import django
django.setup()
from django.db import connection
start, failures = threading.Barrier({threads}), []
def join():
    start.wait()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()
    except BaseException as error:
        failures.append(repr(error))
threads = [threading.Thread(target=join) for _ in range({threads})]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failures)
"""

JOIN_AGAIN = """
import os, signal
from pathlib import Path
import django, psutil
django.setup()
from django.conf import settings
from django.db import connection
def answer():
    with connection.cursor() as cursor:
        return cursor.execute("SELECT 1").fetchone()
answer()
server = psutil.Process(int((settings.DATA_DIR / "postgresql" / "postmaster.pid").read_text().split()[0]))
parts = server.children()
server.kill()
psutil.wait_procs([server, *parts])
connection.close()
print(answer())
"""

ASK_ABOUT_LETTERS = """
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute(
        "SELECT upper('é'), lower('ÉI'), 'é' ILIKE 'É',"
        " (SELECT array_agg(word ORDER BY word) FROM unnest(ARRAY['é', 'adam', 'Zoé', 'É']) word)"
    )
    print(cursor.fetchone())
"""

KEEP_AND_ASK_AGAIN = """
import os, signal
import django
django.setup()
from django.conf import settings
from django.db import connection, connections
def answer():
    with connection.cursor() as cursor:
        return cursor.execute("SELECT 1").fetchone()
answer()
kept = connection.copy()
kept.connect()
connection.close()
os.kill(int((settings.DATA_DIR / "postgresql" / "postmaster.pid").read_text().split()[0]), signal.SIGTERM)
while "stopping" not in (settings.DATA_DIR / "postgresql" / "postmaster.pid").read_text():
    pass
print(answer())
"""

ASK = """
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    print(cursor.execute("SELECT {names}").fetchone())
"""


def join(folder: Path, *, threads: int) -> str:
    """What a fresh process says went wrong when so many of its threads join the server at the same moment."""
    return run(folder, JOIN.format(threads=threads))


def run(folder: Path, code: str, **environment: str) -> str:
    """What a fresh process says, or what ended it."""
    env = os.environ | {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "cleanup_portal.settings"} | environment
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    return result.stdout.strip() or result.stderr


def test_eight_threads_join_at_the_same_moment(tmp_path: Path) -> None:
    assert join(tmp_path, threads=8) == "[]"


def test_one_that_was_killed_is_started_again_by_whoever_had_joined(tmp_path: Path) -> None:
    assert run(tmp_path, JOIN_AGAIN) == "(1,)"


def test_it_starts_in_a_folder_of_any_name_and_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "two words, l'été, 日本, quo\"te $HOME `date`"
    folder.mkdir(mode=0o700)
    assert [join(folder, threads=1), join(folder, threads=1)] == ["[]", "[]"]
    assert (folder / "postgresql" / "PG_VERSION").exists()
    assert not (folder / "postgresql" / "postmaster.pid").exists(), "the last to leave stops it"


def test_whenever_it_starts_it_has_our_settings_whatever_its_folder_says(tmp_path: Path) -> None:
    names = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    assert run(tmp_path, ASK.format(names=names)) == str((*SETTINGS.values(),))
    assert "\nshared_buffers = 128MB" in (tmp_path / "postgresql" / "postgresql.conf").read_text()


@pytest.mark.parametrize("language", ["C", "tr_TR.UTF-8", "UTF-8", "fr_FR.ISO-8859-1"])
def test_whoever_makes_it_in_whatever_language_capitals_and_order_are_the_same(tmp_path: Path, language: str) -> None:
    found = run(tmp_path, ASK_ABOUT_LETTERS, LC_ALL=language, LANG=language)
    assert found == "('É', 'éi', True, ['Zoé', 'adam', 'É', 'é'])"


def test_what_a_shell_says_about_another_database_does_not_concern_it(tmp_path: Path) -> None:
    server = {"PGPORT": "abc", "PGDATESTYLE": "nonsense"}
    way = {"PGHOSTADDR": "127.0.0.9", "PGSERVICE": "another", "PGSSLMODE": "wrong", "PGCONNECT_TIMEOUT": "x"}
    session = {"PGOPTIONS": "-c search_path=another", "PGTZ": "nowhere"}
    assert run(tmp_path, ASK.format(names="current_schema()"), **server, **way, **session) == "('public',)"


def test_it_starts_in_a_shell_that_outlived_the_login_it_comes_from(tmp_path: Path) -> None:
    # Not even root makes a folder there.
    assert run(tmp_path, ASK.format(names="1"), XDG_RUNTIME_DIR="/proc/user/1000") == "(1,)"


@pytest.mark.parametrize("left", ["", "[12, "])
def test_a_list_of_its_users_that_a_full_disk_cut_off_is_made_anew(tmp_path: Path, left: str) -> None:
    assert join(tmp_path, threads=1) == "[]"
    (tmp_path / "postgresql" / ".handle_pids.json").write_text(left)
    assert join(tmp_path, threads=1) == "[]"


def test_one_that_was_told_to_stop_and_waits_for_somebody_connected_is_started_anew(tmp_path: Path) -> None:
    assert run(tmp_path, KEEP_AND_ASK_AGAIN) == "(1,)"


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut off"])
def test_a_process_that_has_the_number_of_one_that_died_with_its_machine_is_not_taken_for_it(
    tmp_path: Path, whole: bool
) -> None:
    assert join(tmp_path, threads=1) == "[]"
    folder = tmp_path / "postgresql"
    lines = [os.getpid(), folder, 1_700_000_000, 5432, folder, "", "  2277387    327683", "ready"]
    (folder / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines[: None if whole else 6]))
    assert join(tmp_path, threads=1) == "[]"
