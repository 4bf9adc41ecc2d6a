"""``python -m cleanup_portal.serve``: the web server, which first says what is wrong with a setting.

Options are gunicorn's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cleanup_portal import environment as env

GUNICORN = ("gunicorn", "--config", "python:cleanup_portal.gunicorn_settings")


def processes() -> int:
    """How many processes serve pages."""
    return env.whole("WEB_CONCURRENCY", default=2, least=1, most=env.MOST_PROCESSES)


def in_numbers(wanted: int) -> dict[str, str]:
    """The number of processes as gunicorn can read it, which it does before it reads any settings: it ends with a
    traceback where the variable is empty, or no number."""
    return {"WEB_CONCURRENCY": str(wanted)}


def main(options: Sequence[str]) -> None:
    """Become gunicorn, under the process number that a supervisor knows."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleanup_portal.settings")
    try:
        os.environ |= in_numbers(settings.WEB_CONCURRENCY)
    except ImproperlyConfigured as error:
        sys.exit(f"The portal is not configured: {error}")
    os.execv(sys.executable, [sys.executable, "-m", *GUNICORN, *options])  # noqa: S606 (there is none)


if __name__ == "__main__":
    main(sys.argv[1:])
