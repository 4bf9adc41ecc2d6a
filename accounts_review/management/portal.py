"""The portal's own processes, for ``manage.py up`` and ``manage.py demo``."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request

from django.conf import settings
from django.core.management import call_command

from accounts_review.management.supervisor import Child


def prepare() -> None:
    """Bring the database up to date; starts the embedded one, which this process then keeps."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)


def web(port: int) -> Child:
    """The web server on a loopback port."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:cleanup_portal.gunicorn_settings"]
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--chdir", str(settings.BASE_DIR)]
    return Child("web", [*gunicorn, *options, "--log-level", "warning"], {"PUBLIC_URL": f"http://127.0.0.1:{port}"})


def worker(port: int) -> Child:
    """The background worker."""
    manage = str(settings.BASE_DIR / "manage.py")
    return Child("worker", [sys.executable, manage, "worker"], {"PUBLIC_URL": f"http://127.0.0.1:{port}"})


def wait_until_it_answers(port: int, *, seconds: float = 60) -> None:
    """Wait for the web server's health page. Raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"The web server on port {port} did not answer within {seconds:.0f} seconds; see its messages.")
