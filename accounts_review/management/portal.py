"""The portal's own processes, for ``manage.py up`` and ``manage.py demo``."""

from __future__ import annotations

import gc
import os
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.urls import reverse

from accounts_review.management.supervisor import Child
from cleanup_portal.serve import GUNICORN, in_numbers


def prepare() -> None:
    """Bring the database up to date; starts the embedded one, which this process then keeps."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)


def web(port: int, *, is_fork: bool = False) -> Child:
    """The web server on a loopback port."""
    if is_fork:
        return Child("web", run=partial(_serve, port))
    # It looks for its configuration before it takes any option.
    return Child(
        "web", [sys.executable, "-m", *_gunicorn(port)], _environment(port) | {"PYTHONPATH": str(settings.BASE_DIR)}
    )


def worker(port: int, *, is_fork: bool = False) -> Child:
    """The background worker."""
    if is_fork:
        return Child("worker", run=partial(call_command, "worker"))
    return Child("worker", [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"], _environment(port))


def prepare_forks(port: int) -> bool:
    """Make this process one that its children can be forks of, which so share most of their memory, and start at once.

    Its settings are then theirs; false where they would not do, because they are those of a portal on https.
    """
    if urlsplit(settings.PUBLIC_URL).scheme != "http":
        return False
    os.environ |= _environment(port)
    settings.PUBLIC_URL = os.environ["PUBLIC_URL"]
    settings.CSRF_TRUSTED_ORIGINS = [settings.PUBLIC_URL]
    # A connection cannot be shared.
    connections.close_all()
    share_what_is_loaded()
    return True


def share_what_is_loaded() -> None:
    """Load what each process would load for itself, pages' code for addresses in e-mails too, and keep it shared."""
    reverse("account_login")
    # A collection would copy it into each.
    gc.collect()
    gc.freeze()


def _serve(port: int) -> None:
    from gunicorn.app.wsgiapp import run

    sys.argv = _gunicorn(port)
    run()


def _gunicorn(port: int) -> list[str]:
    return [*GUNICORN, "--bind", f"127.0.0.1:{port}", "--workers", "1", "--log-level", "warning"]


def _environment(port: int) -> dict[str, str]:
    return {"PUBLIC_URL": f"http://127.0.0.1:{port}"} | in_numbers(1)


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
