"""Links that a shell prints lead to the portal that runs, whatever port it found free."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from cleanup_portal import address


def test_it_is_known_as_long_as_the_portal_runs(tmp_path: Path) -> None:
    assert address.of(tmp_path) == "http://127.0.0.1:8000"
    with address.kept(tmp_path, "http://127.0.0.1:8771"):
        assert address.of(tmp_path) == "http://127.0.0.1:8771"
    assert address.of(tmp_path) == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "kept",
    [
        *("", "https://elsewhere.example", "http://127.0.0.1:8771/path", "\xff"),
        *("http://127.0.0.1:0", "http://127.0.0.1:99999"),
    ],
)
def test_what_is_no_address_of_this_machine_is_not_believed(tmp_path: Path, kept: str) -> None:
    """Not even while a portal runs: settings would refuse it, and no process could start."""
    with address.kept(tmp_path, "http://127.0.0.1:8771"):
        (tmp_path / address.FILE).write_text(kept, encoding="latin-1")
        assert address.of(tmp_path) == "http://127.0.0.1:8000"


def test_a_portal_that_was_killed_is_not_believed_any_more(tmp_path: Path) -> None:
    kept = "from pathlib import Path; from cleanup_portal import address; import sys, time\n"
    kept += "with address.kept(Path(sys.argv[1]), 'http://127.0.0.1:8771'): print(flush=True); time.sleep(60)"
    argv = [sys.executable, "-c", kept, str(tmp_path)]
    with subprocess.Popen(argv, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) as portal:
        assert portal.stdout is not None
        portal.stdout.readline()
        assert address.of(tmp_path) == "http://127.0.0.1:8771"
        portal.kill()
    assert address.of(tmp_path) == "http://127.0.0.1:8000"


def test_where_two_run_and_one_ends_the_other_is_known(tmp_path: Path) -> None:
    with address.kept(tmp_path, "http://127.0.0.1:8771"):
        with address.kept(tmp_path, "http://127.0.0.1:8772"):
            assert address.of(tmp_path) == "http://127.0.0.1:8772"
        assert address.of(tmp_path) == "http://127.0.0.1:8771"

    first, second = (address.kept(tmp_path, f"http://127.0.0.1:{port}") for port in (8771, 8772))
    first.__enter__()
    with second:
        first.__exit__(None, None, None)
        assert address.of(tmp_path) == "http://127.0.0.1:8772"
    assert address.of(tmp_path) == "http://127.0.0.1:8000"


def test_a_folder_that_cannot_be_written_to_stops_no_portal(tmp_path: Path) -> None:
    with address.kept(tmp_path / "nowhere", "http://127.0.0.1:8771"):
        assert address.of(tmp_path / "nowhere") == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "http://127.0.0.1:8771"), ({"PUBLIC_URL": "https://localhost"}, "https://localhost")],
)
def test_another_process_links_to_it_unless_it_is_told_otherwise(
    tmp_path: Path, environment: dict[str, str], expected: str
) -> None:
    known = {name: value for name, value in os.environ.items() if name != "PUBLIC_URL"}
    asked = "from cleanup_portal.settings import PUBLIC_URL; print(PUBLIC_URL)"
    with address.kept(tmp_path, "http://127.0.0.1:8771"):
        done = subprocess.run(
            [sys.executable, "-c", asked],
            env=known | {"DATA_DIR": str(tmp_path)} | environment,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == expected
