#!/usr/bin/env python
"""The portal's command line: `manage.py help` lists what it can do, `manage.py version` says which portal it is."""

import gc
import os
import signal
import sys
from types import FrameType

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from cleanup_portal import __version__

STOPPED = 128 + signal.SIGTERM


def stop(signum: int, frame: FrameType | None) -> None:
    """End as at an error, so that what was begun is undone; whoever is process 1 would not end at all otherwise."""
    sys.exit(STOPPED)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    # Nothing made while starting is garbage, and to look for it takes a seventh of the start; `ready` ends this.
    gc.disable()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleanup_portal.settings")
    if sys.argv[1:] in (["version"], ["--version"]):
        # Django would answer with its own version.
        sys.stdout.write(f"{__version__}\n")
        sys.exit()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The portal is not configured: {error}")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"The database cannot be used: {str(error).strip()}\nCheck DATABASE_URL and the server, then try again."
        )
