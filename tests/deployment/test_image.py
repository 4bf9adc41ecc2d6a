"""The image's own steps, run without an engine: what `docker build` would do, then what `docker run` would serve."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.run import folder_of_run, unused_port

ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow(reason="installs the locked requirements into an environment of its own"),
    # Both on one worker and one after the other, so that they share it.
    pytest.mark.xdist_group("image"),
    pytest.mark.django_db,
]


@pytest.fixture(scope="module")
def image() -> Path:
    """A folder on which every step of the Dockerfile that can run outside an image was run."""
    folder = folder_of_run("image")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    for word, rest in steps():
        if word == "COPY":
            source, target = rest.split()
            copy(ROOT / source, folder / target)
        elif word == "RUN" and "useradd" not in rest:
            subprocess.run(["sh", "-c", rest], cwd=folder, env=environment(folder), check=True)
    return folder


def steps() -> Iterator[tuple[str, str]]:
    """The instructions of the Dockerfile, in order, lines that go on joined."""
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def environment(folder: Path) -> dict[str, str]:
    """What a process in the image sees: its own Python first, and none of our settings."""
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
    return kept | {"PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"}


def test_the_image_serves_its_health_page_from_a_given_database(image: Path) -> None:
    port = unused_port()
    command = next(json.loads(rest) for word, rest in reversed(list(steps())) if word == "CMD")
    command = [part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in command]
    settings = connection.get_connection_params()
    process = subprocess.Popen(
        command,
        cwd=image,
        env=environment(image)
        | {
            "DATABASE_URL": f"postgres://postgres@/{settings['dbname']}?host={settings['host']}",
            "SECRET_KEY": "of-this-test-only-" * 4,
            "ALLOWED_HOSTS": "cleanup.example.org",
            "PUBLIC_URL": "https://cleanup.example.org",
            "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
        },
    )
    try:
        assert answer(f"http://127.0.0.1:{port}/health/") == 200
        style = "static/bootstrap/css/bootstrap.min.css"
        assert (image / "staticfiles" / style.removeprefix("static/")).exists()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_an_image_without_its_settings_says_which_is_missing(image: Path) -> None:
    run = subprocess.run(
        ["python", "manage.py", "check"],
        cwd=image,
        env=environment(image) | {"ALLOWED_HOSTS": "cleanup.example.org"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("The portal is not configured: SECRET_KEY is not set")


def answer(url: str, seconds: float = 30) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return int(response.status)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
